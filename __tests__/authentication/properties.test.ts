/**
 * Properties of all tokens and all headers: only the exact token passes, all legal tokens pass, and
 * no answer is 5xx. fast-check searches for counterexamples.
 */
import fc from 'fast-check';
import { fromBearer, fromCookie } from 'express-wallet-session';
import { listen, type Listening } from '../support/listen.js';
import { getRawFrom } from '../support/raw-request.js';
import {
  accessTokenClaims,
  AUDIENCE,
  ISSUER,
  keySetOf,
  SigningKey,
  authenticationOf,
} from '../support/signing-key.js';
import { walletApi } from '../support/wallet-api.js';

const NOW = Date.UTC(2026, 0, 5, 12);
const key = new SigningKey();
const claims = accessTokenClaims(NOW);
const good = key.token(claims);

const app = walletApi({
  authentication: authenticationOf({ jwks: keySetOf(key, new SigningKey('RS256')) }),
  token: [fromBearer(), fromCookie('session')],
  clock: () => NOW,
});

let server: Listening;
beforeAll(async () => {
  server = await listen(app);
});
afterAll(() => server.close());

/** The status of `GET /me` with these header lines. */
async function statusOf(...lines: readonly string[]): Promise<number> {
  return (await getRawFrom(server.port, lines)).status;
}

const bearer = (token: string): string => `Authorization: Bearer ${token}`;

/** The content of a header field: visible ASCII, space, tab, bytes above (RFC 9110 section 5.5). */
const headerText = fc.string({
  unit: fc
    .oneof(
      { weight: 9, arbitrary: fc.integer({ min: 0x20, max: 0x7e }) },
      fc.integer({ min: 0x80, max: 0xff }),
      fc.constant(9),
    )
    .map((code) => String.fromCharCode(code)),
});

/** Changes of a text; some leave it as it is. */
const change: fc.Arbitrary<(text: string) => string> = fc.oneof(
  fc.tuple(fc.nat(), headerText).map(
    ([at, insert]) =>
      (text: string) =>
        text.slice(0, at % (text.length + 1)) + insert + text.slice(at % (text.length + 1)),
  ),
  fc.tuple(fc.nat(), fc.integer({ min: 0x21, max: 0x7e })).map(
    ([at, code]) =>
      (text: string) =>
        text.slice(0, at % text.length) +
        String.fromCharCode(code) +
        text.slice((at % text.length) + 1),
  ),
  fc.tuple(fc.nat(), fc.nat({ max: 20 })).map(
    ([at, length]) =>
      (text: string) =>
        text.slice(0, at % text.length) + text.slice((at % text.length) + length),
  ),
  fc.tuple(fc.nat(), fc.nat()).map(
    ([from, to]) =>
      (text: string) =>
        text.slice(from % text.length, to % (text.length + 1)),
  ),
  fc
    .nat()
    .map((at) => (text: string) => text.slice(at % text.length) + text.slice(0, at % text.length)),
  fc.constantFrom(
    (text: string) => text.toLowerCase(),
    (text: string) => text.split('.').reverse().join('.'),
    (text: string) => text.split('').reverse().join(''),
    (text: string) => `${text}.${text}`,
    (text: string) => text.replaceAll('-', '+').replaceAll('_', '/'),
    (text: string) => Buffer.from(text, 'base64url').toString('base64'),
  ),
);

const runs = { numRuns: 600 };

