/**
 * Waits for the line by which a program says that it is ready.
 */
import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';

/**
 * Resolves when `output`, which is one of the child's streams, contains `text`. A child that does
 * not get there in time is killed.
 *
 * @returns what was printed by then
 * @throws if the child cannot be run, ends first, or takes longer than `withinSeconds`
 */
export async function untilPrinted(
  child: ChildProcess,
  output: Readable,
  text: string,
  withinSeconds = 30,
): Promise<string> {
  const name = child.spawnfile;
  let log = '';
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(() => {
        child.kill('SIGKILL');
        reject(new Error(`${name} did not start within ${withinSeconds} s`));
      }, withinSeconds * 1000);
      // The listener stays: a child whose output is not read stops at a full pipe.
      output.on('data', (chunk) => {
        log += String(chunk);
        if (log.includes(text)) resolve();
      });
      child.once('error', (error: NodeJS.ErrnoException) => {
        reject(error.code === 'ENOENT' ? new Error(`${name} is not installed`) : error);
      });
      child.once('exit', (code, signal) => {
        const tell = (): void => {
          const lastLine = log.trimEnd().split('\n').at(-1);
          const end = `${name} ended with ${code ?? signal ?? ''}`;
          reject(new Error(lastLine === '' ? end : `${end}: ${lastLine ?? ''}`));
        };
        // Its last words may come after its end, unless a grandchild holds the pipe.
        child.once('close', tell);
        setTimeout(tell, 500).unref();
      });
    });
    return log;
  } catch (error) {
    // A grandchild that lives on would hold the pipe, and the pipe this process.
    output.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
