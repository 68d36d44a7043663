/**
 * A user with three access tokens, all that can happen to their sessions and MFA, and what can be seen
 * of it afterwards.
 */
import { ServerResponse, type IncomingMessage } from 'node:http';
import {
  backchannelLogout,
  cdpAuthentication,
  createSessions,
  customAuthentication,
  type Session,
  type Sessions,
  type SessionStore,
} from 'express-wallet-session';
import { createTestIssuer } from 'express-wallet-session/testing';
import type { HeldStore } from '../support/held-store.js';
import type { Operation, Outcome } from '../support/interleavings.js';

const START_MS = Date.UTC(2026, 0, 5, 12);
const START = START_MS / 1000;
/** At most so many operations run at once; the process behind theirs prepares and observes. */
const OBSERVER = 3;
const STARTED = { methods: ['totp', 'hwk'] };
const EVIDENCE = { methods: ['otp'] };
const NAMES = ['first', 'second', 'other'] as const;

type Name = (typeof NAMES)[number];
type Tokens = Readonly<Record<Name | 'userLogout' | 'sessionLogout', string>>;

/** The kinds of tokens, by what sign-outs and MFA sessions of theirs are known by. */
export const tokenKinds = {
  'CDP tokens': {},
  'CDP tokens with `auth_time`': { auth_time: START - 1200 },
  'CDP tokens with `sid`': { sid: 'session-1' },
  'custom tokens': { sid: 'session-1', auth_time: START - 1200 },
} as const;

export type TokenKind = keyof typeof tokenKinds;

/** What is there when the operations begin. */
export const beginnings: Readonly<Record<string, (world: World) => Promise<void>>> = {
  nothing: () => Promise.resolve(),
  'MFA with the first token': async (world) => {
    await world.verify('first', -1, 'totp');
  },
  'MFA with the first token, expired MFA with the second': async (world) => {
    await world.verify('second', -301, 'hwk');
    await world.verify('first', -1, 'totp');
  },
  'MFA with the first token, expired MFA that was carried to the second': async (world) => {
    await world.verify('first', -301, 'hwk');
    await world.observer('second').mfa.carryOver(world.tokens.first);
    await world.verify('first', -1, 'totp');
  },
  'MFA that was carried to the second token': async (world) => {
    await world.verify('first', -1, 'totp');
    await world.observer('second').mfa.carryOver(world.tokens.first);
  },
  'MFA that was ended and verified again in this millisecond': async (world) => {
    await world.verify('first', 0, 'totp');
    await world.observer('first').mfa.end();
    await world.observer('second').mfa.endEverywhere();
    await world.verify('first', 0, 'totp');
  },
};

/** Replaces verbs of a store, which is to be found out. */
export type Fault = (store: SessionStore) => Partial<SessionStore>;

/** Something that may run beside others. */
interface SideBySide {
  readonly run: (world: World, index: number) => Promise<unknown>;
  /** The tokens that are signed out once it is done. */
  readonly signsOut?: readonly Name[];
  /** The tokens that have neither MFA nor evidence right after it, if it ends MFA. */
  readonly ends?: readonly Name[];
  /** The token that has MFA right after it, if it gave something. */
  readonly starts?: Name;
}

