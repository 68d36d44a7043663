/**
 * The processor time of the middleware alone, without HTTP, where differences of less than a
 * microsecond can be told: with `requireMfa()` and an empty guard in its place, with a subscriber of
 * the events and without. `node middleware.js`
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  createSessions,
  customAuthentication,
  getSession,
  requireMfa,
  validateSession,
} from '../dist/index.js';
import { startIssuer } from './issuer.js';
import { shuffled } from './numbers.js';

const TOKENS = 1_000;
const BLOCKS = 4;
const ROUNDS = 20;
/** Rounds until V8 has compiled again what depends on whether there is a subscriber. */
const WARM_UP = 15;

const issuer = await startIssuer();
const { audience, jwksUri } = issuer.settings;
const authentication = customAuthentication({ issuer: issuer.settings.issuer, audience, jwksUri });
const sessions = createSessions({ authentication });
const validate = validateSession(sessions);
const mfaGuard = requireMfa();
const emptyGuard = (req, res, next) => next();

const response = { headersSent: false, setHeader() {}, getHeader() {} };
const tokens = issuer.tokens(TOKENS);
for (const token of tokens) {
  const req = requestWith(token);
  await sessions.authenticate(req);
  validate(req, response, passed);
  await getSession(req).mfa.start({ method: 'totp' });
}

const servers = {
  validate: (req) => validate(req, response, passed),
  mfa: (req) => validate(req, response, () => mfaGuard(req, response, passed)),
  empty: (req) => validate(req, response, () => emptyGuard(req, response, passed)),
};
const samples = { guards: [], events: [] };
let published = 0;
const count = () => {
  published += 1;
};

for (let time = 0; time < 2 * WARM_UP; time += 1) await measureRound();
for (let block = 0; block < BLOCKS; block += 1) {
  const silent = await measureRounds();
  subscribe('express-wallet-session', count);
  const subscribed = await measureRounds();
  unsubscribe('express-wallet-session', count);
  samples.guards.push(silent);
  samples.events.push(
    silent.map((round, at) => ({ silent: round.validate, subscribed: subscribed[at].validate })),
  );
}
if (published === 0) throw new Error('no event was published');
console.log(JSON.stringify(samples));
issuer.close();

async function measureRounds() {
  for (let time = 0; time < WARM_UP; time += 1) await measureRound();
  const rounds = [];
  for (let at = 0; at < ROUNDS; at += 1) rounds.push(await measureRound());
  return rounds;
}

/** Each variant with all tokens, in an order of chance. */
async function measureRound() {
  const round = {};
  for (const name of shuffled(Object.keys(servers))) {
    // A request is handled once: a new one each time, made beforehand.
    const requests = tokens.map(requestWith);
    const before = process.cpuUsage();
    for (const request of requests) servers[name](request);
    const { user, system } = process.cpuUsage(before);
    round[name] = { micros: (user + system) / TOKENS };
    await new Promise(setImmediate);
  }
  return round;
}

function requestWith(token) {
  const authorization = `Bearer ${token}`;
  return {
    method: 'GET',
    url: '/me',
    headers: { host: 'localhost', authorization },
    rawHeaders: ['Host', 'localhost', 'Authorization', authorization],
  };
}

function passed(error) {
  if (error !== undefined) throw error;
}
