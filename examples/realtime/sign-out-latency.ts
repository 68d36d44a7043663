/**
 * Measures the time from a sign-out in one process to the closed socket in the other, 100 times:
 * `node --import tsx examples/realtime/sign-out-latency.ts`, beside the example with REDIS_URL.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';

const port = Number(process.env.PORT ?? 3000);
const here = `http://localhost:${port}`;
const milliseconds: number[] = [];

for (let n = 0; n < 100; n += 1) {
  const authorization = `Bearer ${await signIn(`user-${n}@example.com`)}`;
  const socket = new WebSocket(`ws://localhost:${port + 1}/live`, { headers: { authorization } });
  await once(socket, 'message');
  // At any moment between two reads of the watch.
  await sleep(300 + Math.random() * 1000);
  const closed = once(socket, 'close');
  const before = performance.now();
  await post('/sign-out-everywhere', {}, { authorization });
  await closed;
  milliseconds.push(performance.now() - before);
}

milliseconds.sort((one, other) => one - other);
const [median = 0, worst = 0] = [milliseconds[50], milliseconds[99]];
console.log(`median ${median.toFixed()} ms, worst ${worst.toFixed()} ms of ${milliseconds.length}`);

async function signIn(email: string): Promise<string> {
  const { code } = await post('/auth/code', { email });
  const { accessToken = '' } = await post('/auth/sign-in', { email, code });
  return accessToken;
}

async function post(
  path: string,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ code?: string; accessToken?: string }> {
  const response = await fetch(here + path, {
    method: 'POST',
    headers: { ...headers, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.status === 204 ? {} : ((await response.json()) as object);
}
