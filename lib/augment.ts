/**
 * Declares `req.session` for TypeScript. Opt-in, because `@types/express-session` declares the same
 * name: import it once, or list it in `types` of your tsconfig.
 */
import type { Session } from './session.js';

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- how Express's types are extended
  namespace Express {
    interface Request {
      /** Undefined if `validateSession()` did not run, and on anonymous requests. */
      session?: Session;
    }
  }
}
