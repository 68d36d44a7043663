/**
 * The test vectors of `docs/approvals.md`: the auditor's script prints them, and the library
 * computes the same.
 */
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import {
  bodyMaterial,
  NO_BODY,
  operationDigest,
  requestDigest,
  sortedJson,
  webAuthnChallenge,
} from '../../lib/approval/digest.js';

const page = await readFile('docs/approvals.md', 'utf8');
const script = /```js\n(import \{ createHash \}.*?)```/s.exec(page)?.[1] ?? '';
const vectors = /```text\n(.*?)\n```/s.exec(page)?.[1]?.split('\n') ?? [];

describe('The test vectors of docs/approvals.md', () => {
  it('are printed by the script of the auditor', () => {
    const printed = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
    });
    expect(printed.trim().split('\n')).toEqual(vectors);
  });

  it('are computed by the library', () => {
    const body = { to: 'alice', amount: '250.00', note: null };
    const target = { method: 'POST', url: '/v1/transfers?urgent=1' };
    const operation = sortedJson({ send: { to: 'bob', amount: 5 } }, 'operation');
    const digest = operationDigest(operation);
    expect([
      requestDigest(target, bodyMaterial(body, 'body')),
      requestDigest({ method: 'DELETE', url: '/keys/7' }, NO_BODY),
      requestDigest({ method: 'POST', url: '/raw' }, bodyMaterial('pay 5', 'body')),
      digest,
      webAuthnChallenge({
        ...{ issuer: 'https://issuer.example/', userId: 'user-1', challengeId: '7.abc', digest },
        description: sortedJson({ amount: 5 }, 'description'),
      }),
    ]).toEqual(vectors);
  });
});
