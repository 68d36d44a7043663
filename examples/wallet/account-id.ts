/**
 * Whose money it is. Two issuers may give the same user id to two people, so the issuer belongs to
 * the name of an account.
 */
import type { Session } from 'express-wallet-session';

export function accountIdOf({ issuer, userId }: Session): string {
  return JSON.stringify([issuer, userId]);
}
