/**
 * Attacks three verifiers side by side and counts what gets through: hostile tokens, an outage of
 * the JWKS, a flood of unknown keys. Under a minute: `node --import tsx bench/attacks/run.ts`, after
 * `npm ci` here and in bench/; with `--list` it names each hostile token that was accepted.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Express } from 'express';
import { Attacker } from '../../__tests__/authentication/hostile/foreign-keys.js';
import { hostileTokens } from '../../__tests__/authentication/hostile/hostile-tokens.js';
import { unusableKeys } from '../../__tests__/authentication/hostile/unusable-keys.js';
import { JwksServer } from '../../__tests__/support/jwks-server.js';
import {
  accessTokenClaims,
  AUDIENCE,
  ISSUER,
  SigningKey,
} from '../../__tests__/support/signing-key.js';
import { claimAttacks } from './claims.js';
import { time, verifiers, type Verifier } from './verifiers.js';

const REQUESTS_IN_OUTAGE = 200;
const UNKNOWN_KIDS = 2_000;
const IN_FLIGHT = 50;
/** For whoever can be told; ours is told by its clock. */
const CACHE_AGE_MS = 1_000;

interface Inputs {
  readonly attack: string;
  readonly token: string;
}

const ec = new SigningKey('ES256');
const rsa = new SigningKey('RS256');
const claims = accessTokenClaims(Date.now(), { exp: Math.floor(Date.now() / 1000) + 86_400 });
const jwks = await JwksServer.start(ec, rsa);
const attacker = await Attacker.start(ec.kid);

const byClass: Readonly<Record<string, readonly Inputs[]>> = {
  ...(await hostileTokens({ ec, rsa, claims }, attacker)),
  'its claims': claimAttacks(ec, claims),
};
const badKeys = unusableKeys(claims).filter(({ acceptedBy }) => acceptedBy !== undefined);

const table: Record<string, string[]> = {};
const accepted: Record<string, string[]> = {};
for (const verifier of verifiers) {
  const took = await tryHostileTokens(verifier);
  accepted[verifier.name] = took;
  const outage = await tryOutage(verifier);
  enter(
    `valid requests lost of ${REQUESTS_IN_OUTAGE}, endpoint down, keys past their age`,
    outage.lost,
  );
  enter('… fetches meanwhile', outage.fetches);
  enter(`fetches in a flood of ${UNKNOWN_KIDS} unknown kids`, await tryFlood(verifier));
}
await Promise.all([jwks.close(), attacker.close()]);
print();

async function tryHostileTokens(verifier: Verifier): Promise<string[]> {
  const took: string[] = [];
  let [tried, passed] = [0, 0];
  const count = (name: string, results: readonly (readonly [string, boolean])[]): void => {
    const through = results.filter(([, isThrough]) => isThrough).map(([attack]) => attack);
    took.push(...through.map((attack) => `by way of ${name}: ${attack}`));
    enter(`accepted by way of ${name}`, `${through.length} of ${results.length}`);
    tried += results.length;
    passed += through.length;
  };
  jwks.publish([ec, rsa]);
  await withClient(await verifier.mount(settings()), async (get) => {
    if ((await get(ec.token(claims))) !== 200)
      throw new Error(`${verifier.name} refuses a good token`);
    for (const [name, inputs] of Object.entries(byClass)) {
      const results: [string, boolean][] = [];
      for (const { attack, token } of inputs) results.push([attack, (await get(token)) < 400]);
      count(name, results);
    }
  });
  const results: [string, boolean][] = [];
  for (const { what, key, token } of badKeys) {
    jwks.publish([ec, key]);
    await withClient(await verifier.mount(settings()), async (get) => {
      results.push([what, (await get(token)) < 400]);
    });
  }
  count('an unusable key of the issuer', results);
  enter('hostile inputs accepted', `${passed} of ${tried}`);
  return took;
}

/** Keys are loaded, grow older than their age, and the endpoint is down. */
async function tryOutage(verifier: Verifier): Promise<{ lost: number; fetches: number }> {
  jwks.publish([ec]);
  const app = await verifier.mount({ ...settings(), cacheAgeMs: CACHE_AGE_MS });
  return withClient(app, async (get) => {
    await get(ec.token(claims));
    jwks.fail();
    time.aheadMs = 3_600_000;
    await sleep(CACHE_AGE_MS * 1.5);
    const before = jwks.fetches;
    const statuses: number[] = [];
    for (let n = 0; n < REQUESTS_IN_OUTAGE; n += 1) {
      statuses.push(await get(ec.token({ ...claims, jti: randomUUID() })));
    }
    time.aheadMs = 0;
    return {
      lost: statuses.filter((status) => status !== 200).length,
      fetches: jwks.fetches - before,
    };
  });
}

/** Tokens that are good in all but their key, which nobody has ever published. */
async function tryFlood(verifier: Verifier): Promise<number> {
  jwks.publish([ec]);
  const forger = new SigningKey('ES256', { kid: null });
  return withClient(await verifier.mount(settings()), async (get) => {
    await get(ec.token(claims));
    const before = jwks.fetches;
    let left = UNKNOWN_KIDS;
    const attack = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        if ((await get(forger.token(claims, { kid: randomUUID() }))) === 200) {
          throw new Error(`${verifier.name} accepts an unknown key`);
        }
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, attack));
    return jwks.fetches - before;
  });
}

function settings(): { issuer: string; audience: string; jwksUri: string } {
  return { issuer: ISSUER, audience: AUDIENCE, jwksUri: jwks.uri };
}

async function withClient<T>(
  app: Express,
  work: (get: (token: string) => Promise<number>) => Promise<T>,
): Promise<T> {
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/me`;
  try {
    return await work(async (token) => {
      const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
      await response.arrayBuffer();
      return response.status;
    });
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

function enter(row: string, figure: number | string): void {
  (table[row] ??= []).push(String(figure));
}

function print(): void {
  const rows = [
    ['', ...verifiers.map(({ name }) => name)],
    ['---', ...verifiers.map(() => '---:')],
    ...Object.entries(table).map(([name, figures]) => [name, ...figures]),
  ];
  for (const row of rows) console.log(`| ${row.join(' | ')} |`);
  console.log(`
Cache ages: ${CACHE_AGE_MS} ms by their own options for the rivals, and 1.5 s of waiting; ours has no
option below a minute, so its clock was moved by an hour.
`);
  if (!process.argv.includes('--list')) return;
  for (const [name, attacks] of Object.entries(accepted)) {
    console.log(`Accepted by ${name}: ${attacks.length === 0 ? 'nothing' : ''}`);
    for (const attack of attacks) console.log(`  ${attack}`);
  }
}
