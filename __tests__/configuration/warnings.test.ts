/**
 * Options that the contract allows and that are almost certainly a mistake: Node warns of them.
 */
import { jest } from '@jest/globals';
import {
  cdpAuthentication,
  createSessions,
  requireMfa,
  validateSession,
  type RequireMfaOptions,
  type SessionOptions,
} from 'express-wallet-session';
import express from 'express';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { WalletClient } from '../support/wallet-client.js';
import { cdp } from './complaints.js';

const DAY = 86_400;
const YEAR = 365 * DAY;

let warnings: [message: unknown, options: unknown][];

beforeEach(() => {
  warnings = [];
  jest.spyOn(process, 'emitWarning').mockImplementation((...given: unknown[]) => {
    warnings.push([given[0], given[1]]);
  });
});
afterEach(() => {
  jest.restoreAllMocks();
});

describe('A number of seconds that looks like one of milliseconds', () => {
  it.each<[string, number, string, SessionOptions]>([
    ['mfa.windowSeconds', 300_000, 'day', { mfa: { windowSeconds: 300_000 } }],
    ['maxSessionSeconds', 604_800_000, 'year', { maxSessionSeconds: 604_800_000 }],
    ['warnBeforeSeconds', 86_400_000, 'year', { warnBeforeSeconds: 86_400_000 }],
    ['tokenCache.maxAgeSeconds', 300_000, 'day', { tokenCache: { maxAgeSeconds: 300_000 } }],
  ])('is warned of as %s when it is created', (name, given, most, options) => {
    validateSession({ authentication: cdpAuthentication(cdp), ...options });
    expect(warnings).toEqual([
      [
        `validateSession(): \`${name}\` is ${given}, more than a ${most}. It is a number of seconds, not of milliseconds.`,
        { type: 'ConfigurationWarning' },
      ],
    ]);
  });

  it('is not warned of if it may be meant', () => {
    createSessions({
      authentication: cdpAuthentication(cdp),
      mfa: { windowSeconds: DAY },
      maxSessionSeconds: YEAR,
      warnBeforeSeconds: YEAR,
      tokenCache: { maxAgeSeconds: DAY },
    });
    createSessions({ authentication: cdpAuthentication(cdp) });
    expect(warnings).toEqual([]);
  });
});

describe('A `maxAgeSeconds` above `mfa.windowSeconds`', () => {
  const kit = useTestIssuer();
  const warning = [
    'requireMfa(): `maxAgeSeconds` is 600, above `mfa.windowSeconds`, and counts as 300.',
    { type: 'ConfigurationWarning' },
  ];

  async function transferTwice(options: RequireMfaOptions): Promise<void> {
    const sessions = options.sessions ?? kit.sessions();
    const app = express().use(validateSession(sessions));
    app.post('/transfers', requireMfa(options), (_req, res) => res.json('passed'));
    const { accessToken } = await kit.issuer.signIn('alice');
    for (let time = 1; time <= 2; time += 1) {
      const response = await new WalletClient(app, accessToken).transfer();
      expect(response.body).toMatchObject({ maxAgeSeconds: 300 });
    }
  }

  it('counts as the window, and is warned of once, with the first request', async () => {
    await transferTwice({ maxAgeSeconds: 600 });
    expect(warnings).toEqual([warning]);
  });

  it('is warned of when the guard is created, if it names its sessions', async () => {
    const sessions = kit.sessions();
    requireMfa({ maxAgeSeconds: 600, sessions });
    expect(warnings).toEqual([warning]);
    await transferTwice({ maxAgeSeconds: 600, sessions });
    expect(warnings).toEqual([warning, warning]);
  });

  it('is not warned of if it is the window', async () => {
    await transferTwice({ maxAgeSeconds: 300 });
    expect(warnings).toEqual([]);
  });
});
