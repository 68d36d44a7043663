/**
 * Who is measured, in the order of the table. `server` is a file in servers/; `remembers` says that
 * a token that was verified is not verified again; `hasGoal`, that it takes more turns, because it
 * has a goal to meet or is what one is held against.
 */
export const BARE = 'express';
export const OURS = 'ours';
export const OURS_WITH_MFA = 'ours-mfa';
export const JOSE = 'jose';
/** As fast as any check can be that reads the token and remembers it by its SHA-256. */
export const CEILING = 'cache-by-hand';

export const rivals = [
  { server: OURS, label: 'express-wallet-session', remembers: true, hasGoal: true },
  { server: JOSE, label: 'jose by hand', hasGoal: true },
  { server: CEILING, label: 'jose and a cache by hand', remembers: true, hasGoal: true },
  { server: 'fast-jwt', label: 'fast-jwt with its cache, get-jwks', remembers: true },
  { server: 'express-oauth2-jwt-bearer', label: 'express-oauth2-jwt-bearer' },
  { server: 'aws-jwt-verify', label: 'aws-jwt-verify' },
  { server: 'express-jwt', label: 'express-jwt, jwks-rsa' },
  { server: 'passport-jwt', label: 'passport-jwt, jwks-rsa' },
  { server: 'clerk', label: '@clerk/express (RS256)', alg: 'RS256' },
].map(signedWithEs256);

export const OURS_WITH_EMPTY_GUARD = 'ours-empty-guard';
export const OURS_WITH_MFA_ON_REDIS = 'ours-mfa-redis';
export const OURS_WITH_MFA_ON_CACHED_REDIS = 'ours-mfa-redis-cached';

/** The same with a guard in front of the route. */
export const guarded = [
  { server: OURS_WITH_MFA, hasGoal: true },
  { server: OURS_WITH_EMPTY_GUARD, hasGoal: true },
  { server: OURS_WITH_MFA_ON_REDIS, redis: true },
  { server: OURS_WITH_MFA_ON_CACHED_REDIS, redis: true, hasGoal: true },
].map((one) => signedWithEs256({ ...one, remembers: true }));

/** Unless it says otherwise. */
function signedWithEs256(server) {
  return { alg: 'ES256', ...server };
}
