/**
 * Proofs that have to be refused: one or more for each check of RFC 9449 section 4.3, and the rows of
 * the test tables of oidc-provider and express-oauth2-jwt-bearer.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9449#section-4.3 | RFC 9449 section 4.3}
 */
import { createHmac, generateKeyPairSync, hash, randomUUID } from 'node:crypto';
import { base64url, compact, SigningKey, type Json } from '../support/signing-key.js';

export interface HostileProof {
  readonly attack: string;
  /** The value of the header; undefined: there is none. */
  readonly proof: string | undefined;
}

/** The request that the proofs would be about, and the key that its token is bound to. */
export interface ProofTarget {
  readonly key: SigningKey;
  readonly accessToken: string;
  readonly method: string;
  readonly url: string;
  readonly nowSeconds: number;
}

type Members = Readonly<Record<string, unknown>>;

/** The members that `jwk` needs, as of RFC 7638. */
export function bareJwk(key: SigningKey): Members {
  return key.publicKey.export({ format: 'jwk' });
}

export function goodHeader({ key }: ProofTarget): Members {
  return { alg: key.alg, typ: 'dpop+jwt', jwk: bareJwk(key) };
}

export function goodClaims(target: ProofTarget): Members {
  const { accessToken, method: htm, url: htu, nowSeconds: iat } = target;
  return { jti: randomUUID(), htm, htu, iat, ath: hash('sha256', accessToken, 'base64url') };
}

/** Members that are `undefined` are left out. */
export function proofOf(target: ProofTarget, claims: Members = {}, header: Members = {}): string {
  return signedBy(target.key, target, claims, header);
}

export function hostileProofs(target: ProofTarget): HostileProof[] {
  return [
    ...forms(target),
    ...types(target),
    ...algorithms(target),
    ...keys(target),
    ...signatures(target),
    ...methods(target),
    ...urls(target),
    ...times(target),
    ...hashes(target),
    ...oddValues(target),
  ];
}

function signedBy(
  key: SigningKey,
  target: ProofTarget,
  claims: Members = {},
  header: Members = {},
): string {
  return compact(
    { ...goodHeader(target), ...header },
    { ...goodClaims(target), ...claims },
    (input) => key.sign(input),
  );
}

/** Not one header, or not a well-formed JWT: checks 1 and 2. */
function forms(target: ProofTarget): HostileProof[] {
  const good = (): string => proofOf(target);
  const [header = '', claims = '', signature = ''] = good().split('.');
  const raw = (rawHeader: Json, rawClaims: Json): string =>
    compact(rawHeader, rawClaims, (input) => target.key.sign(input));
  const twice = (member: Members, json: Members): string =>
    `${JSON.stringify(json).slice(0, -1)},${JSON.stringify(member).slice(1)}`;
  return [
    { attack: 'no header', proof: undefined },
    { attack: 'an empty header', proof: '' },
    { attack: 'no JWT', proof: 'proof' },
    { attack: 'two proofs in one header', proof: `${good()}, ${good()}` },
    { attack: 'two proofs without a space', proof: `${good()},${good()}` },
    { attack: 'two parts', proof: `${header}.${claims}` },
    { attack: 'an empty third part', proof: `${header}.${claims}.` },
    { attack: 'four parts', proof: `${good()}.${signature}` },
    { attack: 'five parts, as of a JWE', proof: `${good()}.${header}.${claims}` },
    { attack: 'the access token', proof: target.accessToken },
    { attack: 'a scheme in front', proof: `DPoP ${good()}` },
    { attack: 'quotation marks', proof: `"${good()}"` },
    { attack: 'padding', proof: `${header}=.${claims}.${signature}` },
    { attack: 'more than 4 KiB', proof: proofOf(target, { filler: 'x'.repeat(4096) }) },
    { attack: 'a header that is an array', proof: raw('[]', goodClaims(target)) },
    { attack: 'a header that is null', proof: raw('null', goodClaims(target)) },
    { attack: 'a header that is no JSON', proof: raw('{', goodClaims(target)) },
    { attack: 'no claims', proof: raw(goodHeader(target), '{}') },
    { attack: 'claims that are an array', proof: raw(goodHeader(target), '[]') },
    { attack: 'claims that are null', proof: raw(goodHeader(target), 'null') },
    { attack: 'claims that are no JSON', proof: raw(goodHeader(target), 'proof') },
    {
      attack: 'deeply nested claims',
      proof: proofOf(target, { x: JSON.parse(`${'['.repeat(900)}${']'.repeat(900)}`) as unknown }),
    },
    {
      attack: '`htu` twice',
      proof: raw(
        goodHeader(target),
        twice({ htu: target.url }, { ...goodClaims(target), htu: 'https://evil.example/' }),
      ),
    },
    {
      attack: '`jwk` twice',
      proof: raw(twice({ jwk: bareJwk(target.key) }, goodHeader(target)), goodClaims(target)),
    },
    { attack: '`crit`', proof: proofOf(target, {}, { crit: ['b64'], b64: true }) },
    { attack: '`crit` that is empty', proof: proofOf(target, {}, { crit: [] }) },
    { attack: '`b64` false', proof: proofOf(target, {}, { b64: false }) },
    { attack: 'a JWT inside', proof: proofOf(target, {}, { cty: 'JWT' }) },
  ];
}

