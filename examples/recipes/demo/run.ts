/**
 * `npm run example:recipes` runs each recipe, `npm run example:recipes -- auth0` one of them: with
 * tokens as the vendor documents them, without a network and without an account.
 */
import process from 'node:process';
import { createSessions, SessionError, type Session } from 'express-wallet-session';
import { imitateVendor } from './imitation.js';
import { SAMPLES, type Sample } from './samples.js';

const samples: Readonly<Record<string, Sample>> = SAMPLES;

/** @param say is told each line */
export async function runRecipe(name: string, say: (line: string) => void): Promise<void> {
  const sample = samples[name];
  if (sample === undefined) {
    throw new Error(`There is no recipe ${name}. There are: ${Object.keys(samples).join(', ')}.`);
  }
  const now = Math.floor(Date.now() / 1000);
  const vendor = imitateVendor(sample.issuer);
  try {
    const sessions = createSessions(sample.options());
    const sessionOf = async (claims = {}): Promise<Session> =>
      sessions.authenticateToken(
        await vendor.sign({ ...sample.claims(now), ...claims }, sample.header),
      );
    const { issuer, userId, sessionId, startedAt, endsAt } = await sessionOf();
    const without = startedAt === undefined ? 'none: no auth_time' : '';
    say(`${name}: ${sample.title}`);
    say(`  tokens as in   ${sample.see}`);
    say(`  keys from      ${vendor.fetched.join(', ')}`);
    say(`  issuer         ${issuer}`);
    say(`  user id        ${userId}`);
    say(`  session id     ${sessionId ?? 'none'}`);
    say(`  session ends   ${endsAt?.toISOString() ?? without}`);
    say(`  requireMfa()   ${await outcomeOf(await sessionOf())}`);
    say(
      sample.mfa === undefined
        ? '  after MFA      no token tells of it: verify a factor and call session.mfa.start()'
        : `  after MFA      ${await outcomeOf(await sessionOf(sample.mfa(now)))}`,
    );
  } finally {
    vendor.restore();
  }
}

async function outcomeOf(session: Session): Promise<string> {
  try {
    await session.mfa.require();
    return 'passes';
  } catch (error) {
    if (error instanceof SessionError) return `${error.status} ${error.errorType}`;
    throw error;
  }
}

if (process.argv[1] === import.meta.filename) {
  const names = process.argv.slice(2);
  try {
    for (const name of names.length > 0 ? names : Object.keys(samples)) {
      await runRecipe(name, console.log);
      console.log();
    }
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}
