/**
 * `npm run example`: each printed line is pasted into bash, and its answer is as announced.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { verifyAuditTrail } from '../../examples/wallet/audit/audit-chain.js';

const run = promisify(execFile);
const children: ChildProcess[] = [];

/** For the audit trails of the examples. */
const folder = mkdtempSync(join(tmpdir(), 'walkthrough-'));

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill();
    await once(child, 'exit');
  }
});

it('prints curl lines that work as pasted, with the answers that they announce', async () => {
  const walkthrough = await printedBy(startExample('0'));
  const { stdout, stderr } = await run('bash', ['--norc', '-euo', 'pipefail', '-c', walkthrough]);
  expect(stderr).toBe('');

  const answers = answersIn(stdout);
  expect(answers.map(({ status, body }) => [status, body?.errorType])).toEqual([
    [200, undefined], // 1. GET /me
    [200, undefined], // GET /transfers
    [422, 'insufficient_funds'], // 2.
    [403, 'mfa_not_enrolled'], // 3.
    [201, undefined], // 4. the authenticator app
    [200, undefined],
    [201, undefined], // 5. sent
    [409, 'already_sent'],
    [403, 'mfa_required'], // 6. an approval is asked for
    [422, 'mfa_invalid_code'], // 7. a wrong code
    [410, 'mfa_flow_expired'],
    [403, 'mfa_required'], // 8. asked again
    [200, undefined],
    [403, 'mfa_required'], // 9. another amount
    [201, undefined],
    [403, 'mfa_required'], // the approval is spent
    [403, 'mfa_required'], // 10. another tab
    [410, 'mfa_flow_expired'],
    [204, undefined], // 11. sign out
    [401, 'session_revoked'],
    [401, 'token_expired'], // 12. 16 minutes later
    [200, undefined], // 13. refreshed
    [201, undefined], // 14. a signature
    [403, 'mfa_expired'],
    [200, undefined],
    [201, undefined],
    [200, undefined], // 15. six days later
    [401, 'unauthorized'], // seven days later
    [201, undefined], // 16. custom authentication
    [200, undefined],
    [403, 'mfa_required'],
    [200, undefined],
    [200, undefined],
    [201, undefined],
    [204, undefined], // 17. sign out everywhere
    [401, 'session_revoked'],
  ]);

  const bodies = answers.map(({ body }) => body);
  expect(bodies[0]).toMatchObject({ mfa: { current: null, factors: [] } });
  expect(bodies[7]).toMatchObject({ transfer: bodies[6] });
  for (const asked of [8, 11, 13, 15, 30]) {
    expect(bodies[asked]).toMatchObject({ action: 'approve_request' });
  }
  expect(bodies[16]).toMatchObject({ action: 'verify_mfa' });
  for (const [asked, approved, sent] of [
    [11, 12, 14],
    [30, 32, 33],
  ] as const) {
    const { challengeId, digest } = bodies[approved] ?? {};
    expect(bodies[asked]).toMatchObject({ challengeId });
    expect(bodies[sent]).toMatchObject({ authorisation: { challengeId, digest } });
  }
  expect(bodies[21]).toMatchObject({ mfa: { current: { method: 'totp' } } });
  expect(bodies[27]).toMatchObject({ code: 'refresh_token_expired' });
  const warned = answers.filter(({ head }) => /^Session-Ends-In: \d+$/m.test(head));
  expect(warned).toEqual([answers[26]]);

  const trail = stdout.trimEnd().split('\n').slice(-3);
  expect(verifyAuditTrail(trail)).toMatchObject({ isIntact: true, lines: 3 });
  expect(trail.at(-1)).toContain('"type":"session.refused"');

  const lastLine = walkthrough.trimEnd().split('\n').at(-1);
  expect(lastLine).toMatch(/^# The example wallet is on http:\/\/localhost:\d+ - open it/);
});

it('says which port to choose instead of one that is taken', async () => {
  const blocker = createServer();
  blocker.listen(0, '127.0.0.1');
  await once(blocker, 'listening');
  const { port } = blocker.address() as AddressInfo;
  const said = await failureOf(startExample(String(port)));
  blocker.close();
  expect(said).toEqual([
    1,
    `Port ${port} is taken. Choose another one: PORT=${port + 1} npm run example\n`,
  ]);
});

it('says what is wrong with a PORT that is none', async () => {
  expect(await failureOf(startExample('http'))).toEqual([
    1,
    'PORT must be a number from 0 to 65535, not "http".\n',
  ]);
});

function startExample(port: string): ChildProcess {
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/wallet/server.ts'], {
    env: { ...process.env, PORT: port, NODE_OPTIONS: '', TMPDIR: folder },
  });
  children.push(child);
  return child;
}

async function printedBy(child: ChildProcess): Promise<string> {
  let text = '';
  for await (const chunk of child.stdout ?? []) {
    text += String(chunk);
    if (/^# The example wallet is on .*\n$/m.test(text)) return text;
  }
  throw new Error(`the example has ended, after: ${text}`);
}

async function failureOf(child: ChildProcess): Promise<[unknown, string]> {
  let text = '';
  child.stderr?.on('data', (chunk) => (text += String(chunk)));
  const [code] = (await once(child, 'close')) as [unknown];
  return [code, text];
}

interface Answer {
  readonly head: string;
  readonly status: number;
  readonly body: Record<string, unknown> | undefined;
}

/** The output of `curl -i`, answer by answer. */
function answersIn(output: string): Answer[] {
  return output
    .replaceAll('\r', '')
    .split(/^(?=HTTP\/1\.1 )/m)
    .map((answer) => {
      const [head = '', text = ''] = answer.split('\n\n');
      const body = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : undefined;
      return { head, status: Number(head.split(' ')[1]), body };
    });
}
