/**
 * Tokens with a good signature over ambiguous or invalid JSON (RFC 8725 section 2.4).
 */
import { base64url } from '../../support/signing-key.js';
import type { HostileToken, Target } from './hostile-token.js';
import { joseAlone, verifiesLeniently, type Verifier } from './lax-verifiers.js';

export function jsonAttacks(target: Target): HostileToken[] {
  return [...ambiguousJson(target), ...deepJson(target)];
}

/** Repeated members: some parsers take the first, some the last. */
function ambiguousJson({ ec, claims }: Target): HostileToken[] {
  const text = JSON.stringify(claims);
  const rest = text.slice(1);
  const header = `"kid":"${ec.kid ?? ''}","typ":"JWT"}`;
  const acceptedBy = joseAlone(ec);
  const leniently = verifiesLeniently(ec.publicKey, 'ieee-p1363');
  return [
    ['two sub', `{"sub":"attacker",${rest}`],
    ['two sub, one of them escaped', `{"s\\u0075b":"attacker",${rest}`],
    ['two exp', `{"exp":1,${rest}`],
    ['two members of one name in an object', `{"a":{"b":1,"b":2},${rest}`],
    ['two members of one name in an array', `{"a":[{"b":1,"b":2}],${rest}`],
    ['two __proto__', `{"__proto__":1,"__proto__":{},${rest}`],
    ['two members with an empty name', `{"":1,"":2,${rest}`],
    ['two members and a colon in a string', `{"x":"\\":","sub":"attacker",${rest}`],
  ]
    .map(([attack = '', json = '']) => ({ attack, token: ec.token(json), acceptedBy }))
    .concat([
      {
        attack: 'two alg',
        token: ec.token(claims, `{"alg":"none","alg":"ES256",${header}`),
        acceptedBy,
      },
      {
        attack: 'two kid',
        token: ec.token(claims, `{"alg":"ES256","kid":"x",${header}`),
        acceptedBy: leniently,
      },
      {
        attack: 'two typ',
        token: ec.token(claims, `{"typ":"logout+jwt","alg":"ES256",${header}`),
        acceptedBy,
      },
      {
        attack: 'a byte order mark',
        token: ec.token(`\uFEFF${text}`),
        acceptedBy: lenientlyDecoding((json) => json.replace(/^\uFEFF/, '')),
      },
      {
        attack: 'bytes that are no UTF-8',
        token: latin1Token(ec, { ...claims, name: 'é' }),
        acceptedBy: leniently,
      },
      {
        attack: 'a comment',
        token: ec.token(text.replace('{', '{/* */')),
        acceptedBy: lenientlyDecoding((json) => json.replace('/* */', '')),
      },
      {
        attack: 'something behind the object',
        token: ec.token(`${text} {}`),
        acceptedBy: lenientlyDecoding((json) => json.replace(/ \{\}$/, '')),
      },
      {
        attack: 'a user by way of __proto__',
        token: ec.token(
          `{"__proto__":{"sub":"victim"},${JSON.stringify({ ...claims, sub: undefined }).slice(1)}`,
        ),
        acceptedBy: async (token) => {
          const own = (await leniently(token)) as object;
          // The result of assigning the members one by one.
          return { sub: (Object.assign({}, own) as { sub?: unknown }).sub };
        },
      },
      ...['null', '5', '"victim"', '[]', `[${text}]`].map((json) => ({
        attack: `claims that are no object: ${json.slice(0, 10)}`,
        token: ec.token(json),
        acceptedBy: verifiesOnly(leniently),
      })),
    ]);
}

function deepJson({ ec, claims }: Target): HostileToken[] {
  const nest = (open: string, close: string, depth: number): unknown =>
    JSON.parse(open.repeat(depth) + '0' + close.repeat(depth));
  return [
    ['arrays, 2,000 deep', nest('[', ']', 2000)],
    ['arrays, 100 deep', nest('[', ']', 100)],
    ['objects, 500 deep', nest('{"a":', '}', 500)],
  ].map(([attack, deep]) => ({
    attack: String(attack),
    token: ec.token({ ...claims, deep }),
    acceptedBy: joseAlone(ec),
  }));
}

/** Verifies the signature and ignores the payload. */
function verifiesOnly(verifier: Verifier): Verifier {
  return async (token) => {
    await verifier(token);
    return { sub: 'victim' };
  };
}

/** Normalizes the claims before it reads them. */
function lenientlyDecoding(tidy: (json: string) => string): Verifier {
  return (token) => {
    const json = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
    return Promise.resolve(JSON.parse(tidy(json)));
  };
}

function latin1Token(ec: Target['ec'], claims: Target['claims']): string {
  const header = base64url({ alg: 'ES256', kid: ec.kid });
  const input = `${header}.${Buffer.from(JSON.stringify(claims), 'latin1').toString('base64url')}`;
  return `${input}.${ec.sign(input).toString('base64url')}`;
}
