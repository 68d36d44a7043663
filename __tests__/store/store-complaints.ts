/**
 * What `createSessions` says of a store, where all else is right.
 */
import { generateKeyPairSync } from 'node:crypto';
import {
  ConfigurationError,
  createSessions,
  customAuthentication,
  type SessionStore,
} from 'express-wallet-session';

const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

const authentication = customAuthentication({
  issuer: 'https://issuer.example',
  audience: 'wallet',
  jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), kty: 'EC', kid: '1' }] },
});

export function complaintsAbout(store: SessionStore): readonly string[] {
  try {
    createSessions({ authentication, store });
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.complaints;
    throw error;
  }
}
