/**
 * Users who sign in, out and over each other while requests wait for tokens, answers, refreshes and
 * prompts. fast-check decides the order in which those end, and shrinks a failing order; the seed is
 * fixed.
 */
import fc from 'fast-check';
import { createSessionFetch } from 'express-wallet-session/client';
import { jwt } from './api.js';

const ORIGIN = 'https://api.example.com';
const OTHER_ORIGIN = 'https://other.example.com';

/** The tokens of a session, by the differences that they show. */
const kinds = {
  /** Users, and sign-ins of one user. */
  named: ({ user, signIn }: SignIn, name: string) => jwt(name, { sub: user, sid: `${signIn}` }),
  /** Users; a new sign-in of one user looks like a refresh unless null comes between. */
  cdp: ({ user }: SignIn, name: string) => jwt(name, { sub: user }),
  /** No difference, so `getAccessToken` has to give null once between two users. */
  opaque: (_signIn: SignIn, name: string) => name,
};
type Kind = keyof typeof kinds;

interface SignIn {
  readonly user: string;
  readonly signIn: number;
}

/** A try of a request, as the server receives it. */
interface Try {
  readonly method: string;
  readonly order: string;
  readonly token: SignIn | undefined;
  readonly previous: SignIn | undefined;
  readonly challengeId: string | null;
}

const actions = [
  'order',
  'order',
  'order with abort',
  'read',
  'renew',
  'sign out',
  'sign in a',
  'sign in b',
] as const;
const outcomes = ['ok', 'expired', 'mfa', 'approval', 'down', 'gateway', 'redirect'] as const;
const endings = ['resolve', 'reject'] as const;

const scenario = fc.record({
  scheduler: fc.scheduler(),
  kind: fc.constantFrom<Kind>('named', 'cdp', 'opaque'),
  /** Whether `getAccessToken` gives the token of the time it was asked, or of the time it answers. */
  answersLate: fc.boolean(),
  actions: fc.array(fc.constantFrom(...actions), { minLength: 2, maxLength: 9 }),
  outcomes: fc.array(fc.constantFrom(...outcomes), { minLength: 1, maxLength: 12 }),
  endings: fc.array(fc.constantFrom(...endings), { minLength: 1, maxLength: 6 }),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

/** Plays a scenario, and records all that is sent and prompted. */
async function play(given: Scenario) {
  const { scheduler, kind, answersLate } = given;
  let current: SignIn | undefined = { user: 'a', signIn: 1 };
  let signIns = 1;
  let tokens = 0;
  const owners = new Map<string, SignIn>();
  let token: string | null = null;

  function issue(): void {
    token = current === undefined ? null : kinds[kind](current, `t${(tokens += 1)}`);
    if (token !== null && current !== undefined) owners.set(token, current);
  }
  issue();

  let count = 0;
  const next = <T>(list: readonly T[]): T => list[(count += 1) % list.length] as T;
  const later = <T>(value: T, label: string): Promise<T> =>
    scheduler.schedule(Promise.resolve(value), label);

  let refreshing = 0;
  let refreshesAtOnce = 0;
  let owesNull = false;
  async function getAccessToken({ forceRefresh }: { readonly forceRefresh: boolean }) {
    if (owesNull) {
      owesNull = false;
      return later(null, 'null');
    }
    const atCall = token;
    const signIn = current;
    if (!forceRefresh) {
      await later(null, 'a token');
      return answersLate ? token : atCall;
    }
    refreshing += 1;
    refreshesAtOnce = Math.max(refreshesAtOnce, refreshing);
    const ending = next(endings);
    await later(null, `a refresh, to ${ending}`);
    refreshing -= 1;
    if (ending === 'reject') throw new Error('offline');
    if (current === signIn) issue();
    else if (kind === 'opaque') return null;
    return token;
  }

  const tries: Try[] = [];
  async function send(input: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    const ownerOf = (text: string | null | undefined) => owners.get(text ?? '');
    const received: Try = {
      method: init.method ?? '',
      order: headers.get('x-order') ?? '',
      token: ownerOf(headers.get('authorization')?.replace('Bearer ', '')),
      previous: ownerOf(headers.get('previous-access-token')),
      challengeId: headers.get('x-mfa-challenge-id'),
    };
    tries.push(received);
    await later(null, `the answer to ${received.order}`);
    const outcome = next(given.outcomes);
    return answerTo(received, outcome, input);
  }

  const promptsOf: { readonly order: string; readonly signIn: SignIn | undefined }[] = [];
  let prompting = 0;
  let promptsAtOnce = 0;
  async function prompt(order: string): Promise<void> {
    promptsOf.push({ order, signIn: current });
    const ending = next(given.endings);
    await later(null, `a prompt for ${order}, to ${ending}`);
    if (ending === 'reject') throw new Error('cancelled');
  }

  const sessionFetch = createSessionFetch({
    getAccessToken,
    onMfaRequired: ({ detail }) => prompt(detail),
    onApprovalRequired: async ({ detail }, { signal }) => {
      prompting += 1;
      promptsAtOnce = Math.max(promptsAtOnce, prompting);
      const closed = new Promise<never>((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reject(new Error('closed'));
        });
      });
      await Promise.race([prompt(detail), closed]).finally(() => {
        prompting -= 1;
      });
    },
    origins: [ORIGIN, OTHER_ORIGIN],
    fetch: send as typeof fetch,
  });

  const issued = new Map<string, SignIn | undefined>();
  const results: (number | string)[] = [];
  let pending = 0;
  const controllers: AbortController[] = [];

  function request(method: 'POST' | 'GET', controller: AbortController): void {
    const order = `order-${issued.size + 1}`;
    issued.set(order, current);
    const { signal } = controller;
    const response = sessionFetch(ORIGIN, { method, headers: { 'X-Order': order }, signal });
    pending += 1;
    response
      .then(
        ({ status, bodyUsed }) => results.push(bodyUsed ? 'read' : status),
        (error: unknown) => results.push(String(error)),
      )
      .finally(() => (pending -= 1));
  }

  function signInAs(user: string): void {
    current = { user, signIn: (signIns += 1) };
    issue();
    owesNull = kind === 'opaque';
  }

  const perform: Record<(typeof actions)[number], () => void> = {
    order: () => {
      request('POST', new AbortController());
    },
    'order with abort': () => {
      const controller = new AbortController();
      controllers.push(controller);
      request('POST', controller);
    },
    read: () => {
      request('GET', new AbortController());
    },
    renew: issue,
    'sign out': () => {
      controllers.pop()?.abort();
      current = undefined;
      issue();
    },
    'sign in a': () => {
      signInAs('a');
    },
    'sign in b': () => {
      signInAs('b');
    },
  };
  let performed = 0;
  scheduler.scheduleSequence(
    given.actions.map((label) => ({
      label,
      builder: () => {
        performed += 1;
        perform[label]();
        return Promise.resolve();
      },
    })),
  );

  for (let turns = 0; performed < given.actions.length || pending > 0; turns += 1) {
    if (turns > 200) throw new Error('A request never settled.');
    await scheduler.waitIdle();
    // Retry-After and the end of a dialog are timers.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return {
    tries,
    issued,
    promptsOf,
    promptsAtOnce,
    refreshesAtOnce,
    results,
  };
}

