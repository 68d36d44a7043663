/**
 * Who is measured, in the order of the table. `server` is a file in servers/.
 */
export const BARE = 'express';
export const OURS = 'ours';
export const JOSE = 'jose';

export const rivals = [
  { server: OURS, label: 'express-wallet-session' },
  { server: JOSE, label: 'jose by hand' },
  { server: 'fast-jwt', label: 'fast-jwt with its cache, get-jwks' },
  { server: 'express-oauth2-jwt-bearer', label: 'express-oauth2-jwt-bearer' },
  { server: 'aws-jwt-verify', label: 'aws-jwt-verify' },
  { server: 'express-jwt', label: 'express-jwt, jwks-rsa' },
  { server: 'passport-jwt', label: 'passport-jwt, jwks-rsa' },
  { server: 'clerk', label: '@clerk/express (RS256)', alg: 'RS256' },
];

/** The same with `requireMfa()`. */
export const withMfa = [
  { server: 'ours-mfa', label: '`requireMfa()`, memoryStore()' },
  { server: 'ours-mfa-redis', label: '`requireMfa()`, redisStore()', redis: true },
  {
    server: 'ours-mfa-redis-cached',
    label: '`requireMfa()`, redisStore(), client-side caching',
    redis: true,
  },
];
