/**
 * Another process with a store of its own: takes one line of JSON for each call, a method's name
 * before its arguments, and answers each by one line.
 */
import { createInterface } from 'node:readline';
import process from 'node:process';
import { Redis } from 'ioredis';
import { redisStore } from 'express-wallet-session/redis';

const [, , url = ''] = process.argv;
const client = new Redis(url);
const store = redisStore(client);

for await (const line of createInterface(process.stdin)) {
  const [method, ...args] = JSON.parse(line) as [string, ...unknown[]];
  const call = Reflect.get(store, method) as (...args: unknown[]) => unknown;
  const answer = await call(...args);
  process.stdout.write(`${JSON.stringify(answer ?? null)}\n`);
}
client.disconnect();
