/**
 * Two processes of an API, each with a pool of its own, on one PostgreSQL: `npm run example:postgres`.
 * They share all records.
 */
import process from 'node:process';
import { createSessions, SessionError, type Session } from 'express-wallet-session';
import { createTestIssuer } from 'express-wallet-session/testing';
import { Pool } from 'pg';
import { startPostgres } from './local-postgres.js';
import { CREATE_TABLE, postgresStore } from './postgres-store.js';

/** @param say is told each line */
export async function demonstrate(url: string, say: (line: string) => void): Promise<void> {
  const pools = [new Pool({ connectionString: url }), new Pool({ connectionString: url })] as const;
  const [first, second] = pools;
  try {
    await first.query(CREATE_TABLE);
    const issuer = await createTestIssuer();
    const { authentication } = issuer;
    const one = createSessions({ authentication, store: postgresStore(first) });
    const two = createSessions({ authentication, store: postgresStore(second) });
    const { accessToken } = await issuer.signIn('ada');
    const session = await one.authenticateToken(accessToken);
    const elsewhere = (): Promise<Session> => two.authenticateToken(accessToken);

    say('Ada signs in, and sends money:');
    say(`  process 2: ${await outcomeOf((await elsewhere()).mfa.require())}`);
    say('Process 1 verifies a factor:');
    await session.mfa.start({ method: 'totp' });
    say(`  process 2: ${await outcomeOf((await elsewhere()).mfa.require())}`);
    say('Ada signs out at process 1:');
    await session.signOut();
    say(`  process 2: ${await outcomeOf(elsewhere())}`);
    say('The table holds hashes and times, and no token:');
    const { rows } = await first.query<Record<'key' | 'value', string>>(
      'SELECT key, value FROM wallet_session_entries WHERE expires_at > now() ORDER BY key',
    );
    for (const { key, value } of rows) say(`  ${key} ${value}`);
  } finally {
    await Promise.all(pools.map((pool) => pool.end()));
  }
}

async function outcomeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'passes';
  } catch (error) {
    if (error instanceof SessionError) return `${error.status} ${error.errorType}`;
    throw error;
  }
}

if (process.argv[1] === import.meta.filename) {
  const server = await startPostgres().catch((error: unknown) => {
    console.error(`There is no PostgreSQL here: ${(error as Error).message}.`);
    console.error(
      'Debian: apt-get install postgresql; macOS: brew install postgresql@17; or set DATABASE_URL.',
    );
    process.exit(1);
  });
  await demonstrate(server.url, console.log);
  await server.stop();
}
