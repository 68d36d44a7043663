/**
 * A store of which one node is gone, and a process that is busy: users are refused only if their own
 * records cannot be had.
 */
import { access } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import {
  createSessions,
  memoryStore,
  type SessionError,
  type Sessions,
  type SessionStore,
} from 'express-wallet-session';
import { createTestIssuer, type TestIssuer } from 'express-wallet-session/testing';

const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
const hang = (): Promise<never> => new Promise(() => undefined);

let issuer: TestIssuer;
let alice: string;
let bob: string;

beforeAll(async () => {
  issuer = await createTestIssuer({ authentication: 'custom' });
  [alice, bob] = (await Promise.all(
    ['alice', 'bob'].map(async (user) => (await issuer.signIn(user)).accessToken),
  )) as [string, string];
});

/** Sessions on a store in memory, of which `read` answers as it is told. */
function sessionsWith(
  read: (answer: () => string[], keys: readonly string[]) => unknown,
): Sessions {
  const sound = memoryStore();
  const store: SessionStore = {
    ...sound,
    read: (keys) => read(() => sound.read(keys) as string[], keys) as Promise<string[]>,
  };
  return createSessions({ authentication: issuer.authentication, store });
}

/** Sessions on a store whose node for alice does `trouble`, and whose others answer. */
async function sessionsWithout(
  trouble: () => Promise<never>,
): Promise<{ sessions: Sessions; breakNode: () => void }> {
  let isBroken = false;
  let keyOfAlice: string | undefined;
  const sessions = sessionsWith(async (answer, keys) => {
    keyOfAlice ??= keys[0];
    await setImmediate();
    return isBroken && keys[0] === keyOfAlice ? trouble() : answer();
  });
  await sessions.authenticateToken(alice);
  return { sessions, breakNode: () => (isBroken = true) };
}

/** How a token is answered, and after how many milliseconds. */
async function ask(
  sessions: Sessions,
  token: string,
): Promise<{ answer: string; waitedMs: number }> {
  const startedAt = performance.now();
  const answer = await sessions.authenticateToken(token).then(
    () => 'admitted',
    (error: unknown) => (error as SessionError).errorType,
  );
  return { answer, waitedMs: performance.now() - startedAt };
}

/** Asks every 20 ms for two seconds and a half, and lists the answers that were given. */
async function askAgainAndAgain(sessions: Sessions, token: string): Promise<ReadonlySet<string>> {
  const answers: ReturnType<typeof ask>[] = [];
  const endsAt = performance.now() + 2500;
  while (performance.now() < endsAt) {
    answers.push(ask(sessions, token));
    await sleep(20);
  }
  return new Set((await Promise.all(answers)).map(({ answer }) => answer));
}

describe('While one node of a cluster', () => {
  it.each([
    ['hangs', hang],
    ['has lost its connection', () => Promise.reject(refused)],
  ])('%s, users of the other nodes are admitted, all of them', async (_, trouble) => {
    const { sessions, breakNode } = await sessionsWithout(trouble);
    breakNode();
    const [ofAlice, ofBob] = await Promise.all([
      askAgainAndAgain(sessions, alice),
      askAgainAndAgain(sessions, bob),
    ]);
    expect(ofBob).toEqual(new Set(['admitted']));
    expect(ofAlice).toEqual(new Set(['store_unavailable']));
  });
});

describe('A store that has lost its connection', () => {
  it('just after an answer, and hangs then, is waited for a short time, and then not at all', async () => {
    let trouble: (() => unknown) | undefined;
    let asked = 0;
    const sessions = sessionsWith(async (answer) => {
      asked += 1;
      await setImmediate();
      return trouble === undefined ? answer() : trouble();
    });
    expect((await ask(sessions, bob)).answer).toBe('admitted');
    trouble = () => Promise.reject(refused);
    expect((await ask(sessions, bob)).answer).toBe('store_unavailable');
    trouble = hang;
    const first = await ask(sessions, bob);
    expect(first.answer).toBe('store_unavailable');
    // Else it would be a second.
    expect(first.waitedMs).toBeLessThan(900);
    trouble = undefined;
    const before = asked;
    expect((await ask(sessions, bob)).answer).toBe('store_unavailable');
    expect(asked).toBe(before);
    await sleep(1100);
    expect((await ask(sessions, bob)).answer).toBe('admitted');
  });
});

describe('While the process was busy for longer than it waits for a store', () => {
  it.each([
    ['had answered', () => access('.')],
    // As node-redis and others send the commands of one tick together.
    ['had not been asked yet', async () => setImmediate().then(() => access('.'))],
  ])('a store that %s is not called late', async (_, comeAndGo) => {
    let asked = 0;
    const sessions = sessionsWith(async (answer) => {
      asked += 1;
      await comeAndGo();
      return answer();
    });
    for (const token of [alice, bob]) await sessions.authenticateToken(token);
    const answers = [ask(sessions, alice), ask(sessions, bob)];
    // No timer and no socket has its turn before the process is busy.
    while (asked < 4) await Promise.resolve();
    block(1150);
    expect((await Promise.all(answers)).map(({ answer }) => answer)).toEqual([
      'admitted',
      'admitted',
    ]);
    expect((await ask(sessions, bob)).answer).toBe('admitted');
  });
});

function block(milliseconds: number): void {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
}
