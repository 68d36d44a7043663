/**
 * Who signs the wallet's users in: one stand-in for each kind of authentication. A real wallet has
 * one of them; this one has both, to compare.
 *
 * CDP's published sample of an access token has no session id, so MFA belongs to one access token,
 * that is to one tab. The tokens of the custom provider have `sid`, and MFA belongs to the user.
 */
import { createTestIssuer, type TestIssuer } from 'express-wallet-session/testing';

export interface WalletIssuers {
  readonly cdp: TestIssuer;
  readonly custom: TestIssuer;
}

export async function createWalletIssuers(clock: () => number): Promise<WalletIssuers> {
  const issuers = {
    cdp: await createTestIssuer({ authentication: 'cdp', clock }),
    custom: await createTestIssuer({
      authentication: 'custom',
      issuer: 'https://id.wallet.example/',
      audience: 'https://api.wallet.example',
      clock,
    }),
  };
  for (const issuer of [issuers.cdp, issuers.custom]) {
    const signInWithCode = issuer.signInWithCode.bind(issuer);
    issuer.signInWithCode = (email, code) => {
      // `auth_time`, which CDP's sample lacks: only from it can an API know when a session ends.
      const auth_time = Math.floor(clock() / 1000);
      return signInWithCode(email, code, { claims: { auth_time, email } });
    };
  }
  return issuers;
}
