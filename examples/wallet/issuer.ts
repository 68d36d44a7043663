/**
 * Who signs the wallet's users in: a stand-in for CDP. Its access tokens are like CDP's published
 * sample, which has no session id, so that MFA belongs to one tab; and they have two claims more.
 */
import { createTestIssuer, type TestIssuer } from 'express-wallet-session/testing';

export async function createWalletIssuer(clock: () => number): Promise<TestIssuer> {
  const issuer = await createTestIssuer({ authentication: 'cdp', clock });
  const signInWithCode = issuer.signInWithCode.bind(issuer);
  issuer.signInWithCode = (email, code) => {
    // When the user signed in: only where tokens say it can an API know when the session ends.
    const auth_time = Math.floor(clock() / 1000);
    return signInWithCode(email, code, { claims: { auth_time, email } });
  };
  return issuer;
}
