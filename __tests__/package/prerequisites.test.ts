/**
 * Tests that need a program do not hang if it does not start.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import type { Readable } from 'node:stream';
import { untilPrinted } from '../support/until-printed.js';

type Child = ChildProcessByStdio<null, Readable, null>;

function run(file: string, script: string): Child {
  return spawn(file, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
}

describe('Waiting for a program to be ready', () => {
  it('ends when the program prints the line', async () => {
    const child = run(process.execPath, 'console.log("ready"); setInterval(() => {}, 1000)');
    await expect(untilPrinted(child, child.stdout, 'ready')).resolves.toBe('ready\n');
    child.kill();
  });

  it('rejects and kills the program if it never prints the line', async () => {
    const child = run(process.execPath, 'setInterval(() => {}, 1000)');
    const exited = once(child, 'exit');
    await expect(untilPrinted(child, child.stdout, 'ready', 0.1)).rejects.toThrow(
      `${process.execPath} did not start within 0.1 s`,
    );
    expect(await exited).toEqual([null, 'SIGKILL']);
  });

  it('lets go of the output that a child of the program holds on to', async () => {
    const script = `require('node:child_process').spawn(process.execPath,
      ['-e', 'console.log(process.pid); setTimeout(() => {}, 60000)'], { stdio: 'inherit' })`;
    const child = run(process.execPath, script);
    const [pid] = (await once(child.stdout, 'data')) as [Buffer];
    const closed = once(child, 'close');
    await expect(untilPrinted(child, child.stdout, 'ready', 0.1)).rejects.toThrow('within 0.1 s');
    await closed;
    expect(process.kill(Number(pid), 'SIGKILL')).toBe(true);
  }, 10_000);

  it.each([
    ['process.exitCode = 3', `${process.execPath} ended with 3`],
    [
      'console.log("no memory"); process.exitCode = 3',
      `${process.execPath} ended with 3: no memory`,
    ],
  ])('rejects if the program ends first: %s', async (script, message) => {
    const child = run(process.execPath, script);
    await expect(untilPrinted(child, child.stdout, 'ready')).rejects.toThrow(new Error(message));
  });

  it('rejects if the program is not installed', async () => {
    const child = run('no-such-program', '');
    await expect(untilPrinted(child, child.stdout, 'ready')).rejects.toThrow(
      new Error('no-such-program is not installed'),
    );
  });
});
