/** The warning before the session ends: once per session. */
import { createSessionFetch } from 'express-wallet-session/client';
import { closeApis, SignedInUser, startApi } from './api.js';
import type { Api } from './api.js';

let api: Api;
let user: SignedInUser;
let warnings: number[];
let sessionFetch: typeof fetch;

/** The path is the value of the header: `/3600`, or `/` for an answer without it. */
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

it('The warning comes with the first answer that has the header, and not again', async () => {
  await answers('', '86400', '86399', '40000', '1', '0');
  expect(warnings).toEqual([86400]);
});

it('The warning does not come again after answers without the header, or after a refresh', async () => {
  await answers('86400', '', '86000');
  user.rotate();
  await answers('85000');
  expect(warnings).toEqual([86400]);
});

it('The warning does not come again if answers overtake each other', async () => {
  await answers('3600', '3590', '3605', '3600');
  expect(warnings).toEqual([3600]);
});

it('The warning comes again if the time left has grown, as in another session', async () => {
  await answers('120', '86400', '86300');
  expect(warnings).toEqual([120, 86400]);
});

it('The warning comes again after a sign-out', async () => {
  await answers('120');
  user.token = null;
  await answers('');
  user.token = 't5';
  await answers('120', '100');
  expect(warnings).toEqual([120, 120]);
});

it('The warning comes with a refused request too', async () => {
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

it('The warning does not come if the header is no number of seconds', async () => {
  await answers('soon', '-5', '1.5', '60%2C%2060', '1e3');
  expect(warnings).toEqual([]);
});

it('The warning does not fail the request if the callback throws', async () => {
  const throwing = createSessionFetch({
    getAccessToken: user.getAccessToken,
    onSessionEnding: () => {
      throw new Error('broken');
    },
    origins: [api.origin],
  });
  expect((await throwing(`${api.origin}/60`)).status).toBe(200);
});