/** The answer of the library or of a gateway, with the order as the detail of a problem. */
function answerTo(
  { order, challengeId }: Try,
  outcome: (typeof outcomes)[number],
  address: string,
): Response {
  const problem = (status: number, members: object) =>
    new Response(JSON.stringify({ detail: order, ...members }), {
      status,
      headers: { 'Content-Type': 'application/problem+json', 'Retry-After': '0' },
    });
  switch (outcome) {
    case 'expired':
      return problem(401, { action: 'refresh_token' });
    case 'mfa':
      return problem(403, { action: 'verify_mfa' });
    case 'approval':
      return problem(403, {
        action: 'approve_request',
        challengeId: challengeId === null ? `for-${order}` : 'another',
        expiresInSeconds: 300,
      });
    case 'down':
      return problem(503, { action: 'retry' });
    case 'gateway':
      return new Response('bad gateway', { status: 502 });
    case 'redirect':
      return address.startsWith(OTHER_ORIGIN)
        ? new Response('ok')
        : new Response(null, { status: 307, headers: { Location: OTHER_ORIGIN } });
    case 'ok':
      return new Response('ok');
  }
}

it('No order is sent in the name of another user, in any order of the steps', async () => {
  const seen = { tries: 0, repeats: 0, switched: 0 };
  await fc.assert(
    fc.asyncProperty(scenario, async (given) => {
      const { tries, issued, promptsOf, promptsAtOnce, refreshesAtOnce, results } =
        await play(given);

      const sameSession = (one: SignIn | undefined, other: SignIn | undefined) =>
        one?.user === other?.user && (given.kind !== 'named' || one?.signIn === other?.signIn);
      for (const [order, signIn] of issued) {
        const own = tries.filter((received) => received.order === order);
        const [first] = own;
        if (first === undefined) continue;
        seen.tries += own.length;
        seen.repeats += own.length - 1;
        if (signIn !== first.token) seen.switched += 1;
        // A function that answers with the token of the time when it was asked is taken at its word.
        if (!given.answersLate && first.token !== undefined)
          expect(sameSession(first.token, signIn)).toBe(true);
        const mayDiffer = given.kind === 'opaque' && first.method === 'GET';
        for (const { token, challengeId } of own) {
          expect(mayDiffer || sameSession(token, first.token)).toBe(true);
          expect([null, `for-${order}`]).toContain(challengeId);
        }
      }
      for (const { token, previous } of tries)
        if (previous !== undefined && given.kind !== 'opaque')
          expect(sameSession(previous, token)).toBe(true);
      // A session whose end the client has not seen yet may still have its prompt open.
      if (given.actions.every((action) => !action.startsWith('sign')))
        expect([refreshesAtOnce <= 1, promptsAtOnce <= 1]).toEqual([true, true]);
      expect(promptsOf.every(({ order }) => issued.has(order))).toBe(true);
      expect(
        results.every((result) => typeof result === 'number' || /Abort|offline/.test(result)),
      ).toBe(true);
    }),
    { seed: 20_261_201, numRuns: Number(process.env.INTERLEAVINGS ?? 500) },
  );
  expect(seen.repeats).toBeGreaterThan(100);
  if (process.env.INTERLEAVINGS) process.stderr.write(`${JSON.stringify(seen)}\n`);
});
