/**
 * The cluster example, started by its one command; the lines that it prints are run as pasted.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { promisify } from 'node:util';
import { describeWithRedis, freePort } from '../support/redis.js';

const run = promisify(execFile);

async function signIn(issuerUrl: string, email: string): Promise<string> {
  const post = async (path: string, body: object): Promise<Record<string, string>> => {
    const headers = { 'content-type': 'application/json' };
    const init = { method: 'POST', headers, body: JSON.stringify(body) };
    return (await (await fetch(`${issuerUrl}${path}`, init)).json()) as Record<string, string>;
  };
  const { code } = await post('/auth/code', { email });
  return (await post('/auth/sign-in', { email, code })).accessToken ?? '';
}

describeWithRedis('The cluster example', () => {
  it('shows two processes that share sessions, by the lines it prints', async () => {
    const port = await freePort();
    const example = spawn(process.execPath, ['--import', 'tsx', 'examples/cluster/server.ts'], {
      env: { ...process.env, REDIS_URL: undefined, PORT: String(port) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      let printed = '';
      for await (const chunk of example.stdout) {
        printed += String(chunk);
        if (printed.endsWith('echo\n\n')) break;
      }
      const lines = printed.slice(printed.indexOf('\n'));
      const { stdout } = await run('bash', ['-c', lines]);
      const answers = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { answeredBy?: number; errorType?: string });
      expect(answers).toMatchObject([
        { userId: expect.any(String) as string },
        { userId: expect.any(String) as string },
        { errorType: 'mfa_required' },
        { errorType: 'mfa_invalid_code' },
        { mfaVerifiedUntil: expect.any(String) as string },
        { transferred: true },
        { transferred: true },
        { errorType: 'mfa_invalid_code' },
        { signedOut: true },
        { errorType: 'session_revoked' },
        { errorType: 'session_revoked' },
      ]);
      const processes = new Set(answers.map(({ answeredBy }) => answeredBy).filter(Boolean));
      expect(processes.size).toBe(2);

      // On this machine alone.
      expect((await fetch(`http://127.0.0.1:${port}/ready`)).status).toBe(200);
      await expect(fetch(`http://127.0.0.2:${port}/ready`)).rejects.toThrow('fetch failed');

      // Guesses are counted over both processes.
      const [issuerUrl = ''] = /http:\/\/127\.0\.0\.1:\d+/.exec(printed) ?? [];
      const token = await signIn(issuerUrl, 'grace@example.com');
      const guesses = await Promise.all(
        Array.from({ length: 12 }, async (_, guess) => {
          const response = await fetch(`http://127.0.0.1:${port}/mfa/verify`, {
            method: 'POST',
            headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
            body: JSON.stringify({ code: String(guess).padStart(6, '0') }),
          });
          return response.status;
        }),
      );
      expect(guesses.sort()).toEqual([
        ...Array<number>(5).fill(422),
        ...Array<number>(7).fill(429),
      ]);
    } finally {
      example.kill();
      await once(example, 'exit');
    }
  }, 60_000);
});
