/**
 * Seven days of a session in a second: one clock drives the issuer and the API.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createTestClock, createTestIssuer, type TestIssuer } from 'express-wallet-session/testing';
import { walletApi } from '../support/wallet-api.js';

const DAY = 86_400;
const ACCESS_TOKEN_SECONDS = 900;

interface Answer {
  readonly status: number;
  readonly errorType: string | undefined;
  readonly endsInSeconds: number | undefined;
}

describe.each(['cdp', 'custom'] as const)('A session of %s authentication', (authentication) => {
  const clock = createTestClock();
  let issuer: TestIssuer;
  let call: (method: string, path: string, token: string, previous?: string) => Promise<Answer>;
  let close: () => void;

  beforeAll(async () => {
    issuer = await createTestIssuer({ authentication, clock });
    const app = walletApi({
      authentication: issuer.authentication,
      mfa: { windowSeconds: DAY },
      clock,
    });
    const server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    close = () => {
      server.close();
      server.closeAllConnections();
    };
    call = async (method, path, token, previous) => {
      const response = await fetch(`${origin}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(previous !== undefined && { 'previous-access-token': previous }),
          ...(path === '/mfa' && { 'content-type': 'application/json' }),
        },
        ...(path === '/mfa' && { body: JSON.stringify({ method: 'totp' }) }),
      });
      const body = (await response.json()) as { errorType?: string };
      const endsIn = response.headers.get('session-ends-in');
      return {
        status: response.status,
        errorType: body.errorType,
        endsInSeconds: endsIn === null ? undefined : Number(endsIn),
      };
    };
  });

  afterAll(() => {
    close();
  });

  it('lasts for 7 days of refreshes, and then needs a new sign-in', async () => {
    let client = await issuer.signIn('user-1');
    expect((await call('POST', '/mfa', client.accessToken)).status).toBe(200);

    const refused: unknown[] = [];
    const warned: unknown[] = [];
    let verifiedUntil = 0;
    for (let age = ACCESS_TOKEN_SECONDS; age < 7 * DAY; age += ACCESS_TOKEN_SECONDS) {
      clock.advance(ACCESS_TOKEN_SECONDS);
      if (age === 3 * DAY) await issuer.rotateKeys({ overlapSeconds: ACCESS_TOKEN_SECONDS });
      const previous = client.accessToken;
      client = await issuer.refresh(client.refreshToken);
      const me = await call('GET', '/me', client.accessToken, previous);
      if (me.status !== 200) refused.push([age, me]);
      if (me.endsInSeconds !== undefined) warned.push([age, me.endsInSeconds]);
      if (age <= 2 * DAY) {
        const transfer = await call('POST', '/transfers', client.accessToken);
        if (transfer.status === 201) verifiedUntil = age;
      }
    }
    expect(refused).toEqual([]);
    // MFA was carried over to each new token, and no refresh moved its end.
    expect(verifiedUntil).toBe(DAY - ACCESS_TOKEN_SECONDS);
    expect(warned).toEqual(authentication === 'cdp' ? [] : warningsOfTheLastDay());

    clock.advance(ACCESS_TOKEN_SECONDS);
    await expect(issuer.refresh(client.refreshToken)).rejects.toMatchObject({
      code: 'refresh_token_expired',
    });
    expect(await call('GET', '/me', client.accessToken)).toMatchObject(
      authentication === 'cdp'
        ? { status: 200 } // Its `exp` is this very moment, within the tolerance for clocks.
        : { status: 401, errorType: 'session_expired' },
    );
    client = await issuer.signIn('user-1');
    expect((await call('GET', '/me', client.accessToken)).status).toBe(200);
  }, 30_000);
});

function warningsOfTheLastDay(): [number, number][] {
  const warnings: [number, number][] = [];
  for (let left = DAY; left > 0; left -= ACCESS_TOKEN_SECONDS) {
    warnings.push([7 * DAY - left, left]);
  }
  return warnings;
}
