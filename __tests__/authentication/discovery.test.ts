/**
 * Keys whose address is read from the issuer's metadata (OpenID Connect Discovery 1.0, RFC 8414):
 * from which address, what must be in it, and what becomes of it in an outage.
 */
import type { RequestListener } from 'node:http';
import type { Express } from 'express';
import {
  createSessions,
  customAuthentication,
  type CustomAuthenticationOptions,
  type SessionOptions,
} from 'express-wallet-session';
import { createTestClock, type TestClock } from 'express-wallet-session/testing';
import request, { type Test } from 'supertest';
import { recordEvents } from '../support/events.js';
import { eventually } from '../support/eventually.js';
import { expectProblem, type Answered } from '../support/expect-problem.js';
import { JwksServer } from '../support/jwks-server.js';
import { accessTokenClaims, AUDIENCE, SigningKey } from '../support/signing-key.js';
import { walletApi } from '../support/wallet-api.js';

type Members = Readonly<Record<string, unknown>>;

const OPENID = '/.well-known/openid-configuration';
const OAUTH = '/.well-known/oauth-authorization-server';
const key = new SigningKey();

let clock: TestClock;
let jwks: JwksServer;
let idp: Issuer;

/** Metadata at some paths, and 404 at all others. */
class Issuer {
  readonly asked: string[] = [];
  readonly metadata = new Map<string, unknown>();
  trouble: RequestListener | undefined;
  readonly #server = new JwksServer();

