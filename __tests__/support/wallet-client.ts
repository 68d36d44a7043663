/**
 * A client of the wallet API, and the answers that it expects.
 */
import type { Express } from 'express';
import supertest, { type Test } from 'supertest';

type Headers = Readonly<Record<string, string>>;

/** One browser tab or device, with its access token. */
export class WalletClient {
  readonly #api: Express | string;
  readonly #headers: Headers;

  /** @param api an app, or the URL of one that listens */
  constructor(api: Express | string, accessToken?: string, headers: Headers = {}) {
    this.#api = api;
    this.#headers =
      accessToken === undefined ? headers : { authorization: `Bearer ${accessToken}`, ...headers };
  }

  send(method: 'get' | 'head' | 'post' | 'delete', path: string): Test {
    return supertest(this.#api)[method](path).set(this.#headers);
  }

  me(): Test {
    return this.send('get', '/me');
  }

  /** The protected operation. */
  transfer(): Test {
    return this.send('post', '/transfers');
  }

  verifyMfa(proof: { method: string; acr?: string } = { method: 'totp' }): Test {
    return this.send('post', '/mfa').send(proof);
  }

  currentMfa(): Test {
    return this.send('get', '/mfa');
  }

  endMfa(): Test {
    return this.send('delete', '/mfa');
  }

  endMfaEverywhere(): Test {
    return this.send('delete', '/mfa/everywhere');
  }

  carryOver(previousToken: unknown): Test {
    return this.send('post', '/mfa/carry-over').send({ previousToken });
  }

  signOut(): Test {
    return this.send('post', '/sign-out');
  }

  signOutEverywhere(): Test {
    return this.send('post', '/sign-out/everywhere');
  }
}

/** The header in which a client sends its previous access token. */
export function previously(token: string): Headers {
  return { 'previous-access-token': token };
}

/** Status and body, for one assertion over both. */
export function answerOf(response: { status: number; body: unknown }): [number, unknown] {
  return [response.status, response.body];
}

export function getMe(api: Express | string, accessToken: string): Test {
  return new WalletClient(api, accessToken).me();
}

export function expectTransferred(response: { status: number; body: unknown }): void {
  expect(answerOf(response)).toEqual([201, { transferred: true }]);
}
