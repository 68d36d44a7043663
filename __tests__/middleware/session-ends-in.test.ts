import type { SessionOptions } from 'express-wallet-session';
import { useTestIssuer, type TestIssuerKit } from '../support/use-test-issuer.js';
import { expressVersions, handle } from '../support/wallet-api.js';
import { WalletClient } from '../support/wallet-client.js';

const DAY = 86_400;
const WEEK = 7 * DAY;

/** A client whose session ends in this many seconds. */
async function clientWithLeft(
  kit: TestIssuerKit,
  seconds: number,
  { before, ...options }: Partial<SessionOptions> & { before?: string | string[] } = {},
): Promise<WalletClient> {
  const app = kit.api(options, {
    before(api) {
      if (before === undefined) return;
      api.use((_req, res, next) => {
        res.setHeader('Access-Control-Expose-Headers', before);
        next();
      });
    },
    routes(api) {
      handle(api, 'get', '/broken', () => {
        throw new Error('of the app');
      });
    },
  });
  const authTime = kit.clock() / 1000 - (options.maxSessionSeconds ?? WEEK) + seconds;
  return new WalletClient(app, await kit.issuer.sign({ auth_time: authTime }));
}

function warning({ headers }: { headers: unknown }): readonly unknown[] {
  const all = headers as Record<string, string>;
  return [all['session-ends-in'], all['access-control-expose-headers']];
}

describe('Session-Ends-In', () => {
  const kit = useTestIssuer({ authentication: 'custom' });

  it.each([
    [DAY + 1, undefined],
    [DAY - 1, DAY - 1],
    [3600, 3600],
    [1, 1],
    [0.25, 0],
  ])('with %d s left is %p', async (left, expected) => {
    const me = await (await clientWithLeft(kit, left)).me();
    expect(me.status).toBe(200);
    expect(warning(me)).toEqual(
      expected === undefined ? [undefined, undefined] : [String(expected), 'Session-Ends-In'],
    );
  });

  it('appears at `warnBeforeSeconds` and counts down', async () => {
    const options = { warnBeforeSeconds: 100, maxSessionSeconds: 1000 };
    const client = await clientWithLeft(kit, 110, options);
    expect(warning(await client.me())).toEqual([undefined, undefined]);
    kit.clock.advance(11);
    expect(warning(await client.me())).toEqual(['99', 'Session-Ends-In']);
    kit.clock.advance(99);
    expect((await client.me()).status).toBe(401);
    const never = await clientWithLeft(kit, 1, { warnBeforeSeconds: 0 });
    expect(warning(await never.me())).toEqual([undefined, undefined]);
  });

  it.each([
    ['X-Total', 'X-Total, Session-Ends-In'],
    ['X-Total,Etag', 'X-Total,Etag, Session-Ends-In'],
    [['X-Total', 'Etag'], 'X-Total, Etag, Session-Ends-In'],
    ['', 'Session-Ends-In'],
    ['*', '*, Session-Ends-In'],
    ['session-ends-in, X-Total', 'session-ends-in, X-Total'],
    ['X-Session-Ends-In-Days', 'X-Session-Ends-In-Days, Session-Ends-In'],
  ])('is added to the exposed headers %j', async (before, expected) => {
    const me = await (await clientWithLeft(kit, 60, { before })).me();
    expect(warning(me)).toEqual(['60', expected]);
  });

  it('is absent if the start of the session is unknown', async () => {
    const client = await clientWithLeft(kit, 60);
    const iat = kit.clock() / 1000 - WEEK + 60;
    const token = await kit.issuer.sign({ auth_time: undefined, iat });
    expect(warning(await new WalletClient(kit.api(), token).me())).toEqual([undefined, undefined]);
    expect(warning(await client.me())[0]).toBe('60');
  });

  it('is absent if the token is refused', async () => {
    const client = await clientWithLeft(kit, 60);
    expect((await client.me()).status).toBe(200);
    const anonymous = await clientWithLeft(kit, -1);
    const refused = await anonymous.me();
    expect([refused.status, ...warning(refused)]).toEqual([401, undefined, 'WWW-Authenticate']);
  });
});

describe.each(expressVersions)('Session-Ends-In on %s', (_version, express) => {
  const kit = useTestIssuer({ authentication: 'custom', express });

  it('is on every response, also on refusals and errors of the app', async () => {
    const client = await clientWithLeft(kit, 60);
    for (const [answer, status, exposed] of [
      [client.transfer(), 403, 'Session-Ends-In, WWW-Authenticate'],
      [client.send('get', '/broken'), 500, 'Session-Ends-In'],
      [client.send('get', '/nowhere'), 404, 'Session-Ends-In'],
    ] as const) {
      const response = await answer;
      expect([response.status, ...warning(response)]).toEqual([status, '60', exposed]);
    }
  });
});