  async open(): Promise<this> {
    this.#server.answer = (req, res): void => {
      this.asked.push(req.url ?? '');
      const found = this.metadata.get(req.url ?? '');
      if (this.trouble !== undefined) this.trouble(req, res);
      else if (found === undefined) res.writeHead(404).end();
      else res.writeHead(200).end(typeof found === 'string' ? found : JSON.stringify(found));
    };
    await this.#server.open();
    return this;
  }

  get origin(): string {
    return new URL(this.#server.uri).origin;
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  /** Publishes metadata at the path. */
  publish(path: string, issuer: string, members: Members = {}): void {
    this.metadata.set(path, { issuer, jwks_uri: jwks.uri, ...members });
  }

  answerWith(status: number, headers: Readonly<Record<string, string>> = {}): void {
    this.trouble = (_req, res): void => {
      res.writeHead(status, headers).end();
    };
  }
}

beforeEach(async () => {
  clock = createTestClock();
  jwks = await JwksServer.start(key);
  idp = await new Issuer().open();
  idp.publish(OPENID, idp.origin);
});

afterEach(async () => {
  await Promise.all([jwks.close(), idp.close()]);
});

function options(
  issuer = idp.origin,
  more: Partial<CustomAuthenticationOptions> = {},
): SessionOptions {
  const given = { issuer, audience: AUDIENCE, ...more };
  return { authentication: customAuthentication(given), clock };
}

function get(app: Express, signer = key, issuer = idp.origin): Test {
  const token = signer.token(accessTokenClaims(clock(), { iss: issuer }));
  return request(app).get('/me').auth(token, { type: 'bearer' });
}

async function expectPass(app: Express, signer = key, issuer = idp.origin): Promise<void> {
  const answer: Answered = await get(app, signer, issuer);
  expect(answer).toMatchObject({ status: 200, body: { userId: 'victim', issuer } });
}

async function causeOf(given: SessionOptions): Promise<string> {
  const error: unknown = await createSessions(given)
    .ready()
    .catch((reason: unknown) => reason);
  expect(error).toMatchObject({ errorType: 'verification_unavailable' });
  return (error as { cause: Error }).cause.message;
}

describe('The metadata are read', () => {
  it('when keys are needed and not before, once for all who wait', async () => {
    const app = walletApi(options());
    expect(idp.asked).toEqual([]);
    await Promise.all(Array.from({ length: 20 }, () => expectPass(app)));
    expect(idp.asked).toEqual([OPENID]);
    expect(jwks.fetches).toBe(1);
  });

  it.each([
    ['', OPENID, OAUTH],
    ['/', OPENID, OAUTH],
    ['/realms/wallet', `/realms/wallet${OPENID}`, `${OAUTH}/realms/wallet`],
    ['/realms/wallet/', `/realms/wallet${OPENID}`, `${OAUTH}/realms/wallet`],
  ])('for an issuer with the path "%s" at %s, and on 404 at %s', async (path, openid, oauth) => {
    const issuer = `${idp.origin}${path}`;
    idp.metadata.clear();
    idp.publish(openid, issuer);
    await expectPass(walletApi(options(issuer)), key, issuer);
    expect(idp.asked.splice(0)).toEqual([openid]);

    idp.metadata.clear();
    idp.publish(oauth, issuer);
    await expectPass(walletApi(options(issuer)), key, issuer);
    expect(idp.asked).toEqual([openid, oauth]);
  });

  it("by the app's own fetch, as are the keys", async () => {
    const asked: string[] = [];
    const given: typeof fetch = (input, init) => {
      asked.push(input as string);
      return fetch(input, init);
    };
    await expectPass(walletApi(options(idp.origin, { fetch: given })));
    expect(asked).toEqual([`${idp.origin}${OPENID}`, jwks.uri]);
  });

  it('without regard to the algorithms in them', async () => {
    idp.publish(OPENID, idp.origin, { id_token_signing_alg_values_supported: ['HS256', 'none'] });
    await expectPass(walletApi(options()));
  });
});

describe('The metadata are refused', () => {
  it.each<readonly [string, () => unknown, string]>([
    [
      'answers 500',
      () => {
        idp.answerWith(500);
      },
      `ORIGIN${OPENID} answered 500`,
    ],
    [
      'answers 401',
      () => {
        idp.answerWith(401);
      },
      `ORIGIN${OPENID} answered 401`,
    ],
    [
      'answers 404 at both addresses',
      () => {
        idp.answerWith(404);
      },
      `ORIGIN${OPENID} answered 404, and ORIGIN${OAUTH} answered 404`,
    ],
    [
      'redirects',
      () => {
        idp.answerWith(302, { location: '/other?secret' });
      },
      `ORIGIN${OPENID} answered 302, a redirect to ORIGIN/other, which is not followed`,
    ],
    [
      'names another issuer',
      () => {
        idp.publish(OPENID, 'https://other.example');
      },
      `ORIGIN${OPENID} names the issuer https://other.example, but ORIGIN is configured`,
    ],
    [
      'names the issuer with a trailing slash',
      () => {
        idp.publish(OPENID, `${idp.origin}/`);
      },
      `ORIGIN${OPENID} names the issuer ORIGIN/, but ORIGIN is configured: they differ by a trailing slash`,
    ],
    [
      'names no issuer',
      () => {
        idp.metadata.set(OPENID, { jwks_uri: jwks.uri });
      },
      `ORIGIN${OPENID} names the issuer nothing, but ORIGIN is configured`,
    ],
    [
      'is no JSON',
      () => idp.metadata.set(OPENID, '<h1>'),
      `ORIGIN${OPENID} answered something that is not JSON`,
    ],
    [
      'is no object',
      () => idp.metadata.set(OPENID, []),
      `ORIGIN${OPENID} answered without an object of metadata`,
    ],
    ...[
      undefined,
      null,
      5,
      '',
      '/jwks.json',
      'http://issuer.example/jwks',
      'file:///jwks',
      'https://u:p@a.example/',
    ].map(
      (uri) =>
        [
          `has the jwks_uri ${String(uri)}`,
          (): void => {
            idp.publish(OPENID, idp.origin, { jwks_uri: uri });
          },
          `ORIGIN${OPENID} has no \`jwks_uri\` that is an https: address`,
        ] as const,
    ),
    [
      'is too long',
      () => {
        idp.publish(OPENID, idp.origin, { pad: 'x'.repeat(512 * 1024) });
      },
      `ORIGIN${OPENID} answered more than 524288 bytes`,
    ],
  ])('if the issuer %s, and that is not remembered', async (_what, spoil, message) => {
    const app = walletApi(options());
    spoil();
    expect(await causeOf(options())).toBe(message.replaceAll('ORIGIN', idp.origin));
    expectProblem(await get(app), 'verification_unavailable');
    expect(jwks.fetches).toBe(0);

    idp.trouble = undefined;
    idp.publish(OPENID, idp.origin);
    expectProblem(await get(app), 'verification_unavailable');
    clock.advance(1);
    await expectPass(app);
  });

  it('after 5 s for metadata and keys together', async () => {
    const { answer } = jwks;
    jwks.answer = (): void => undefined;
    const slow = idp.metadata.get(OPENID);
    idp.trouble = (_req, res): void => {
      setTimeout(() => res.writeHead(200).end(JSON.stringify(slow)), 2500);
    };
    const from = performance.now();
    expect(await causeOf(options())).toBe(
      `the JWKS of ${idp.origin} did not answer within 5000 ms`,
    );
    expect(performance.now() - from).toBeGreaterThan(4900);
    expect(performance.now() - from).toBeLessThan(6500);
    jwks.answer = answer;
  }, 15_000);
});

describe('When the issuer moves its keys', () => {
  let elsewhere: JwksServer;
  const next = new SigningKey();
  beforeEach(async () => {
    elsewhere = await JwksServer.start(next);
  });
  afterEach(() => elsewhere.close());

  it('the address is read again as soon as the old one has no key set', async () => {
    const app = walletApi(options());
    await expectPass(app);
    idp.publish(OPENID, idp.origin, { jwks_uri: elsewhere.uri });
    jwks.fail(404);
    await expectPass(app, next);
    expect(idp.asked).toEqual([OPENID, OPENID]);
  });

  it('the address is read again daily, and not more often', async () => {
    const app = walletApi(options());
    await expectPass(app);
    idp.publish(OPENID, idp.origin, { jwks_uri: elsewhere.uri });
    for (let hour = 1; hour < 24; hour += 1) {
      clock.advance(3600);
      await expectPass(app);
    }
    expect(jwks.fetches).toBeGreaterThan(10);
    expect(idp.asked).toEqual([OPENID]);
    clock.advance(3600);
    await get(app);
    await eventually(() => expectPass(app, next));
    expect(idp.asked).toEqual([OPENID, OPENID]);
  });
});

describe('While the metadata are down', () => {
  it.each<readonly [string, () => unknown]>([
    ['closed', () => idp.close()],
    [
      'failing',
      () => {
        idp.answerWith(503);
      },
    ],
    [
      'of another issuer',
      () => {
        idp.publish(OPENID, 'https://other.example');
      },
    ],
  ])('%s, the keys at the known address are refreshed beyond a day', async (_what, fail) => {
    const app = walletApi(options());
    await expectPass(app);
    await fail();
    for (let hours = 0; hours < 60; hours += 6) {
      clock.advance(6 * 3600);
      await expectPass(app);
    }
    expect(jwks.fetches).toBeGreaterThan(5);
  });

  it('and the keys too, no valid request is lost for a day', async () => {
    const app = walletApi(options());
    await expectPass(app);
    await Promise.all([idp.close(), jwks.close()]);
    for (let hour = 0; hour < 23; hour += 1) {
      clock.advance(3600);
      await expectPass(app);
      await expectPass(app);
    }
  });

  it('and sessions.refreshKeys() rejects only if the keys are down too', async () => {
    const sessions = createSessions(options());
    await sessions.ready();
    idp.answerWith(503);
    await expect(sessions.refreshKeys()).resolves.toBeUndefined();
    jwks.fail();
    await expect(sessions.refreshKeys()).rejects.toMatchObject({
      errorType: 'verification_unavailable',
      cause: { message: `${jwks.uri} answered 503` },
    });
    await expectPass(walletApi(sessions));
  });
});

describe('An issuer that hangs', () => {
  const events = recordEvents();

  it('with its metadata, does not keep keys from being refreshed', async () => {
    const app = walletApi(options());
    await expectPass(app);
    idp.trouble = (): void => undefined;
    clock.advance(86_000);
    await expectPass(app);
    // The server counts a request before its answer has arrived.
    await eventually(() => {
      expect(events.of('keys.fetched')).toHaveLength(2);
    });
    expect(jwks.fetches).toBe(2);
    clock.advance(1000);
    await expectPass(app);
    await eventually(
      () => {
        expect(jwks.fetches).toBe(3);
      },
      // The metadata has 2 s of real time; a busy machine takes longer.
      { withinMs: 12_000 },
    );
    expect(idp.asked).toEqual([OPENID, OPENID]);
  }, 30_000);
});
