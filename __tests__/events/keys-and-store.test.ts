/**
 * The events of key sets and stores: each once, whole, and without what clients hang on errors.
 */
import {
  createSessions,
  customAuthentication,
  SessionError,
  type SessionStore,
} from 'express-wallet-session';
import { eventually } from '../support/eventually.js';
import { recordEvents } from '../support/events.js';
import { JwksServer } from '../support/jwks-server.js';
import { SigningKey } from '../support/signing-key.js';
import { testStore, throwing, wrapStore } from '../support/stores.js';
import { useTestIssuer } from '../support/use-test-issuer.js';

const kit = useTestIssuer({ authentication: 'custom' });
const events = recordEvents();
const durationMs = expect.any(Number) as number;

describe('keys.fetched and keys.failed', () => {
  let jwks: JwksServer;
  const issuer = 'https://login.example/';

  beforeEach(async () => {
    jwks = await JwksServer.start(new SigningKey(), new SigningKey());
  });

  afterEach(() => jwks.close());

  it('name the address, the number of keys, and the keys that stay in use', async () => {
    const authentication = customAuthentication({ issuer, audience: null, jwksUri: jwks.uri });
    const sessions = createSessions({ authentication, clock: kit.clock });
    const common = { issuer, address: jwks.uri, durationMs };
    jwks.fail(404);
    await sessions.ready().catch(() => undefined);
    const cause = { name: 'Error', message: `${jwks.uri} answered 404` };
    const failed = { type: 'keys.failed', at: kit.clock(), ...common, cause };
    expect(events.all().filter(({ type }) => type !== 'store.failed')).toEqual([failed]);
    jwks.publish([new SigningKey(), new SigningKey()]);
    await sessions.refreshKeys();
    kit.clock.advance(812);
    jwks.fail(404);
    await expect(sessions.refreshKeys()).rejects.toThrow(SessionError);
    expect(events.all().slice(1)).toEqual([
      { type: 'keys.fetched', at: kit.clock() - 812_000, ...common, keys: 2 },
      { ...failed, at: kit.clock(), keys: 2, ageSeconds: 812 },
    ]);
  });

  it('of many waiting requests are one', async () => {
    const authentication = customAuthentication({ issuer, audience: null, jwksUri: jwks.uri });
    const sessions = createSessions({ authentication, clock: kit.clock });
    await Promise.all(Array.from({ length: 5 }, () => sessions.ready()));
    expect(events.all().map(({ type }) => type)).toEqual(['keys.fetched']);
  });

  it('by discovery name the address of the metadata until that of the keys is known', async () => {
    const origin = new URL(jwks.uri).origin;
    const authentication = customAuthentication({ issuer: origin, audience: null });
    const sessions = createSessions({ authentication, clock: kit.clock });
    jwks.fail(500);
    await sessions.ready().catch(() => undefined);
    jwks.answer = (req, res) => {
      const body = req.url?.includes('well-known')
        ? { issuer: origin, jwks_uri: jwks.uri }
        : { keys: [] };
      res.end(JSON.stringify(body));
    };
    await sessions.refreshKeys().catch(() => undefined);
    const metadata = `${origin}/.well-known/openid-configuration`;
    expect(events.of('keys.failed').map(({ address, cause }) => [address, cause.message])).toEqual([
      [metadata, `${metadata} answered 500`],
      [jwks.uri, `${jwks.uri} answered without a usable key`],
    ]);
  });
});

describe('store.failed and store.recovered', () => {
  it('are one for each call that failed, and one for the first answer after them', async () => {
    const store = testStore();
    const { accessToken } = await kit.issuer.signIn('alice');
    const sessions = kit.sessions({ store });
    const session = await sessions.authenticateToken(accessToken);
    const error = Object.assign(new Error('OOM command not allowed'), {
      code: 'OOM',
      command: { name: 'set', args: ['a secret'] },
    });
    store.fault = () => throwing(error);
    for (let time = 0; time < 2; time += 1) {
      await session.mfa.start({ method: 'totp' }).catch(() => undefined);
    }
    await session.signOut().catch(() => undefined);
    store.fault = () => undefined;
    await session.check();
    await session.check();
    const cause = { name: 'Error', message: 'OOM command not allowed', code: 'OOM' };
    const failed = { type: 'store.failed', at: kit.clock(), verb: 'read', durationMs, cause };
    expect(events.take().slice(1)).toEqual([
      failed,
      failed,
      { ...failed, verb: 'raise' },
      { type: 'store.recovered', at: kit.clock(), verb: 'read', durationMs },
    ]);
  });

  it('tell of a time-out, and of no call that the open circuit refuses', async () => {
    let hangs = true;
    const store = wrapStore((work) =>
      hangs ? new Promise(() => undefined) : Promise.resolve(work()),
    );
    const { accessToken } = await kit.issuer.signIn('alice');
    const sessions = kit.sessions({ store });
    for (let time = 0; time < 3; time += 1) {
      await sessions.authenticateToken(accessToken).catch(() => undefined);
    }
    const [failed, ...others] = events.take();
    expect(failed).toEqual({
      ...{ type: 'store.failed', at: kit.clock(), verb: 'read', durationMs },
      cause: {
        name: 'Error',
        message: expect.stringMatching(/^the store did not answer within 1\d{3} ms$/) as string,
      },
    });
    expect(failed).toHaveProperty('durationMs', expect.closeTo(1_050, -3) as number);
    expect(others.map(({ type }) => type)).toEqual(Array(3).fill('session.refused'));
    hangs = false;
    await eventually(() => sessions.authenticateToken(accessToken));
    const [recovered] = events.of('store.recovered');
    expect(recovered?.durationMs).toBeGreaterThan(1_000);
  });

  it.each(['read', 'write', 'raise', 'remove', 'move', 'add'] as const)(
    'hold no key or value of a %s that an error quotes',
    async (verb) => {
      const quoted: unknown[] = [];
      const store: SessionStore = wrapStore((work, called, given) => {
        if (called !== verb) return work();
        quoted.push(...given.flat());
        const text = given.flat().map((one) => (typeof one === 'string' ? one : ''));
        throw new Error(
          `cannot ${called} at redis://user:hunter2@10.0.0.5:6379 ${JSON.stringify(text)} prefix:${text.join(' ')}`,
        );
      });
      await kit
        .sessions({ store })
        .ready()
        .catch(() => undefined);
      const { accessToken } = await kit.issuer.signIn('alice');
      const sessions = kit.sessions({ store, revocation: 'when-available' });
      const session = await sessions.authenticateToken(accessToken);
      await session.mfa.start({ method: 'a method of alice' }).catch(() => undefined);
      await session.signOut().catch(() => undefined);
      const causes = events.of('store.failed').map(({ cause }) => cause.message);
      const told = JSON.stringify([causes, events.of('session.refused')]);
      expect(causes.length).toBeGreaterThan(0);
      for (const cause of causes) expect(cause).toContain(`cannot ${verb} at redis://[redacted]@`);
      expect(told).not.toContain('hunter2');
      expect(told).not.toContain('alice');
      const texts = quoted.filter((one) => typeof one === 'string' && one.length > 8) as string[];
      expect(texts.length).toBeGreaterThan(0);
      for (const text of texts) {
        for (const part of text.match(/[\w-]{8,}/g) ?? []) expect(told).not.toContain(part);
      }
    },
  );
});
