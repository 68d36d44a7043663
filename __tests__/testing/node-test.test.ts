/**
 * The kit needs no test runner in particular: here it runs under Node's own.
 */
import { execFile } from 'node:child_process';
import process from 'node:process';
import { promisify } from 'node:util';

it('The testing kit works under node:test', async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      '--import',
      'tsx',
      '--test',
      '--test-reporter=tap',
      '__tests__/testing/kit-under-node-test.ts',
    ],
    { env: { ...process.env, NODE_TEST_CONTEXT: undefined } },
  );
  expect(stdout).toContain('# pass 1');
  expect(stdout).toContain('# fail 0');
}, 30_000);
