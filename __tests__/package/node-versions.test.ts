/**
 * The Node versions that are promised, and those that are tested.
 */
import { readFileSync } from 'node:fs';

const read = (file: string): string => readFileSync(file, 'utf8');

/** Of `.ci/run`, the oldest first. */
const versions = /^versions=\((.+)\)$/m.exec(read('.ci/run'))?.[1]?.split(' ') ?? [];
const [oldest = ''] = versions;
const majors = versions.map((version) => Number(version.split('.')[0]));
/** As people write them: without the patch. */
const spoken = versions.map((version) => version.replace(/\.0$/, ''));
const list = `${spoken.slice(0, -1).join(', ')} and ${spoken.at(-1) ?? ''}`;

describe('The Node versions', () => {
  it('that CI tests are the oldest supported one and each even major after it', () => {
    expect(versions.length).toBeGreaterThan(1);
    expect(majors).toEqual(majors.map((_, index) => (majors[0] ?? 0) + 2 * index));
  });

  it('of `engines` begin with the oldest, whose types the code is written against', () => {
    const manifest = JSON.parse(read('package.json')) as {
      engines: { node: string };
      devDependencies: Record<string, string>;
    };
    expect(manifest.engines.node).toBe(`>=${oldest}`);
    const { '@types/node': types = '' } = manifest.devDependencies;
    expect(types.startsWith(`^${spoken[0] ?? ''}.`)).toBe(true);
  });

  it('of the workflow are the same', () => {
    expect(read('.github/workflows/ci.yml')).toContain(`node: [${versions.join(', ')}]\n`);
  });

  it.each(['README.md', '.github/CONTRIBUTING.md'])('of %s are the same', (file) => {
    expect(read(file)).toContain(list);
  });

  it('of the README begin with the oldest', () => {
    expect(read('README.md')).toContain(`Node ${spoken[0] ?? ''} or later`);
  });
});
