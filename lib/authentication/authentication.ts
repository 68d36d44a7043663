/**
 * Who signs the access tokens, as plain data: what `cdpAuthentication()` and
 * `customAuthentication()` carry to `createSessions()`, which checks it.
 */
import type { CdpAuthentication } from './cdp.js';
import type { CustomAuthentication } from './custom.js';

/** What `cdpAuthentication()` or `customAuthentication()` made. */
export type Authentication = CdpAuthentication | CustomAuthentication;