describe('A token', () => {
  it('passes exactly as it is, and in no other form', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const token = changes.reduce((text, one) => (text === '' ? text : one(text)), good);
        const status = await statusOf(bearer(token));
        // White space around a header's value is not part of it.
        if (token.replace(/[ \t]+$/, '') === good) expect(status).toBe(200);
        else expect([400, 401]).toContain(status);
      }),
      {
        ...runs,
        examples: [[[(text: string): string => text]], [[(text: string): string => `${text} `]]],
      },
    );
  });

  it('fails with any bit of its signature or signing input changed', async () => {
    const parts = good.split('.').map((part) => Buffer.from(part, 'base64url'));
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 2 }), fc.nat(), fc.nat({ max: 7 }), async (part, at, bit) => {
        const changed = parts.map((bytes, index) => {
          const copy = Buffer.from(bytes);
          const position = at % copy.length;
          if (index === part) copy[position] = (copy[position] ?? 0) ^ (1 << bit);
          return copy.toString('base64url');
        });
        expect(await statusOf(bearer(changed.join('.')))).toBe(401);
      }),
      runs,
    );
  });

  it('is never a random string', async () => {
    const part = fc
      .uint8Array({ maxLength: 60 })
      .map((bytes) => Buffer.from(bytes).toString('base64url'));
    const json = fc.json().map((text) => Buffer.from(text).toString('base64url'));
    const token = fc
      .array(fc.oneof(part, json, headerText), { maxLength: 5 })
      .map((all) => all.join('.'));
    await fc.assert(
      fc.asyncProperty(token, async (text) => {
        expect([400, 401]).toContain(await statusOf(bearer(text)));
      }),
      runs,
    );
  });
});

/** The contract's rule for one claim, written once more. */
const isLegal: Readonly<Record<string, (value: unknown) => boolean>> = {
  iss: (value) => value === ISSUER,
  aud: (value) =>
    value === AUDIENCE ||
    (Array.isArray(value) && value.includes(AUDIENCE) && value.every((one) => isText(one))),
  sub: isText,
  sid: (value) => value === undefined || isText(value),
  jti: (value) => value === undefined || isText(value),
  exp: (value) => isTime(value) && value > NOW / 1000 - 5,
  iat: (value) => isTime(value) && value <= NOW / 1000 + 5,
  nbf: (value) => value === undefined || (isTime(value) && value <= NOW / 1000 + 5),
  auth_time: (value) =>
    value === undefined ||
    value === 0 ||
    (isTime(value) && value <= NOW / 1000 + 5 && value > NOW / 1000 - 604_800),
  events: (value) => value === undefined,
};

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.trim() !== '';
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= 8.64e12;
}

const nearNow = fc.double({ min: -6, max: 6, noNaN: true }).map((seconds) => NOW / 1000 + seconds);
const claimValue = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  nearNow,
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: NOW / 1000 - 700_000, max: NOW / 1000 + 700_000 }),
  fc.constantFrom<unknown>(undefined, ISSUER, AUDIENCE, 'other', '', ' ', String(NOW / 1000)),
  fc.array(fc.oneof(fc.constant(AUDIENCE), fc.string(), fc.integer()), { maxLength: 3 }),
);

describe('A signed claim', () => {
  it('passes if it is legal, and only then', async () => {
    let passed = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.keys(isLegal)),
        claimValue,
        async (name, value) => {
          const status = await statusOf(bearer(key.token({ ...claims, [name]: value })));
          // JSON may change the value; the signed value counts.
          const written = (JSON.parse(JSON.stringify({ value })) as { value?: unknown }).value;
          const legal = isLegal[name]?.(written) === true;
          if (legal) passed += 1;
          expect([name, written, status]).toEqual([name, written, legal ? 200 : 401]);
        },
      ),
      { numRuns: 1500 },
    );
    expect(passed).toBeGreaterThan(100);
  });

  it('is ignored if it is unknown', async () => {
    const name = fc
      .string()
      .filter((text) => !(text in isLegal) && !['__proto__', 'cnf'].includes(text));
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, fc.jsonValue({ maxDepth: 4 })), async (more) => {
        const token = key.token({ ...more, ...claims });
        fc.pre(token.length <= 8192);
        expect(await statusOf(bearer(token))).toBe(200);
      }),
      runs,
    );
  });

  it('must not be repeated', async () => {
    const first = JSON.stringify(claims);
    const names = fc.oneof(fc.constantFrom(...Object.keys(claims)), fc.string());
    await fc.assert(
      fc.asyncProperty(names, fc.json(), fc.boolean(), async (name, json, isKnown) => {
        const member = `${JSON.stringify(name)}:${json}`;
        const twice =
          name in claims && Object.hasOwn(claims, name) ? member : `${member},${member}`;
        const token = key.token(
          `${first.slice(0, -1)},${isKnown ? twice : `"in":{${member},${member}}`}}`,
        );
        fc.pre(token.length <= 8192);
        expect(await statusOf(bearer(token))).toBe(401);
      }),
      runs,
    );
  });
});