/** All that may run side by side. */
const ALL = {
  'start() with the first token': {
    run: (world, index) => world.session(index, 'first').mfa.start({ method: 'hwk' }),
    starts: 'first',
  },
  'start() with the second token': {
    run: (world, index) => world.session(index, 'second').mfa.start({ method: 'hwk' }),
    starts: 'second',
  },
  'end() with the first token': {
    run: (world, index) => world.session(index, 'first').mfa.end(),
    ends: ['first'],
  },
  'end() with the second token': {
    run: (world, index) => world.session(index, 'second').mfa.end(),
    ends: ['second'],
  },
  'endEverywhere()': {
    run: (world, index) => world.session(index, 'second').mfa.endEverywhere(),
    ends: ['first', 'second', 'other'],
  },
  'signOut() with the first token': {
    run: (world, index) => world.session(index, 'first').signOut(),
    signsOut: ['first'],
  },
  'signOut() with the second token': {
    run: (world, index) => world.session(index, 'second').signOut(),
    signsOut: ['second'],
  },
  'signOutEverywhere()': {
    run: (world, index) => world.session(index, 'second').signOutEverywhere(),
    signsOut: ['first', 'second', 'other'],
  },
  'signOutUser()': {
    run: (world, index) => world.core(index).signOutUser({ userId: 'alice' }),
    signsOut: ['first', 'second', 'other'],
  },
  'a logout token of the user': {
    run: (world, index) => world.logOut(index, world.tokens.userLogout),
    signsOut: ['first', 'second'],
  },
  'a logout token of the session': {
    run: (world, index) => world.logOut(index, world.tokens.sessionLogout),
  },
  'carryOver() from the first token to the second': {
    run: (world, index) => world.session(index, 'second').mfa.carryOver(world.tokens.first),
    starts: 'second',
  },
  'a check of the first token': {
    run: (world, index) => world.session(index, 'first').mfa.require(STARTED),
  },
  'a check of the second token': {
    run: (world, index) => world.session(index, 'second').mfa.require(STARTED),
  },
  'a check of evidence with the second token': {
    run: (world, index) => world.session(index, 'second').mfa.require(EVIDENCE),
  },
} as const satisfies Readonly<Record<string, SideBySide>>;

export type OperationName = keyof typeof ALL;

export const operationNames = Object.keys(ALL) as readonly OperationName[];

export function operationOf(name: OperationName, world: World): Operation {
  return (index) => ALL[name].run(world, index);
}

interface Process {
  readonly core: Sessions;
  readonly sessions: Readonly<Record<Name, Session>>;
}

/** Processes that share a store, and the access tokens of one user. */
export class World {
  readonly tokens: Tokens;
  readonly #store: HeldStore;
  readonly #time: { ms: number };
  readonly #clientId: string;
  readonly #processes: readonly Process[];
  /** What was observed of each content of the store, because many runs end with the same. */
  readonly #observed = new Map<string, string>();

  private constructor(
    store: HeldStore,
    time: { ms: number },
    clientId: string,
    tokens: Tokens,
    processes: readonly Process[],
  ) {
    this.#store = store;
    this.#time = time;
    this.#clientId = clientId;
    this.tokens = tokens;
    this.#processes = processes;
  }

  static async create(
    kind: TokenKind,
    store: HeldStore,
    fault: Fault = () => ({}),
  ): Promise<World> {
    const time = { ms: START_MS };
    const clock = (): number => time.ms;
    const isCustom = kind === 'custom tokens';
    const issuer = await createTestIssuer({ clock, authentication: isCustom ? 'custom' : 'cdp' });
    const claims = {
      ...{ sub: 'alice', sid: undefined, auth_time: undefined, exp: START + 7200 },
      ...tokenKinds[kind],
    };
    const logout = { sub: 'alice', iat: START - 60 };
    const tokens: Tokens = {
      first: await issuer.sign({ ...claims, iat: START - 900 }),
      second: await issuer.sign({ ...claims, iat: START - 600 }),
      other: await issuer.sign({
        ...claims,
        iat: START - 30,
        ...('sid' in tokenKinds[kind] && { sid: 'session-2' }),
        ...(isCustom && { auth_time: START - 30 }),
      }),
      userLogout: await issuer.logoutToken(logout),
      sessionLogout: await issuer.logoutToken({ ...logout, sid: 'session-1' }),
    };
    const { issuer: iss, audience, projectId } = issuer;
    const authentication = isCustom
      ? customAuthentication({ issuer: iss, audience, jwks: issuer.jwks() })
      : cdpAuthentication({ issuer: iss, projectId, jwks: issuer.jwks() });
    const processes: Process[] = [];
    for (let index = 0; index <= OBSERVER; index += 1) {
      const sound = store.of(index);
      const core = createSessions({
        authentication,
        clock,
        store: { ...sound, ...fault(sound) },
        tokenCache: { maxAgeSeconds: 7200 },
        mfa: { evidence: () => ({ method: 'otp', verifiedAt: new Date(START_MS - 10_000) }) },
      });
      const [first, second, other] = [
        await core.authenticateToken(tokens.first),
        await core.authenticateToken(tokens.second),
        await core.authenticateToken(tokens.other),
      ];
      processes.push({ core, sessions: { first, second, other } });
    }
    return new World(store, time, issuer.clientId, tokens, processes);
  }

