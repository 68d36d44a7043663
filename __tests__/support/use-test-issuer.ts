/**
 * A clock and an issuer for each test of a suite, and the sessions, APIs and clients that use them.
 */
import type { Express } from 'express';
import { createSessions, type SessionOptions, type Sessions } from 'express-wallet-session';
import {
  createTestClock,
  createTestIssuer,
  type TestClock,
  type TestIssuer,
  type TestIssuerOptions,
} from 'express-wallet-session/testing';
import { walletApi, type WalletApiOptions } from './wallet-api.js';
import { WalletClient } from './wallet-client.js';

export interface TestIssuerKit {
  readonly clock: TestClock;
  readonly issuer: TestIssuer;
  /** Options that trust the issuer and go by the clock; `more` overrides them. */
  options(more?: SessionOptions): SessionOptions;
  sessions(more?: SessionOptions): Sessions;
  /** @param more a store, a token reader and so on, or sessions that exist already */
  api(more?: SessionOptions | Sessions, options?: WalletApiOptions): Express;
  /** A client of a new API, with a new access token of this user. */
  signIn(
    userId: string,
    more?: SessionOptions | Sessions,
    options?: WalletApiOptions,
  ): Promise<WalletClient>;
}

/**
 * Call it in a `describe` or at the top of a file; read `clock` and `issuer` within tests and hooks.
 *
 * @param options of the issuer, and the Express of its APIs
 * @example
 * ```ts
 * describe.each(expressVersions)('requireMfa() on %s', (_version, express) => {
 *   const kit = useTestIssuer({ authentication: 'custom', express });
 *
 *   it('asks for MFA', async () => {
 *     const alice = await kit.signIn('alice', { store });
 *     expectProblem(await alice.transfer(), 'mfa_required');
 *   });
 * });
 * ```
 */
export function useTestIssuer(
  options: Omit<TestIssuerOptions, 'clock'> & Pick<WalletApiOptions, 'express'> = {},
): TestIssuerKit {
  const { express, ...issuerOptions } = options;
  let clock: TestClock;
  let issuer: TestIssuer;

  beforeEach(async () => {
    clock = createTestClock();
    issuer = await createTestIssuer({ ...issuerOptions, clock });
  });

  const kit: TestIssuerKit = {
    get clock() {
      return clock;
    },
    get issuer() {
      return issuer;
    },
    options: (more) => ({ authentication: issuer.authentication, clock, ...more }),
    sessions: (more) => createSessions(kit.options(more)),
    api: (more = {}, apiOptions = {}) =>
      walletApi('authenticateToken' in more ? more : kit.options(more), {
        ...(express && { express }),
        ...apiOptions,
      }),
    async signIn(userId, more, apiOptions) {
      const { accessToken } = await issuer.signIn(userId);
      return new WalletClient(kit.api(more, apiOptions), accessToken);
    },
  };
  return kit;
}
