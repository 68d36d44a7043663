/**
 * The map for newcomers: each file and folder that it names exists, and each folder of `lib` is on
 * it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const guide = readFileSync('.github/CONTRIBUTING.md', 'utf8');
const named = [...guide.matchAll(/`((?:lib|__tests__|\.github|\.config|\.ci)\/[^`]*)`/g)].map(
  ([, path = '']) => path,
);

describe('CONTRIBUTING', () => {
  it.each([...new Set(named)])('names %s, which exists', (path) => {
    expect(existsSync(path)).toBe(true);
  });

  it('names each folder of lib', () => {
    const rooms = readdirSync('lib', { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => `${entry.name}/`);
    expect(rooms.filter((room) => !guide.includes(room))).toEqual([]);
  });

  it.each([...guide.matchAll(/`npm run ([\w:]+)`/g)].map(([, script = '']) => script))(
    'names the script %s, which exists',
    (script) => {
      const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
        scripts: Record<string, string>;
      };
      expect(scripts).toHaveProperty([script]);
    },
  );
});
