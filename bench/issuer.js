/**
 * Whoever signs the tokens: an ES256 and an RS256 key, a JWKS over HTTP that counts how often it is
 * fetched, and lists of tokens, good and bad.
 */
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

export const audience = 'https://api.wallet.example';

export async function startIssuer() {
  const es256 = signer('ES256', 'ec', { namedCurve: 'P-256' });
  const rs256 = signer('RS256', 'rsa', { modulusLength: 2048 });
  const jwks = JSON.stringify({ keys: [es256.jwk, rs256.jwk] });
  let fetches = 0;
  const server = createServer((req, res) => {
    fetches += 1;
    res.setHeader('Content-Type', 'application/json');
    res.end(jwks);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${server.address().port}`;

  return {
    settings: { issuer: `${origin}/`, audience, jwksUri: `${origin}/jwks.json`, apiUrl: origin },
    fetches: () => fetches,
    close: () => server.close(),

    /** `count` tokens of as many users. */
    tokens(count, alg = 'ES256', { kid = () => undefined } = {}) {
      const { sign } = alg === 'ES256' ? es256 : rs256;
      return Array.from({ length: count }, (_, index) =>
        sign(claims(`${origin}/`, index), kid(index)),
      );
    },
  };
}

/** The same tokens with another signature, of the right length and form. */
export function forge(tokens) {
  return tokens.map((token) => {
    const at = token.lastIndexOf('.') + 1;
    return `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
  });
}

/** What Auth0 and its like put in: with the ES256 signature the token has 600 characters. */
function claims(issuer, index) {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss: issuer,
    aud: audience,
    sub: `user-${String(index).padStart(7, '0')}`,
    sid: randomUUID(),
    jti: randomUUID(),
    azp: randomUUID(),
    scope: 'openid profile wallet:read wallet:transfer',
    iat: now,
    exp: now + 3600,
    auth_time: now,
  };
}

function signer(alg, type, options) {
  const { privateKey, publicKey } = generateKeyPairSync(type, options);
  const defaultKid = `${alg.toLowerCase()}-2026-11`;
  const key = { key: privateKey, dsaEncoding: 'ieee-p1363' };
  return {
    jwk: { ...publicKey.export({ format: 'jwk' }), alg, use: 'sig', kid: defaultKid },
    sign(claims, kid = defaultKid) {
      const input = `${encode({ alg, typ: 'JWT', kid })}.${encode(claims)}`;
      return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`;
    },
  };
}

function encode(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
