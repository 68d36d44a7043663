/**
 * The lines of `NODE_DEBUG=express-wallet-session`: each usual mistake is found from its line alone.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

interface Run {
  readonly status: number;
  readonly token: string;
  readonly url: string;
  readonly name: string;
  readonly audience: string;
}

async function runWith(
  mistakes: readonly string[],
  debug = 'express-wallet-session',
): Promise<{ runs: Record<string, Run>; lines: string[] }> {
  const args = ['--import', 'tsx', '__tests__/events/refusal-lines.ts', ...mistakes];
  const env = { ...process.env, NODE_OPTIONS: '', NODE_DEBUG: debug };
  const { stdout, stderr } = await run(process.execPath, args, { env });
  const lines = stderr.split('\n').filter((line) => line !== '');
  return { runs: JSON.parse(stdout) as Record<string, Run>, lines };
}

const ADDRESS = '/.well-known/jwks.json';

describe('NODE_DEBUG=express-wallet-session', () => {
  const mistakes: [mistake: string, status: number, line: (run: Run) => string][] = [
    [
      'issuer',
      401,
      () => 'token_invalid: `iss` is expected to be https://login.example/, not another string',
    ],
    [
      'slash',
      401,
      ({ name }) =>
        `token_invalid: \`iss\` is expected to be ${name.slice(0, -1)}, not another string: it ends with a slash, and the expected one does not`,
    ],
    [
      'https',
      401,
      ({ name }) =>
        `token_invalid: \`iss\` is expected to be ${name.replace('https://', '')}, not another string: it begins with https://, and the expected one does not`,
    ],
    [
      'audience-as-issuer',
      401,
      ({ audience }) =>
        `token_invalid: \`iss\` is expected to be ${audience}, not another string: the expected issuer is the audience of this token`,
    ],
    [
      'audience',
      401,
      () => 'token_invalid: `aud` is expected to hold https://api.example, not another string',
    ],
    [
      'project',
      401,
      () =>
        'token_invalid: `project_id` is expected to be project-of-production, not another string',
    ],
    ['typ', 401, () => 'token_invalid: `typ` is expected to be at+jwt, not another string'],
    ['jwks-address', 503, ({ url }) => `verification_unavailable: ${url}/jwks answered 404`],
    [
      'jwks-of-another',
      401,
      ({ url }) =>
        `token_invalid: \`kid\` is unknown: it is expected to be one of the keys of ${url}/other${ADDRESS} (1 usable)`,
    ],
    ['clock', 401, () => 'token_invalid: `iat` is 600 s ahead of this clock; 5 s are allowed'],
    ['none', 403, () => 'mfa_required: This operation needs MFA to be verified first.'],
  ];
  let found: Awaited<ReturnType<typeof runWith>>;

  beforeAll(async () => {
    found = await runWith(mistakes.map(([mistake]) => mistake));
  });

  it.each(mistakes)('prints one line that finds the mistake: %s', (mistake, status, expected) => {
    const one = found.runs[mistake];
    if (one === undefined) throw new Error(mistake);
    const lines = found.lines.filter((line) => line.endsWith(`(correlation id ${mistake})`));
    const texts = lines.map((line) => line.replace(/^EXPRESS-WALLET-SESSION \d+: /, ''));
    expect([one.status, ...texts]).toEqual([
      status,
      `${expected(one)} (correlation id ${mistake})`,
    ]);
    for (const part of ['user-5f1e', ...one.token.split('.')]) {
      expect(found.lines.join('\n')).not.toContain(part);
    }
  });

  it('prints nothing else', () => {
    expect(found.lines).toHaveLength(mistakes.length);
  });

  it('is silent without it', async () => {
    expect((await runWith(['issuer'], '')).lines).toEqual([]);
  });

  it('changes no answer if a subscriber throws at each event', async () => {
    const args = ['--import', 'tsx', '__tests__/events/throwing-subscriber.ts'];
    const { stdout } = await run(process.execPath, args, {
      env: { ...process.env, NODE_OPTIONS: '', NODE_DEBUG: '' },
    });
    expect(JSON.parse(stdout)).toEqual([
      [200, 403],
      ['keys.fetched', 'session.admitted', 'session.admitted', 'mfa.refused'],
    ]);
  });
});
