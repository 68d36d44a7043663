/**
 * A user of the example wallet: devices with tabs that share a refresh token, and a phone with an
 * authenticator app.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Express } from 'express';
import { TOTP, URI } from 'otpauth';
import supertest, { type Response } from 'supertest';
import { createTestClock, type TestClock } from 'express-wallet-session/testing';
import { createWalletApp } from '../../examples/wallet/app.js';
import { AuditTrail } from '../../examples/wallet/audit/audit-trail.js';
import { createWalletIssuers } from '../../examples/wallet/issuers.js';

export type Kind = 'cdp' | 'custom';

export interface Wallet {
  readonly app: Express;
  readonly clock: TestClock;
  readonly audit: AuditTrail;
}

const open: AuditTrail[] = [];

/** Its audit trail is closed and removed after the test. */
export async function createWallet(): Promise<Wallet> {
  const clock = createTestClock();
  const folder = await mkdtemp(join(tmpdir(), 'wallet-audit-'));
  const audit = await AuditTrail.open({ folder });
  open.push(audit);
  const issuers = await createWalletIssuers(clock);
  return { app: createWalletApp({ issuers, clock, audit }), clock, audit };
}

afterEach(async () => {
  for (const audit of open.splice(0)) {
    await audit.close();
    await rm(audit.folder, { recursive: true, force: true });
  }
});

/** One browser of a user. */
export class Device {
  readonly #wallet: Wallet;
  readonly #agent: ReturnType<typeof supertest.agent>;
  readonly #kind: Kind;
  #phone: TOTP | undefined;
  readonly tab: Tab;

  private constructor(
    wallet: Wallet,
    agent: ReturnType<typeof supertest.agent>,
    kind: Kind,
    tab: Tab,
  ) {
    this.#wallet = wallet;
    this.#agent = agent;
    this.#kind = kind;
    this.tab = tab;
  }

  static async signIn(wallet: Wallet, email: string, kind: Kind = 'cdp'): Promise<Device> {
    const agent = supertest.agent(wallet.app);
    const sent = await agent.post(`/${kind}/auth/code`).send({ email });
    const { code } = sent.body as { code: string };
    const answer = await agent.post(`/${kind}/auth/sign-in`).send({ email, code });
    return new Device(wallet, agent, kind, tabOf(wallet, answer));
  }

  refresh(): Promise<Response> {
    return Promise.resolve(this.#agent.post(`/${this.#kind}/auth/refresh`));
  }

  async openTab(previousToken?: string): Promise<Tab> {
    return tabOf(this.#wallet, await this.refresh(), previousToken);
  }

  scan(begun: Response): TOTP {
    const app = URI.parse((begun.body as { uri: string }).uri);
    if (!(app instanceof TOTP)) throw new TypeError('not a TOTP');
    return app;
  }

  confirm(app: TOTP): Promise<Response> {
    const code = app.generate({ timestamp: this.#wallet.clock() });
    return this.tab.post('/factors/totp/confirm', { code });
  }

  /** Enrols an authenticator app and returns it. */
  async enrol(): Promise<TOTP> {
    this.#phone = this.scan(await this.tab.post('/factors/totp'));
    expect((await this.confirm(this.#phone)).status).toBe(200);
    return this.#phone;
  }

  /** The code that the phone shows; 30 seconds later, so that it was not used. */
  nextCode(): string {
    this.#wallet.clock.advance(30);
    return this.#phone?.generate({ timestamp: this.#wallet.clock() }) ?? '';
  }

  verify(tab: Tab = this.tab): Promise<Response> {
    return tab.post('/mfa/totp', { code: this.nextCode() });
  }
}

export class Tab {
  readonly #app: Express;
  readonly token: string;
  readonly #previousToken: string | undefined;

  constructor(app: Express, token: string, previousToken: string | undefined) {
    this.#app = app;
    this.token = token;
    this.#previousToken = previousToken;
  }

  request(method: 'get' | 'post' | 'delete', path: string): supertest.Test {
    const request = supertest(this.#app)[method](path).auth(this.token, { type: 'bearer' });
    return this.#previousToken === undefined
      ? request
      : request.set('Previous-Access-Token', this.#previousToken);
  }

  get(path: string): Promise<Response> {
    return Promise.resolve(this.request('get', path));
  }

  post(path: string, body: object = {}): Promise<Response> {
    return Promise.resolve(this.request('post', path).send(body));
  }

  delete(path: string): Promise<Response> {
    return Promise.resolve(this.request('delete', path));
  }

  /** Sends an order, with an idempotency key and the approval of a challenge. */
  send(order: object, key: string = crypto.randomUUID(), challengeId?: string): Promise<Response> {
    const request = this.request('post', '/transfers').set('Idempotency-Key', key);
    if (challengeId !== undefined) request.set('X-Mfa-Challenge-Id', challengeId);
    return Promise.resolve(request.send(order));
  }

  /** The challenge of an order that needs an approval. */
  async ask(order: object): Promise<string> {
    const refused = await this.send(order);
    expect([refused.status, refused.body]).toMatchObject([403, { action: 'approve_request' }]);
    return (refused.body as { challengeId: string }).challengeId;
  }

  async balance(): Promise<unknown> {
    return ((await this.get('/transfers')).body as { balance: unknown }).balance;
  }
}

function tabOf({ app }: Wallet, response: Response, previousToken?: string): Tab {
  expect(response.status).toBe(200);
  return new Tab(app, (response.body as { accessToken: string }).accessToken, previousToken);
}

/** Asserts a refusal of the wallet itself, as a problem. */
export function expectRefusal(
  response: Response,
  status: number,
  errorType: string,
  members: object = {},
): void {
  const detail: unknown = expect.any(String);
  expect([response.status, response.body]).toEqual([
    status,
    { type: `urn:wallet:${errorType}`, status, detail, errorType, ...members },
  ]);
  expect(response.headers).toMatchObject({
    'content-type': expect.stringMatching(/^application\/problem\+json/) as unknown,
    'cache-control': 'no-store',
  });
}
