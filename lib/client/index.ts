/**
 * `express-wallet-session/client`: a `fetch` for the frontend of a wallet app, in browsers and in
 * Node, without a dependency. It imports nothing from the rest of the library.
 */
export { createSessionFetch } from './session-fetch.js';
export type { SessionFetchOptions } from './options.js';
export type { Problem } from './problem.js';
