export { createTestClock, type TestClock } from './clock.js';
export {
  createTestIssuer,
  type TestIssuer,
  type TestIssuerOptions,
  type TokenPair,
} from './issuer.js';
export { RefreshError, type RefreshErrorCode } from './refresh-tokens.js';
export { describeStore } from './describe-store.js';
