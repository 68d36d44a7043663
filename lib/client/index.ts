/**
 * `express-wallet-session/client`: a `fetch` for the frontend of a wallet app, in browsers and in
 * Node, without a dependency. Of the rest of the library it imports `protocol.ts` alone.
 */
export { createSessionFetch } from './session-fetch.js';
export type { ProofRequest, SessionFetchOptions } from './options.js';
export type { ErrorAction, ErrorType, JsonValue, Problem } from '../protocol.js';
