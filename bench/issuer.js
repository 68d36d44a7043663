/**
 * The issuer: an ES256 and an RS256 key, a JWKS over HTTP that counts how often it is fetched, and
 * lists of tokens, good and bad. And its clients, with DPoP proofs.
 */
import { generateKeyPairSync, hash, randomUUID, sign } from 'node:crypto';
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
    tokens(count, alg = 'ES256', { kid = () => undefined, thumbprint = () => undefined } = {}) {
      const { sign } = alg === 'ES256' ? es256 : rs256;
      return Array.from({ length: count }, (_, index) => {
        const jkt = thumbprint(index);
        const bound = jkt === undefined ? {} : { cnf: { jkt } };
        return sign({ ...claims(`${origin}/`, index), ...bound }, kid(index));
      });
    },
  };
}

/** The key of one client, and its DPoP proofs (RFC 9449). */
export function dpopClient() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { crv, kty, x, y } = publicKey.export({ format: 'jwk' });
  const header = encode({ alg: 'ES256', typ: 'dpop+jwt', jwk: { crv, kty, x, y } });
  return {
    thumbprint: hash('sha256', JSON.stringify({ crv, kty, x, y }), 'base64url'),
    proofOf(token, url) {
      const claims = {
        jti: randomUUID(),
        htm: 'GET',
        htu: url,
        iat: Math.floor(Date.now() / 1000),
        ath: hash('sha256', token, 'base64url'),
      };
      return signed(`${header}.${encode(claims)}`, privateKey);
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
  return {
    jwk: { ...publicKey.export({ format: 'jwk' }), alg, use: 'sig', kid: defaultKid },
    sign(claims, kid = defaultKid) {
      return signed(`${encode({ alg, typ: 'JWT', kid })}.${encode(claims)}`, privateKey);
    },
  };
}

function signed(input, privateKey) {
  const key = { key: privateKey, dsaEncoding: 'ieee-p1363' };
  return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`;
}

function encode(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
