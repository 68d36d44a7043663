/**
 * The cluster example, started by its one command; the lines that it prints are run as pasted.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { promisify } from 'node:util';
import { describeWithRedis, freePort } from '../support/redis.js';

const run = promisify(execFile);

describeWithRedis('The cluster example', () => {
  it('shows two processes that share sessions, by the lines it prints', async () => {
    const example = spawn(process.execPath, ['--import', 'tsx', 'examples/cluster/server.ts'], {
      env: { ...process.env, REDIS_URL: undefined, PORT: String(await freePort()) },
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
        { mfaVerifiedUntil: expect.any(String) as string },
        { transferred: true },
        { transferred: true },
        { signedOut: true },
        { errorType: 'session_revoked' },
        { errorType: 'session_revoked' },
      ]);
      const processes = new Set(answers.map(({ answeredBy }) => answeredBy).filter(Boolean));
      expect(processes.size).toBe(2);
    } finally {
      example.kill();
      await once(example, 'exit');
    }
  }, 60_000);
});
