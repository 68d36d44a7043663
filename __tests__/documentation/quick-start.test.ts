/**
 * The quick start of the README, extracted and run: both answers come back.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';

const readme = await readFile('README.md', 'utf8');

function codeAfter(heading: string, language: string): string {
  const section = readme.slice(readme.indexOf(heading));
  const found = new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 's').exec(section)?.[1];
  if (found === undefined) throw new Error(`no ${language} block after ${heading}`);
  return found;
}

describe('The quick start of the README', () => {
  // Written into the repository during the test, because packages resolve from there.
  const file = '__tests__/documentation/.quick-start.mjs';

  afterEach(async () => {
    await rm(file, { force: true });
  });

  it('runs as pasted and gives the two answers that the README shows', async () => {
    const source = codeAfter('## Quick start', 'js');
    expect(source).toContain('app.listen(3000)');
    await writeFile(file, source.replace('app.listen(3000)', 'app.listen(0, ready)') + listening);
    const server = spawn(process.execPath, ['--import', 'tsx', file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const printed: string[] = [];
      for await (const line of createInterface(server.stdout)) {
        if (printed.push(line) === 2) break;
      }
      const token = printed.find((line) => line.startsWith('TOKEN='))?.slice(6) ?? '';
      const port = printed.find((line) => /^\d+$/.test(line)) ?? '';
      const call = (path: string, method: string): Promise<Response> =>
        fetch(`http://127.0.0.1:${port}${path}`, {
          method,
          headers: { authorization: `Bearer ${token}` },
        });

      const me = await call('/me', 'GET');
      expect(me.status).toBe(200);
      expect(readme).toContain(`\`${await me.text()}\``);

      const transfer = await call('/transfers', 'POST');
      expect(transfer.status).toBe(403);
      const shown = codeAfter('has not verified MFA', '');
      for (const name of ['www-authenticate', 'cache-control', 'content-type']) {
        expect(shown.toLowerCase()).toContain(
          `${name}: ${transfer.headers.get(name) ?? 'nothing'}`.toLowerCase(),
        );
      }
      const body = JSON.parse(shown.slice(shown.indexOf('{'))) as Record<string, unknown>;
      expect(await transfer.json()).toEqual({
        ...body,
        correlationId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      });
    } finally {
      server.kill();
      await once(server, 'exit');
    }
  }, 30_000);
});

const listening = `
function ready() { console.log(this.address().port); }
`;
