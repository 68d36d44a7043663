/**
 * The processor time that events and metrics add to a request: `npm run build`, then
 * `node bench/events.js`. Each round runs all variants in turn, so that a machine that is busy with
 * something else slows all of them; the median of the rounds counts.
 *
 * The request is one that `validateSession()` and `requireMfa()` admit without a promise: a remembered
 * token, the memory store. It is called without a socket, whose cost would hide theirs.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { createSessions, getSession, requireMfa, validateSession } from '../dist/index.js';
import { recordMetrics } from '../dist/opentelemetry.js';
import { createTestIssuer } from '../dist/testing/index.js';

const ROUNDS = Number(process.argv[2] ?? 41);
const REQUESTS = 20_000;

const issuer = await createTestIssuer();
const sessions = createSessions({ authentication: issuer.authentication });
const { accessToken } = await issuer.signIn('alice');
await (await sessions.authenticateToken(accessToken)).mfa.start({ method: 'totp' });
const [validate, guard] = [validateSession(sessions), requireMfa()];
const headers = { authorization: `Bearer ${accessToken}`, 'x-request-id': 'request-1' };
const rawHeaders = Object.entries(headers).flat();

let admitted = 0;
function handle(withMfa) {
  const req = { method: 'GET', url: '/', headers, rawHeaders };
  const res = { headersSent: false, setHeader() {}, getHeader() {} };
  validate(req, res, (error) => {
    if (error) throw error;
    const done = (refusal) => {
      if (refusal) throw refusal;
      if (getSession(req).userId === 'alice') admitted += 1;
    };
    if (withMfa) guard(req, res, done);
    else done();
  });
}

let events = 0;
const subscriber = () => {
  events += 1;
};
const provider = new MeterProvider({
  readers: [new PrometheusExporter({ preventServerStart: true })],
});
let stop;
const variants = {
  'no subscriber': [() => {}, () => {}],
  'one subscriber': [
    () => subscribe('express-wallet-session', subscriber),
    () => unsubscribe('express-wallet-session', subscriber),
  ],
  metrics: [() => (stop = recordMetrics({ meterProvider: provider })), () => stop()],
};

/** Microseconds of processor time for each request. */
function measure([begin, end], withMfa) {
  begin();
  const before = process.cpuUsage();
  for (let i = 0; i < REQUESTS; i += 1) handle(withMfa);
  const { user, system } = process.cpuUsage(before);
  end();
  return (user + system) / REQUESTS;
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

for (const withMfa of [false, true]) {
  const times = Object.fromEntries(Object.keys(variants).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, variant] of Object.entries(variants)) {
      const time = measure(variant, withMfa);
      if (round > 2) times[name].push(time);
    }
  }
  const base = median(times['no subscriber']);
  console.log(withMfa ? 'validateSession() and requireMfa(), two events' : 'validateSession()');
  for (const [name, values] of Object.entries(times)) {
    const time = median(values);
    console.log(`  ${name.padEnd(16)} ${time.toFixed(2)} µs, ${(time - base).toFixed(2)} µs more`);
  }
}
if (admitted === 0 || events === 0) throw new Error('nothing was measured');
