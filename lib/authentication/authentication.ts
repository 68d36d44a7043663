/**
 * An authentication: the unchecked options that `cdpAuthentication()` or `customAuthentication()`
 * carries to `createSessions()`.
 */
import type { CdpAuthentication } from './cdp.js';
import type { CustomAuthentication } from './custom.js';

/** The result of `cdpAuthentication()` or `customAuthentication()`. */
export type Authentication = CdpAuthentication | CustomAuthentication;
