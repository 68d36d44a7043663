/**
 * Who is measured, in the order of the table. `server` is a file in servers/; `remembers` says that
 * a token that was verified is not verified again; `isMain`, that one of the goals is about it, so
 * that it is in every round of every block.
 */
export const BARE = 'express';
export const OURS = 'ours';
export const JOSE = 'jose';
export const FAST_JWT = 'fast-jwt';
/** As fast as any check can be that reads the token and remembers it by its SHA-256. */
export const BY_HAND = 'cache-by-hand';
/** The same, bounded and with the session kept apart from the request. */
export const BOUNDED_BY_HAND = 'bounded-cache-by-hand';

export const rivals = [
  { server: OURS, label: 'express-wallet-session', remembers: true, isMain: true },
  { server: JOSE, label: 'jose by hand', isMain: true },
  { server: BY_HAND, label: 'jose and a cache by hand', remembers: true, isMain: true },
  { server: BOUNDED_BY_HAND, label: 'the same, bounded', remembers: true, isMain: true },
  { server: FAST_JWT, label: 'fast-jwt with its cache', remembers: true, isMain: true },
  { server: 'express-oauth2-jwt-bearer', label: 'express-oauth2-jwt-bearer' },
  { server: 'aws-jwt-verify', label: 'aws-jwt-verify' },
  { server: 'express-jwt', label: 'express-jwt, jwks-rsa' },
  { server: 'passport-jwt', label: 'passport-jwt, jwks-rsa' },
  { server: 'clerk', label: '@clerk/express (RS256)', alg: 'RS256' },
].map((rival) => ({ alg: 'ES256', ...rival }));
