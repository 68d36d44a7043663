/**
 * Claims that say nothing, or the wrong thing, under the issuer's own signature (RFC 7519 section
 * 4.1, RFC 8725 sections 3.8 to 3.10, RFC 9068 section 4).
 */
import type { SigningKey } from '../../__tests__/support/signing-key.js';

type Claims = Readonly<Record<string, unknown>>;

export function claimAttacks(key: SigningKey, good: Claims): { attack: string; token: string }[] {
  const now = Math.floor(Date.now() / 1000);
  const changes: Readonly<Record<string, readonly unknown[]>> = {
    iss: [undefined, null, 'https://other.example/', [good.iss], {}],
    aud: [undefined, null, '', [], 'https://other.example', ['client-1'], { 0: good.aud }],
    sub: [undefined, null, '', ' ', 5, true, ['victim'], { id: 'victim' }],
    exp: [undefined, null, '9999999999', true, [9999999999], '2100-01-01', 1e300, 0, now - 60],
    iat: [undefined, null, String(now), 1e300, now + 3600],
    nbf: [null, String(now), 1e300, now + 3600],
  };
  return Object.entries(changes).flatMap(([name, values]) =>
    values.map((value) => ({
      attack: `${name}: ${value === undefined ? 'absent' : JSON.stringify(value)}`,
      token: key.token({ ...good, [name]: value }),
    })),
  );
}
