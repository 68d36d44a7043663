/**
 * The site that a passkey belongs to. Behind a proxy this is configuration; here `loopbackOnly` has
 * checked the host.
 */
import type { Request } from 'express';
import type { Site } from '../factors/passkeys.js';

export function siteOf(req: Request): Site {
  const host = req.get('Host') ?? '';
  return { origin: `http://${host}`, rpID: host.replace(/:\d+$/, '') };
}