  core(index: number): Sessions {
    const process = this.#processes[index];
    if (process === undefined) throw new RangeError(`there is no process ${index}`);
    return process.core;
  }

  session(index: number, name: Name): Session {
    const process = this.#processes[index];
    if (process === undefined) throw new RangeError(`there is no process ${index}`);
    return process.sessions[name];
  }

  observer(name: Name): Session {
    return this.session(OBSERVER, name);
  }

  /** Starts an MFA session so many seconds after the start, which may be before it. */
  async verify(name: Name, seconds: number, method: string): Promise<void> {
    this.#time.ms = START_MS + seconds * 1000;
    await this.observer(name).mfa.start({ method });
  }

  /** What the store holds at the start. */
  async begin(beginning: (world: World) => Promise<void>): Promise<[string, string][]> {
    this.#store.fill([]);
    this.#store.open();
    await beginning(this);
    this.#time.ms = START_MS;
    return this.#store.content();
  }

  /** Sends a logout token to a process, and gives the status of the answer. */
  logOut(index: number, logoutToken: string): Promise<number> {
    const handler = backchannelLogout(this.core(index), { audience: this.#clientId });
    const req = {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: { logout_token: logoutToken },
    } as unknown as IncomingMessage;
    return new Promise((resolve, reject) => {
      const res = new ServerResponse(req);
      res.end = () => {
        resolve(res.statusCode);
        return res;
      };
      handler(req, res, reject);
    });
  }

  /** What operations that were done in this order should have done and have not. */
  async undone(
    names: readonly OperationName[],
    order: readonly number[],
    { results, content }: Outcome,
  ): Promise<string[]> {
    this.#store.fill(content);
    this.#store.open();
    const undone: string[] = [];
    const expectAnswer = async (
      name: string,
      answer: Promise<void>,
      expected: readonly string[],
    ): Promise<void> => {
      const answered = await answerOf(answer);
      if (!expected.includes(answered)) undone.push(`${name}: ${answered}`);
    };
    for (const [index, name] of names.entries()) {
      const { signsOut = [], ends = [], starts }: SideBySide = ALL[name];
      for (const token of signsOut) {
        await expectAnswer(name, this.observer(token).check(), ['session_revoked']);
      }
      if (order.at(-1) !== index) continue;
      const refused = ['mfa_required', 'mfa_expired', 'session_revoked'];
      for (const token of ends) {
        await expectAnswer(name, this.observer(token).mfa.require(), refused);
      }
      const hasStarted = results[index]?.startsWith('{') === true || results[index] === 'true';
      if (starts !== undefined && hasStarted) {
        await expectAnswer(name, this.observer(starts).mfa.require(STARTED), ['ok']);
      }
    }
    return undone;
  }

  /** All that can be observed of an outcome, now and after one more refresh. */
  async observe({ results, content }: Outcome): Promise<string> {
    const key = JSON.stringify(content);
    let observed = this.#observed.get(key);
    if (observed === undefined) {
      this.#store.fill(content);
      this.#store.open();
      const now = await this.#observeAll();
      const isCarriedOn = await this.observer('other').mfa.carryOver(this.tokens.second);
      observed = JSON.stringify({ now, isCarriedOn, later: await this.#observeAll() });
      this.#observed.set(key, observed);
    }
    return `${JSON.stringify(results)} ${observed}`;
  }

  async #observeAll(): Promise<unknown[]> {
    const observed: unknown[] = [];
    for (const name of NAMES) {
      const session = this.observer(name);
      observed.push({
        [name]: await answerOf(session.check()),
        started: await answerOf(session.mfa.require(STARTED)),
        evidence: await answerOf(session.mfa.require(EVIDENCE)),
        current: (await session.mfa.current()) ?? null,
      });
    }
    return observed;
  }
}

async function answerOf(answer: Promise<unknown>): Promise<string> {
  return answer.then(
    () => 'ok',
    (error: unknown) => (error as { errorType?: string }).errorType ?? String(error),
  );
}