describe('A signed header', () => {
  it('passes if it is legal, and only then', async () => {
    const names = [
      'alg',
      'kid',
      'typ',
      'cty',
      'crit',
      'b64',
      'jwk',
      'jku',
      'x5c',
      'x5u',
      'x5t',
      'zip',
    ];
    const values = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom<unknown>('ES256', 'RS256', 'JWT', 'at+jwt', key.kid, undefined),
    );
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.constantFrom(...names), values), async (header) => {
        const status = await statusOf(bearer(key.token(claims, header)));
        const whole = { alg: 'ES256', kid: key.kid, typ: 'JWT', ...header };
        const { alg, kid, typ, cty, ...more } = JSON.parse(JSON.stringify(whole)) as typeof header;
        const isLegal =
          alg === 'ES256' &&
          (kid === undefined || kid === key.kid) &&
          (typ === undefined || typ === 'JWT' || typ === 'at+jwt') &&
          cty !== 'JWT' &&
          !('crit' in more || 'b64' in more);
        expect([header, status]).toEqual([header, isLegal ? 200 : 401]);
      }),
      runs,
    );
  });
});

describe('A request', () => {
  const name = fc.constantFrom(
    ...['Authorization', 'authorization', 'Cookie', 'Previous-Access-Token', 'X-Correlation-Id'],
    ...['X-Request-Id', 'Content-Type', 'Accept', 'Origin', 'X-Forwarded-For'],
  );
  const value = fc.oneof(
    headerText,
    headerText.map((text) => `Bearer ${text}`),
    headerText.map((text) => `session=${text}`),
    fc.constantFrom(bearer(good).slice(15), `session=${good}`, good, 'Bearer', 'Basic YTpi'),
  );
  const line = fc.tuple(name, value).map(([header, text]) => [header, text] as const);

  it('passes only with the exact token in one place, and never causes a 5xx', async () => {
    let passed = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 5 }), async (lines) => {
        const status = await statusOf(...lines.map(([header, text]) => `${header}: ${text}`));
        expect(status).toBeLessThan(500);
        if (status !== 200) return;
        passed += 1;
        const trimmed = lines.map(([header, text]) => [header.toLowerCase(), text.trim()] as const);
        const authorizations = trimmed.filter(([header]) => header === 'authorization');
        const cookies = trimmed
          .filter(([header]) => header === 'cookie')
          .flatMap(([, text]) => text.split(';'))
          .map((text) => text.trim())
          .filter((text) => text === `session=${good}`);
        const tokens = authorizations.filter(([, text]) => text === `Bearer ${good}`);
        expect(authorizations.length).toBeLessThan(2);
        expect(tokens.length + new Set(cookies).size).toBe(1);
      }),
      { numRuns: 1500 },
    );
    expect(passed).toBeGreaterThan(20);
  });

  it('passes with a good token and any other headers', async () => {
    const others = line.filter(([header]) => !/^(authorization|cookie)$/i.test(header));
    await fc.assert(
      fc.asyncProperty(fc.array(others, { maxLength: 5 }), async (lines) => {
        const more = lines.map(([header, text]) => `${header}: ${text}`);
        expect(await statusOf(bearer(good), ...more)).toBe(200);
      }),
      runs,
    );
  });
});
