// The middleware: mounted in this order.
export { validateSession } from './middleware/validate-session.js';
export { requireSession } from './middleware/require-session.js';
export { requireScope } from './middleware/require-scope.js';
export { requireMfa } from './middleware/require-mfa.js';
export { getApproval, requireApproval } from './middleware/require-approval.js';
export { backchannelLogout } from './middleware/backchannel-logout.js';
export { problemHandler, sendProblem } from './middleware/send-problem.js';
export { findSession, getSession } from './middleware/request-session.js';

// The core without Express.
export { createSessions } from './wallet-sessions.js';

// Its options.
export { cdpAuthentication } from './authentication/cdp.js';
export { customAuthentication } from './authentication/custom.js';
export { fromBearer, fromCookie } from './token-reader.js';
export { acrEvidence, amrEvidence } from './mfa/evidence.js';
export { memoryStore } from './store/memory.js';

// Its errors.
export { SessionError } from './errors.js';
export { ConfigurationError } from './option-reader.js';

export type { ErrorMiddleware, Middleware, Next } from './middleware/middleware.js';
export type { ConditionRequest, GuardOptions } from './middleware/guard.js';
export type { RequireMfaOptions } from './middleware/require-mfa.js';
export type { FactorPolicyOptions, MfaPolicyOptions } from './mfa/parse-mfa-policy.js';
export type { RequireApprovalOptions } from './middleware/require-approval.js';
export type { BackchannelLogoutOptions } from './middleware/backchannel-logout.js';
export type { Sessions } from './sessions-interface.js';
export type { SessionWatch, SessionWatchOptions } from './watch/session-watch.js';
export type { RequestHeaders } from './request-headers.js';
export type { MfaOptions, SessionOptions, TokenCacheOptions } from './options.js';
export type { Session, SessionMfa } from './session.js';
export type { MfaEvidence, MfaSession } from './mfa/mfa-session.js';
export type { MfaProof } from './mfa/mfa-sessions.js';
export type { ClaimsEvidence } from './mfa/evidence.js';
export type { Authentication } from './authentication/authentication.js';
export type {
  CheckClaims,
  DiscoveredKeySource,
  DpopMode,
  KeySource,
  MfaScope,
} from './authentication/key-source.js';
export type { SignatureAlgorithm } from './jwks/signature.js';
export type { CdpAuthenticationOptions, ValidateAccessToken } from './authentication/cdp.js';
export type { CustomAuthenticationOptions } from './authentication/custom.js';
export type { AuthenticateRequest, RequestWithHeaders, TokenReader } from './token-reader.js';
export type { SessionStore } from './store/session-store.js';
export type { MaybePromise } from './maybe-promise.js';
export type { MemoryStoreOptions } from './store/memory.js';
export type { SessionErrorOptions } from './errors.js';
export type { SessionEvent } from './events/session-event.js';
export type { EventCause } from './refusal-note.js';
export type {
  ApprovalDemand,
  ErrorAction,
  ErrorType,
  FactorDemand,
  JsonValue,
  MfaDemand,
  Problem,
} from './protocol.js';
export type { MfaApproval, MfaChallenge, WebAuthnChallenge } from './approval/mfa-approval.js';
export type { FactorVerifier } from './approval/challenges.js';
export type { OperationApprovalOptions } from './approval/operation.js';
export type { RequestTarget } from './approval/digest.js';
