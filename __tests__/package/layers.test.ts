/**
 * The rooms of `lib` and which way imports point: whatever stands higher may import what stands
 * lower, and nothing the other way round.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, sep } from 'node:path';

/** From the top down. A folder stands for its files; a file named here stands for itself. */
const LAYERS: readonly (readonly string[])[] = [
  ['index.ts', 'augment.ts', 'opentelemetry.ts', 'testing/'],
  ['middleware/'],
  ['wallet-sessions.ts'],
  ['admission.ts', 'session-actions.ts'],
  ['options.ts', 'parse-options.ts', 'session-cache.ts', 'sessions-interface.ts'],
  ['environment.ts', 'session.ts', 'watch/'],
  ['carry-over.ts', 'sign-outs.ts'],
  ['revocation.ts', 'mfa/', 'approval/', 'dpop/'],
  ['authentication/', 'token-reader.ts'],
  ['jwks/', 'records/', 'store/'],
  ['events/'],
  ['errors.ts', 'option-reader.ts', 'clock.ts'],
  ['www-authenticate.ts', 'correlation-id.ts', 'refusal-note.ts'],
  [
    'protocol.ts',
    'maybe-promise.ts',
    'parse-url.ts',
    'type-guards.ts',
    'request-headers.ts',
    'request-members.ts',
    'request-target.ts',
  ],
];

const files = readdirSync('lib', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.split(sep).join('/'));

function layerOf(file: string): number {
  return LAYERS.findIndex((names) =>
    names.some((name) => (name.endsWith('/') ? file.startsWith(name) : file === name)),
  );
}

function importsOf(file: string): string[] {
  // Without comments, whose examples import what an app does.
  const source = readFileSync(join('lib', file), 'utf8').replace(/\/\*.*?\*\//gs, '');
  return [...source.matchAll(/\bfrom '(?<from>[^']+)'|\bimport\('(?<late>[^']+)'\)/g)].map(
    (match) => match.groups?.from ?? match.groups?.late ?? '',
  );
}

/** The files of lib that a file imports. */
function targetsOf(file: string): string[] {
  return importsOf(file)
    .filter((name) => name.startsWith('.'))
    .map((name) =>
      normalize(join(dirname(file), name))
        .split(sep)
        .join('/'),
    )
    .map((name) => name.replace(/\.js$/, '.ts'));
}

/** A folder is one room, and so is a file that lies in none. */
function roomOf(file: string): string {
  return file.slice(0, file.indexOf('/') + 1) || file;
}

/** Takes away all that imports nothing that is left, until only cycles, and their importers, remain. */
function inCycles(names: readonly string[], imports: (name: string) => string[]): string[] {
  const left = new Map(names.map((name) => [name, imports(name)]));
  let before: number;
  do {
    before = left.size;
    for (const [name, targets] of left) {
      if (!targets.some((target) => left.has(target))) left.delete(name);
    }
  } while (left.size < before);
  return [...left.keys()];
}

function isOfClient(file: string): boolean {
  return file.startsWith('client/');
}

describe('The rooms of lib', () => {
  it.each(files.filter((file) => !isOfClient(file)))('%s has a place among them', (file) => {
    expect(layerOf(file)).toBeGreaterThanOrEqual(0);
  });

  it.each(files)('%s imports only what stands in its own room or below', (file) => {
    for (const target of targetsOf(file)) {
      const isAllowed = isOfClient(file)
        ? isOfClient(target) || target === 'protocol.ts'
        : !isOfClient(target) && layerOf(target) >= layerOf(file);
      expect([file, target, isAllowed]).toEqual([file, target, true]);
    }
  });

  it.each(files)(
    '%s imports no package but jose, lru-cache and Node itself, and OpenTelemetry in its entry point',
    (file) => {
      const packages = importsOf(file).filter((name) => !name.startsWith('.'));
      const allowed = isOfClient(file)
        ? /^$/
        : file === 'opentelemetry.ts'
          ? /^(node:diagnostics_channel|@opentelemetry\/api)$/
          : /^(node:[a-z2/_]+|jose|lru-cache)$/;
      expect(packages.filter((name) => !allowed.test(name))).toEqual([]);
    },
  );

  it('puts each room as a whole on one floor', () => {
    const named = LAYERS.flat();
    expect(named.filter((name) => name !== roomOf(name))).toEqual([]);
    expect(new Set(named).size).toBe(named.length);
  });

  it('has no cycle of files', () => {
    expect(inCycles(files, targetsOf)).toEqual([]);
  });

  it('has no cycle of rooms', () => {
    const rooms = [...new Set(files.map(roomOf))];
    const roomsBelow = (room: string): string[] =>
      files
        .filter((file) => roomOf(file) === room)
        .flatMap((file) => targetsOf(file).map(roomOf))
        .filter((target) => target !== room);
    expect(inCycles(rooms, roomsBelow)).toEqual([]);
  });

  it('keeps the pure rules free of Express, HTTP and stores', () => {
    for (const rule of [
      'mfa/mfa-session.ts',
      'mfa/mfa-policy.ts',
      'authentication/claims.ts',
      'mfa/evidence.ts',
      'approval/approval-policy.ts',
      'approval/digest.ts',
    ]) {
      expect(
        importsOf(rule).filter((name) => /http|express|session-store|guarded/.test(name)),
      ).toEqual([]);
    }
  });

  it('has no file that cannot be read without scrolling back', () => {
    const long = files.filter(
      (file) => readFileSync(join('lib', file), 'utf8').split('\n').length > 300,
    );
    expect(long).toEqual([]);
  });
});
