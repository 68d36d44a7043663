/**
 * `npm run example`: each printed line is pasted into bash, and its answer is as announced.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { promisify } from 'node:util';

const run = promisify(execFile);
const children: ChildProcess[] = [];

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
  expect(answers.map(({ status, errorType }) => [status, errorType])).toEqual([
    [200, undefined], // 2. GET /me
    [200, undefined], // GET /transfers
    [403, 'mfa_not_enrolled'], // 3. POST /transfers
    [201, undefined], // 4. the authenticator app
    [200, undefined],
    [201, undefined], // 5. POST /transfers
    [401, 'token_expired'], // 6. 16 minutes later
    [200, undefined], // 7. refreshed
    [201, undefined], // 8. POST /signatures
    [403, 'mfa_expired'],
    [200, undefined], // 9. a new code
    [201, undefined],
    [403, 'mfa_required'], // 10. another tab
    [204, undefined], // 11. sign out
    [401, 'session_revoked'],
    [200, undefined], // 12. six days later
    [401, 'unauthorized'], // 13. seven days later
    [204, undefined], // 14. sign out everywhere
    [401, 'session_revoked'],
  ]);

  const [whoAmI, refreshed, afterSevenDays] = [0, 7, 16].map((index) => answers[index]?.body);
  expect(whoAmI).toMatchObject({ mfa: { enrolled: false, current: null } });
  expect(refreshed).toMatchObject({
    mfa: { enrolled: true, current: { method: 'totp' } },
  });
  expect(afterSevenDays).toMatchObject({ code: 'refresh_token_expired' });
  const warned = answers.filter(({ head }) => /^Session-Ends-In: \d+$/m.test(head));
  expect(warned).toEqual([answers[15]]);
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
    env: { ...process.env, PORT: port, NODE_OPTIONS: '' },
  });
  children.push(child);
  return child;
}

async function printedBy(child: ChildProcess): Promise<string> {
  let text = '';
  for await (const chunk of child.stdout ?? []) {
    text += String(chunk);
    if (/^# 14\.[^#]*\n\n$/m.test(text)) return text;
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
  readonly body?: unknown;
  readonly errorType?: unknown;
}

/** The output of `curl -i`, answer by answer. */
function answersIn(output: string): Answer[] {
  return output
    .replaceAll('\r', '')
    .split(/^(?=HTTP\/1\.1 )/m)
    .map((answer) => {
      const [head = '', text = ''] = answer.split('\n\n');
      const body = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : undefined;
      return { head, status: Number(head.split(' ')[1]), body, errorType: body?.errorType };
    });
}