/** Check 4. */
function types(target: ProofTarget): HostileProof[] {
  const values = ['JWT', 'at+jwt', 'logout+jwt', 'secevent+jwt', 'dpop', 'dpop+jwt ', undefined];
  return values.map((typ) => ({
    attack: `typ ${JSON.stringify(typ)}`,
    proof: proofOf(target, {}, { typ }),
  }));
}

/** Check 5: a digital signature, by a registered algorithm that is not `none`. */
function algorithms(target: ProofTarget): HostileProof[] {
  const { key } = target;
  const unsigned = ['none', 'None', 'NONE', '', undefined].map((alg) => ({
    attack: `alg ${JSON.stringify(alg)} without a signature`,
    proof: compact({ ...goodHeader(target), alg }, goodClaims(target), () => ''),
  }));
  const names = ['none', 'HS256', 'ES256K', 'RSA-OAEP', 'es256', 'toString', '__proto__'];
  const named = names.map((alg) => ({
    attack: `alg ${alg} over a good signature`,
    proof: proofOf(target, {}, { alg }),
  }));
  const jwk = JSON.stringify(bareJwk(key));
  const secrets: readonly (readonly [string, string | Buffer])[] = [
    ['PEM', key.pem()],
    ['JWK', jwk],
    ['DER', key.publicKey.export({ format: 'der', type: 'spki' })],
    ['nothing', ''],
  ];
  const hmacs = secrets.map(([form, secret]) => ({
    attack: `HMAC with the public key as ${form}`,
    proof: compact({ ...goodHeader(target), alg: 'HS256' }, goodClaims(target), (input) =>
      createHmac('sha256', secret).update(input).digest(),
    ),
  }));
  const k = Buffer.from('secret').toString('base64url');
  const ownSecret = compact(
    { ...goodHeader(target), alg: 'HS256', jwk: { kty: 'oct', k } },
    goodClaims(target),
    (input) => createHmac('sha256', 'secret').update(input).digest(),
  );
  // Each algorithm that the key is not for.
  const others = ['ES384', 'ES512', 'EdDSA', 'Ed25519', 'RS256', 'PS256'].map((alg) => ({
    attack: `alg ${alg} of an ES256 key`,
    proof: proofOf(target, {}, { alg }),
  }));
  return [
    ...unsigned,
    ...named,
    ...hmacs,
    { attack: 'HMAC with a secret in `jwk`', proof: ownSecret },
    ...others,
  ];
}

