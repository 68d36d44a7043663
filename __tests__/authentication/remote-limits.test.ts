/**
 * The limits of `validateAccessToken`: how many calls there are at once, how long a token waits for
 * its turn, and how long no call is made after an overload.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Express } from 'express';
import { cdpAuthentication, createSessions, type SessionOptions } from 'express-wallet-session';
import { createTestClock, type TestClock } from 'express-wallet-session/testing';
import request, { type Test } from 'supertest';
import { eventually } from '../support/eventually.js';
import { expectProblem, type Answered } from '../support/expect-problem.js';
import { accessTokenClaims, SigningKey } from '../support/signing-key.js';
import { walletApi } from '../support/wallet-api.js';

interface Answer {
  readonly userId: string;
}

const key = new SigningKey();
const forger = new SigningKey();
let clock: TestClock;

beforeEach(() => {
  clock = createTestClock();
});

/** Stands in for CDP: it takes so many calls at once, and answers each when told, or after a while. */
class CdpStandIn {
  calls = 0;
  underWay = 0;
  mostUnderWay = 0;
  answer: (accessToken: string) => Promise<Answer> = async (accessToken) => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (this.underWay > 20) throw Object.assign(new Error('too many'), { statusCode: 429 });
    if (forged.has(accessToken)) throw Object.assign(new Error('forged'), { statusCode: 401 });
    return { userId: 'alice' };
  };

  readonly validateAccessToken = async (input: { accessToken: string }): Promise<Answer> => {
    this.calls += 1;
    this.underWay += 1;
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
    try {
      return await this.answer(input.accessToken);
    } finally {
      this.underWay -= 1;
    }
  };

  fail(reason: Error): void {
    this.answer = () => Promise.reject(reason);
  }
}

const forged = new Set<string>();
let cdp: CdpStandIn;
beforeEach(() => {
  forged.clear();
  cdp = new CdpStandIn();
});

function options(): SessionOptions {
  const { validateAccessToken } = cdp;
  return { authentication: cdpAuthentication({ projectId: 'p', validateAccessToken }), clock };
}

function token(signer = key): string {
  const claims = { iss: 'cdp-api', aud: 'cdp-api', project_id: 'p' };
  return signer.token(accessTokenClaims(clock(), claims));
}

function forgedToken(): string {
  const compact = token(forger);
  forged.add(compact);
  return compact;
}

function get(app: Express, accessToken = token()): Test {
  return request(app).get('/me').auth(accessToken, { type: 'bearer' });
}

async function expectAlice(app: Express): Promise<void> {
  const answer: Answered = await get(app);
  expect(answer).toMatchObject({ status: 200, body: { userId: 'alice' } });
}

async function expectWait(app: Express, seconds: number): Promise<void> {
  expectProblem(await get(app), 'verification_unavailable', { retryAfter: String(seconds) });
}

function overload(headers: object = {}): Error {
  return Object.assign(new Error('rate_limit_exceeded'), { statusCode: 429, ...headers });
}

describe('A flood of forged tokens', () => {
  it('refuses no good user, with at most 16 calls at once', async () => {
    const sessions = createSessions(options());
    const tokens = Array.from({ length: 420 }, (_, n) => (n % 21 === 20 ? token() : forgedToken()));
    const answers = await Promise.all(
      tokens.map((one) =>
        sessions.authenticateToken(one).then(
          ({ userId }) => userId,
          (error: unknown) => (error as { errorType: string }).errorType,
        ),
      ),
    );
    expect(answers).toEqual(tokens.map((one) => (forged.has(one) ? 'token_invalid' : 'alice')));
    expect([cdp.calls, cdp.mostUnderWay]).toEqual([420, 16]);
  });

  it('costs no call for tokens whose exp has passed', async () => {
    const app = walletApi(options());
    const expired = token();
    clock.advance(1000);
    expectProblem(await get(app, expired), 'token_expired');
    expect(cdp.calls).toBe(0);
  });
});

describe('Calls that hang', () => {
  it('are given up after 5 s, as are those in line, and then the next call goes out', async () => {
    const app = walletApi(options());
    const { answer } = cdp;
    cdp.answer = () => new Promise<Answer>(() => undefined);
    const from = performance.now();
    const waiting = Array.from({ length: 18 }, () => get(app).then((response) => response));
    await eventually(() => {
      expect(cdp.calls).toBe(16);
    });
    await Promise.race(waiting);
    cdp.answer = answer;
    for (const response of await Promise.all(waiting)) {
      if (response.status !== 200) expectProblem(response, 'verification_unavailable');
    }
    // Those in line may have had their call before the service answered again: 5 s, and 5 s more.
    expect(performance.now() - from).toBeLessThan(14_000);
    await expectAlice(app);
    expect(cdp.calls).toBeLessThanOrEqual(19);
  }, 30_000);
});

