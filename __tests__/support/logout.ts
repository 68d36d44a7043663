/**
 * Logout tokens at the wallet API's `POST /backchannel-logout`.
 */
import type { Express } from 'express';
import type { Response, Test } from 'supertest';
import { expectProblem } from './expect-problem.js';
import { WalletClient } from './wallet-client.js';

/** The client id that the testing kit's logout tokens are for. */
export const logoutAudience = 'test-client';

/** Sends a logout token as an identity provider does. */
export function logOut(api: Express | string, logoutToken: string): Test {
  return new WalletClient(api)
    .send('post', '/backchannel-logout')
    .type('form')
    .send({ logout_token: logoutToken });
}

export function expectLoggedOut({ status, text, headers }: Response): void {
  const { 'cache-control': cacheControl } = headers as Record<string, string>;
  expect([status, text, cacheControl]).toEqual([200, '', 'no-store']);
}

export function expectLogoutRefused(
  response: Response,
  detail = 'The logout token is not valid here.',
): void {
  expectProblem(response, 'invalid_request', { detail });
}