/** Checks 6, 7 and 12: `jwk` is public, sound, and the key that the token is bound to. */
function keys(target: ProofTarget): HostileProof[] {
  const { key } = target;
  const jwk = bareJwk(key);
  const stranger = new SigningKey();
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const certificate = ['MIIB'];
  const own = (attack: string, other: SigningKey, header: Members = {}): HostileProof => ({
    attack,
    proof: signedBy(other, target, {}, { alg: other.alg, jwk: bareJwk(other), ...header }),
  });
  const replaced: readonly (readonly [string, unknown])[] = [
    ['the private key', key.privateKey.export({ format: 'jwk' })],
    ['a `d` of its own', { ...jwk, d: 'AA' }],
    ['an empty `d`', { ...jwk, d: '' }],
    ['a secret beside it', { ...jwk, k: 'c2VjcmV0' }],
    ['a set of keys', { keys: [jwk] }],
    ['an array of keys', [jwk]],
    ['its own JSON text', JSON.stringify(jwk)],
    ['a PEM', key.pem()],
    ['an object without members', {}],
    ['no `x`', { ...jwk, x: undefined }],
    ['no `y`', { ...jwk, y: undefined }],
    ['no `kty`', { ...jwk, kty: undefined }],
    ['no `crv`', { ...jwk, crv: undefined }],
    ['a point off the curve', { ...jwk, y: jwk.x }],
    ['the point at infinity', { ...jwk, x: 'A'.repeat(43), y: 'A'.repeat(43) }],
    ['another curve', { ...jwk, crv: 'P-384' }],
    ['an unknown curve', { ...jwk, crv: 'secp256k1' }],
    ['another kind', { ...jwk, kty: 'RSA' }],
    ['a short RSA key', rsa.publicKey.export({ format: 'jwk' })],
    ['an RSA key of exponent 1', { kty: 'RSA', n: 'sW'.repeat(171), e: 'AQ' }],
    ['null', null],
    ['nothing', undefined],
  ];
  return [
    ...replaced.map(([what, value]) => ({
      attack: `jwk: ${what}`,
      proof: proofOf(target, {}, { jwk: value }),
    })),
    own('another key that signed it', stranger),
    own('another key of another kind that signed it', new SigningKey('EdDSA')),
    own('another RSA key that signed it', new SigningKey('RS256')),
    own('another key that names the thumbprint as its `kid`', stranger, { kid: key.kid }),
    own('another key with `x5c`', stranger, { x5c: certificate }),
    { attack: 'no jwk but `kid`', proof: proofOf(target, {}, { jwk: undefined, kid: key.kid }) },
    {
      attack: 'no jwk but `jku`',
      proof: proofOf(target, {}, { jwk: undefined, jku: 'https://evil.example/jwks' }),
    },
    {
      attack: 'no jwk but `x5c`',
      proof: proofOf(target, {}, { jwk: undefined, x5c: certificate }),
    },
  ];
}

/** Check 6. */
function signatures(target: ProofTarget): HostileProof[] {
  const good = proofOf(target);
  const [header = '', claims = '', signature = ''] = good.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  const withSignature = (value: Buffer): string =>
    `${header}.${claims}.${value.toString('base64url')}`;
  const flipped = Buffer.from(bytes);
  flipped[10] = (flipped[10] ?? 0) ^ 1;
  const der = Buffer.concat([
    Buffer.from([0x30, 0x44, 0x02, 0x20]),
    bytes.subarray(0, 32),
    Buffer.from([0x02, 0x20]),
    bytes.subarray(32),
  ]);
  const other = base64url({ ...goodClaims(target), jti: randomUUID() });
  return [
    { attack: 'a signature of another key', proof: signedBy(new SigningKey(), target) },
    { attack: 'a signature with one bit flipped', proof: withSignature(flipped) },
    { attack: 'a signature of zeros', proof: withSignature(Buffer.alloc(64)) },
    { attack: 'a signature in DER', proof: withSignature(der) },
    { attack: 'a signature that was cut', proof: withSignature(bytes.subarray(0, 60)) },
    {
      attack: 'a signature with bytes behind it',
      proof: withSignature(Buffer.concat([bytes, Buffer.from('more')])),
    },
    { attack: 'a signature over other claims', proof: `${header}.${other}.${signature}` },
    {
      attack: 'a signature over another header',
      proof: `${base64url({ ...goodHeader(target), x: 1 })}.${claims}.${signature}`,
    },
  ];
}

/** Check 8. */
function methods(target: ProofTarget): HostileProof[] {
  const values = ['POST', 'HEAD', 'OPTIONS', 'get', 'Get', 'GET ', 'GET,POST', ['GET'], undefined];
  return values.map((htm) => ({
    attack: `htm ${JSON.stringify(htm)}`,
    proof: proofOf(target, { htm }),
  }));
}

