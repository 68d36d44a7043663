/**
 * A test of an app that uses Node's own test runner.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSessions } from 'express-wallet-session';
import { createTestClock, createTestIssuer } from 'express-wallet-session/testing';

await test('a session expires and is refreshed', async () => {
  const clock = createTestClock();
  const issuer = await createTestIssuer({ clock });
  const sessions = createSessions({ authentication: issuer.authentication, clock });
  const client = await issuer.signIn('user-1');
  assert.equal((await sessions.authenticateToken(client.accessToken)).userId, 'user-1');
  clock.advance(905);
  await assert.rejects(sessions.authenticateToken(client.accessToken), {
    errorType: 'token_expired',
  });
  const { accessToken } = await issuer.refresh(client.refreshToken);
  assert.equal((await sessions.authenticateToken(accessToken)).userId, 'user-1');
});
