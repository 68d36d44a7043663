export { createTestClock, type TestClock } from './clock.js';
export { createTestIssuer, type TestIssuer } from './issuer.js';
export { createDpopProof, type DpopKeyPair, type DpopProofOptions } from './dpop-proof.js';
export {
  describeStore,
  type CreatedStore,
  type CreateStore,
  type StoreTestRunner,
} from './describe-store.js';

export type {
  KeyRotation,
  Members,
  SignInOptions,
  TestIssuerOptions,
  TestIssuerRouterOptions,
} from './issuer-options.js';
export type { RefreshError, RefreshErrorCode, TokenPair } from './refresh-tokens.js';
export type { OneTimeCodeError } from './one-time-codes.js';
export type { TestIssuerRouter } from './router.js';
