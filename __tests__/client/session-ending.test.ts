/** The warning before the session ends: once per session. */
import { createSessionFetch } from 'express-wallet-session/client';
import { closeApis, SignedInUser, startApi } from './api.js';
import type { Api } from './api.js';

let api: Api;
let user: SignedInUser;
let warnings: number[];
let sessionFetch: typeof fetch;

/** The path says what the header does: `/3600`, or `/` for an answer without it. */
beforeEach(async () => {
  api = await startApi(({ path }, response) => {
    if (path !== '/') response.setHeader('Session-Ends-In', decodeURIComponent(path.slice(1)));
    response.end();
  });
  user = new SignedInUser();
  warnings = [];
  sessionFetch = createSessionFetch({
    getAccessToken: user.getAccessToken,
    onSessionEnding: (secondsLeft) => warnings.push(secondsLeft),
    origins: [api.origin],
  });
});
afterEach(closeApis);

async function answers(...paths: string[]): Promise<void> {
  for (const path of paths) await sessionFetch(`${api.origin}/${path}`);
}

it('comes with the first answer that says so, and not again', async () => {
  await answers('', '86400', '86399', '40000', '1', '0');
  expect(warnings).toEqual([86400]);
});

it('does not come again after answers that say nothing, or a refresh', async () => {
  await answers('86400', '', '86000');
  user.rotate();
  await answers('85000');
  expect(warnings).toEqual([86400]);
});

it('does not come again when answers overtake each other', async () => {
  await answers('3600', '3590', '3605', '3600');
  expect(warnings).toEqual([3600]);
});

it('comes again when the time left has grown, which is another session', async () => {
  await answers('120', '86400', '86300');
  expect(warnings).toEqual([120, 86400]);
});

it('comes again after a sign-out', async () => {
  await answers('120');
  user.token = null;
  await answers('');
  user.token = 't5';
  await answers('120', '100');
  expect(warnings).toEqual([120, 120]);
});

it('comes with a refused request too', async () => {
  api = await startApi((_request, response) => response.writeHead(403, warned).end());
  const warned = { 'Session-Ends-In': '60' };
  const client = createSessionFetch({
    getAccessToken: user.getAccessToken,
    onSessionEnding: (secondsLeft) => warnings.push(secondsLeft),
    origins: [api.origin],
  });
  await client(api.origin);
  expect(warnings).toEqual([60]);
});

it('comes not of a header that is no number of seconds', async () => {
  await answers('soon', '-5', '1.5', '60%2C%2060', '1e3');
  expect(warnings).toEqual([]);
});

it('does not break the answer when the app throws', async () => {
  const throwing = createSessionFetch({
    getAccessToken: user.getAccessToken,
    onSessionEnding: () => {
      throw new Error('broken');
    },
    origins: [api.origin],
  });
  expect((await throwing(`${api.origin}/60`)).status).toBe(200);
});