/** Check 9. */
function urls(target: ProofTarget): HostileProof[] {
  const { origin, pathname } = new URL(target.url);
  const { host } = new URL(target.url);
  const values = [
    `${origin}/`,
    origin,
    `${target.url}/`,
    `${target.url}/more`,
    `${origin}/other`,
    `${origin}${pathname.toUpperCase()}`,
    `${origin}//${pathname}`,
    `${origin}/%2F${pathname.slice(1)}`,
    `https://evil.example${pathname}`,
    `https://evil.example/${target.url}`,
    `https://${host}.evil.example${pathname}`,
    `https://evil.${host}${pathname}`,
    `https://${host}.${pathname}`,
    `https://${host}:8443${pathname}`,
    `https://${host}:999999${pathname}`,
    `https://user@${host}${pathname}`,
    `https://${host}@evil.example${pathname}`,
    `https://${host}%00${pathname}`,
    `http://${host}${pathname}`,
    `ws://${host}${pathname}`,
    `data:text/plain,${target.url}`,
    `//${host}${pathname}`,
    pathname,
    `https:/${host}${pathname}`,
    ` ${target.url}`,
    'foo',
    'http://[2001:db8::1/me',
    '::::://',
    [target.url],
    undefined,
  ];
  return values.map((htu) => ({
    attack: `htu ${JSON.stringify(htu)}`,
    proof: proofOf(target, { htu }),
  }));
}

/** Check 11. */
function times(target: ProofTarget): HostileProof[] {
  const { nowSeconds } = target;
  const values = [
    ...[-66, 66, -3600, 3600].map((off) => nowSeconds + off),
    // The beginning of time, and milliseconds.
    ...[0, -1, nowSeconds * 1000, Number.MAX_SAFE_INTEGER, 1e300],
    ...[String(nowSeconds), new Date(nowSeconds * 1000).toISOString(), [nowSeconds], undefined],
  ];
  const rows = values.map((iat) => ({
    attack: `iat ${JSON.stringify(iat)} at ${nowSeconds}`,
    proof: proofOf(target, { iat }),
  }));
  const infinite = JSON.stringify(goodClaims(target)).replace(/"iat":\d+/, '"iat":1e999');
  return [
    ...rows,
    {
      attack: 'iat 1e999',
      proof: compact(goodHeader(target), infinite, (input) => target.key.sign(input)),
    },
  ];
}

/** Check 12: `ath`, and `jti` of check 3. */
function hashes(target: ProofTarget): HostileProof[] {
  const { accessToken } = target;
  const digest = (algorithm: string, of: string, form: 'base64' | 'base64url' | 'hex'): string =>
    hash(algorithm, of, form);
  const values = [
    // The example of RFC 9449 section 7.1.
    'fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo',
    digest('sha256', accessToken, 'hex'),
    `${digest('sha256', accessToken, 'base64url')}=`,
    digest('sha512', accessToken, 'base64url'),
    digest('sha256', '', 'base64url'),
    digest('sha256', `DPoP ${accessToken}`, 'base64url'),
    digest('sha256', accessToken.slice(0, accessToken.lastIndexOf('.')), 'base64url'),
    accessToken.slice(0, 64),
    undefined,
  ];
  return [
    ...values.map((ath) => ({ attack: `ath ${String(ath)}`, proof: proofOf(target, { ath }) })),
    ...[undefined, '', 5, null, ['id']].map((jti) => ({
      attack: `jti ${JSON.stringify(jti)}`,
      proof: proofOf(target, { jti }),
    })),
  ];
}

/** A value of the wrong type in place of each member, under a good signature. */
function oddValues(target: ProofTarget): HostileProof[] {
  const odd: readonly unknown[] = [
    null,
    true,
    false,
    0,
    -1,
    1.5,
    '',
    [],
    {},
    [null],
    { toString: 'x' },
  ];
  const rows = (names: readonly string[], make: (name: string, value: unknown) => string) =>
    names.flatMap((name) =>
      odd.map((value) => ({
        attack: `${name}: ${JSON.stringify(value)}`,
        proof: make(name, value),
      })),
    );
  return [
    ...rows(['htm', 'htu', 'iat', 'ath', 'jti'], (name, value) =>
      proofOf(target, { [name]: value }),
    ),
    ...rows(['typ', 'alg', 'jwk'], (name, value) => proofOf(target, {}, { [name]: value })),
    ...rows(['kty', 'crv', 'x', 'y'], (name, value) =>
      proofOf(target, {}, { jwk: { ...bareJwk(target.key), [name]: value } }),
    ),
  ];
}
