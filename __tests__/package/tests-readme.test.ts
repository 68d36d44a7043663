/**
 * The map of the tests: it has each folder, and the files of `lib` that it names exist.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const readme = readFileSync('__tests__/README.md', 'utf8');
const rows = [...readme.matchAll(/^\| `(\w[\w-]*)\/` .*\|([^|]*)\|$/gm)];

describe('The map of the tests', () => {
  it('has a row for each folder', () => {
    const folders = readdirSync('__tests__', { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== 'support')
      .map((entry) => entry.name);
    expect(rows.map(([, folder]) => folder).sort()).toEqual(folders.sort());
  });

  it.each(rows.map(([, folder = '', files = '']) => [folder, files] as const))(
    'names files of lib that exist, for %s',
    (_folder, files) => {
      const isOutside = files.includes('none: ');
      const named = [...files.matchAll(/`([^`]+)`/g)].map(([, path = '']) => path);
      const missing = named.filter((path) => !existsSync(isOutside ? path : `lib/${path}`));
      expect([named.length > 0, missing]).toEqual([true, []]);
    },
  );
});