describe('After an overload', () => {
  it.each([
    ['without Retry-After', overload(), 1],
    ['of 503', Object.assign(new Error('down'), { status: 503 }), 1],
    ['with headers in a Headers', overload({ headers: new Headers({ 'retry-after': '7' }) }), 7],
    ['with plain headers', overload({ headers: { 'Retry-After': '7' } }), 7],
    ['with a number in a header', overload({ headers: { 'retry-after': 7 } }), 7],
    ['with headers of a response', overload({ response: { headers: { 'retry-after': '7' } } }), 7],
    ['with a day in Retry-After', overload({ headers: { 'retry-after': '86400' } }), 300],
    ['with no time in Retry-After', overload({ headers: { 'retry-after': 'soon' } }), 1],
    ['with Retry-After 0', overload({ headers: { 'retry-after': '0' } }), 1],
  ])('%s, no call is made before its end', async (_what, reason, seconds) => {
    const app = walletApi(options());
    const { answer } = cdp;
    cdp.fail(reason);
    await expectWait(app, seconds);
    cdp.answer = answer;
    clock.advance(seconds - 0.5);
    await expectWait(app, 1);
    expect(cdp.calls).toBe(1);
    clock.advance(0.5);
    await expectAlice(app);
  });

  it('with a date in Retry-After, no call is made before it', async () => {
    const app = walletApi(options());
    const date = new Date(Math.ceil(clock() / 1000) * 1000 + 40_000);
    const { answer } = cdp;
    cdp.fail(overload({ headers: { 'retry-after': date.toUTCString() } }));
    expect((await get(app)).status).toBe(503);
    cdp.answer = answer;
    clock.advance(39);
    expect((await get(app)).status).toBe(503);
    clock.advance(2);
    await expectAlice(app);
    expect(cdp.calls).toBe(2);
  });

  it('the waits grow from 1 s to 30 s, and begin anew after an answer', async () => {
    const app = walletApi(options());
    const { answer } = cdp;
    cdp.fail(overload());
    for (const seconds of [1, 2, 4, 8, 16, 30, 30]) {
      await expectWait(app, seconds);
      clock.advance(seconds);
    }
    expect(cdp.calls).toBe(7);
    cdp.answer = answer;
    await expectAlice(app);
    cdp.fail(overload());
    await expectWait(app, 1);
  });

  it('of many calls at once, the wait is that of one, and those in line are refused', async () => {
    const app = walletApi(options());
    cdp.fail(overload());
    const { answer } = cdp;
    cdp.answer = async (accessToken) => {
      await eventually(() => {
        expect(cdp.calls).toBe(16);
      });
      return answer(accessToken);
    };
    const responses = await Promise.all(Array.from({ length: 40 }, () => get(app)));
    for (const response of responses) expectProblem(response, 'verification_unavailable');
    expect(cdp.calls).toBe(16);
    await expectWait(app, 1);
  });

  it('one call is made at a time until one is answered', async () => {
    const app = walletApi(options());
    const { answer } = cdp;
    cdp.fail(overload());
    await expectWait(app, 1);
    clock.advance(1);
    let letGo = (): void => undefined;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    cdp.answer = async (accessToken) => {
      await held;
      return answer(accessToken);
    };
    const waiting = Array.from({ length: 8 }, () => get(app).then(({ status }) => status));
    await eventually(() => {
      expect(cdp.calls).toBe(2);
    });
    await sleep(200);
    expect(cdp.calls).toBe(2);
    letGo();
    expect(await Promise.all(waiting)).toEqual(Array<number>(8).fill(200));
    expect(cdp.calls).toBe(9);
  });

  it('of another kind, the other tokens are not slowed down', async () => {
    const app = walletApi(options());
    const { answer } = cdp;
    cdp.fail(new TypeError('not a token of mine'));
    await expectWait(app, 1);
    cdp.answer = async (accessToken) => {
      await eventually(() => {
        expect(cdp.underWay).toBe(8);
      });
      return answer(accessToken);
    };
    const waiting = Array.from({ length: 8 }, () => get(app).then(({ status }) => status));
    expect(await Promise.all(waiting)).toEqual(Array<number>(8).fill(200));
  });

  it('a clock that was set back does not prolong the wait', async () => {
    let now = clock() + 86_400_000;
    const app = walletApi({ ...options(), clock: () => now });
    const { answer } = cdp;
    cdp.fail(overload());
    const tokenNow = (): string =>
      key.token(accessTokenClaims(now, { iss: 'cdp-api', aud: 'cdp-api', project_id: 'p' }));
    expect((await get(app, tokenNow())).status).toBe(503);
    cdp.answer = answer;
    now -= 86_400_000;
    expect((await get(app, tokenNow())).status).toBe(200);
  });

  it('remembered tokens pass, and sessions.ready() tells the cause', async () => {
    const sessions = createSessions(options());
    const app = walletApi(sessions);
    const remembered = token();
    expect((await get(app, remembered)).status).toBe(200);
    cdp.fail(overload());
    await expectWait(app, 1);
    expect((await get(app, remembered)).status).toBe(200);
    await expect(sessions.ready()).rejects.toMatchObject({
      errorType: 'verification_unavailable',
      cause: { message: 'rate_limit_exceeded' },
    });
    expect(cdp.calls).toBe(2);
  });
});
