/**
 * Logout tokens at the wallet API's `POST /backchannel-logout`.
 */
import type { Express } from 'express';
import type { Response, Test } from 'supertest';
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

/** Holds the whole answer: 400 with the body of RFC 6749 section 5.2, and no challenge. */
export function expectLogoutRefused(
  response: Response,
  description = 'The logout token is not valid here.',
): void {
  expectOAuthError(response, 400, 'invalid_request', description);
  expect(response.headers).not.toHaveProperty('retry-after');
}

export function expectLogoutUnavailable(response: Response, description: string): void {
  expectOAuthError(response, 503, 'temporarily_unavailable', description);
  expect(response.headers).toHaveProperty('retry-after', '1');
}

function expectOAuthError(
  { status, body, headers }: Response,
  expected: number,
  error: string,
  description: string,
): void {
  expect([status, body]).toEqual([expected, { error, error_description: description }]);
  expect(headers).toMatchObject({
    'content-type': 'application/json',
    'cache-control': 'no-store',
  });
  expect(headers).not.toHaveProperty('www-authenticate');
}
