/**
 * Declares `req.session` for TypeScript. Import it once, or list it in `types` of your tsconfig.
 *
 * It is opt-in, because `@types/express-session` declares the same name. Beside express-session,
 * declare the name that the option `property` gives in the same way.
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
