/**
 * Seven days of a session in a second: one clock drives the issuer and the API.
 */
import { expectProblem } from '../support/expect-problem.js';
import { listen, type Listening } from '../support/listen.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { previously, WalletClient } from '../support/wallet-client.js';

const DAY = 86_400;
const ACCESS_TOKEN_SECONDS = 900;

describe.each(['cdp', 'custom'] as const)('A session of %s authentication', (authentication) => {
  const kit = useTestIssuer({ authentication });
  let api: Listening;

  beforeEach(async () => {
    api = await listen(kit.api({ mfa: { windowSeconds: DAY } }));
  });

  afterEach(() => api.close());

  function client(token: string, previous?: string): WalletClient {
    return new WalletClient(api.url, token, previous === undefined ? {} : previously(previous));
  }

  it('lasts for 7 days of refreshes, and then needs a new sign-in', async () => {
    const { clock, issuer } = kit;
    let tokens = await issuer.signIn('user-1');
    expect((await client(tokens.accessToken).verifyMfa()).status).toBe(200);

    const refused: unknown[] = [];
    const warned: unknown[] = [];
    let verifiedUntil = 0;
    for (let age = ACCESS_TOKEN_SECONDS; age < 7 * DAY; age += ACCESS_TOKEN_SECONDS) {
      clock.advance(ACCESS_TOKEN_SECONDS);
      if (age === 3 * DAY) await issuer.rotateKeys({ overlapSeconds: ACCESS_TOKEN_SECONDS });
      const previous = tokens.accessToken;
      tokens = await issuer.refresh(tokens.refreshToken);
      const me = await client(tokens.accessToken, previous).me();
      if (me.status !== 200) refused.push([age, me.body]);
      const endsIn = me.get('Session-Ends-In');
      if (endsIn !== undefined) warned.push([age, Number(endsIn)]);
      if (age <= 2 * DAY) {
        const transfer = await client(tokens.accessToken).transfer();
        if (transfer.status === 201) verifiedUntil = age;
      }
    }
    expect(refused).toEqual([]);
    // MFA was carried over to each new token, and no refresh moved its end.
    expect(verifiedUntil).toBe(DAY - ACCESS_TOKEN_SECONDS);
    expect(warned).toEqual(authentication === 'cdp' ? [] : warningsOfTheLastDay());

    clock.advance(ACCESS_TOKEN_SECONDS);
    await expect(issuer.refresh(tokens.refreshToken)).rejects.toMatchObject({
      code: 'refresh_token_expired',
    });
    const last = await client(tokens.accessToken).me();
    // The `exp` of a CDP token is this very moment, within the tolerance for clocks.
    if (authentication === 'cdp') expect(last.status).toBe(200);
    else expectProblem(last, 'session_expired');
    tokens = await issuer.signIn('user-1');
    expect((await client(tokens.accessToken).me()).status).toBe(200);
  }, 30_000);
});

function warningsOfTheLastDay(): [number, number][] {
  const warnings: [number, number][] = [];
  for (let left = DAY; left > 0; left -= ACCESS_TOKEN_SECONDS) {
    warnings.push([7 * DAY - left, left]);
  }
  return warnings;
}
