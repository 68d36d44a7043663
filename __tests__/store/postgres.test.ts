import { randomUUID } from 'node:crypto';
import { Pool } from 'pg';
import { describeStore } from 'express-wallet-session/testing';
import { demonstrate } from '../../examples/postgres-store/demo.js';
import {
  CREATE_TABLE,
  deleteExpired,
  postgresStore,
} from '../../examples/postgres-store/postgres-store.js';
import { describeWithPostgres, type PostgresServer, startPostgres } from '../support/postgres.js';

describeWithPostgres('the example of a store in PostgreSQL', () => {
  let server: PostgresServer;
  let pool: Pool;
  let other: Pool;

  beforeAll(async () => {
    server = await startPostgres();
    pool = new Pool({ connectionString: server.url });
    other = new Pool({ connectionString: server.url });
    await pool.query(CREATE_TABLE);
  }, 30_000);

  afterAll(async () => {
    await Promise.all([pool.end(), other.end()]);
    await server.stop();
  });

  describeStore(
    'keeps the contract',
    () => ({ store: postgresStore(pool), second: postgresStore(other) }),
    { describe, it, expect },
  );

  it('deletes what has expired, and nothing else', async () => {
    const store = postgresStore(pool);
    const [expired, current] = [randomUUID(), randomUUID()];
    await store.write(expired, 'x', 0.001);
    await store.write(current, 'y', 60);
    await pool.query('SELECT pg_sleep(0.01)');
    expect(await deleteExpired(pool)).toBeGreaterThanOrEqual(1);
    const { rows } = await pool.query(
      'SELECT key FROM wallet_session_entries WHERE key = ANY ($1)',
      [[expired, current]],
    );
    expect(rows).toEqual([{ key: current }]);
  });

  it('passes on the errors of the server', async () => {
    const ended = new Pool({ connectionString: server.url });
    await ended.end();
    const store = postgresStore(ended);
    await expect(async () => store.read(['a'])).rejects.toThrow(/after calling end/);
    await expect(async () => store.write('a', 'A', 60)).rejects.toThrow(/after calling end/);
    await expect(async () => store.remove('a')).rejects.toThrow(/after calling end/);
    await expect(async () => store.move('a', 'b')).rejects.toThrow(/after calling end/);
  });

  it('is shown by the demonstration, which leaves no token in the table', async () => {
    const lines: string[] = [];
    await demonstrate(server.url, (line) => lines.push(line));
    expect(lines.slice(0, 7)).toEqual([
      'Ada signs in, and sends money:',
      '  process 2: 403 mfa_required',
      'Process 1 verifies a factor:',
      '  process 2: passes',
      'Ada signs out at process 1:',
      '  process 2: 401 session_revoked',
      'The table holds hashes and times, and no token:',
    ]);
    // Hashes, and a time. The table may hold entries of other tests.
    expect(lines.slice(7)).toContainEqual(
      expect.stringMatching(/^ {2}\{[\w-]{24}\}:revoked:[\w-]{24} \d+$/),
    );
    expect(lines.join('\n')).not.toMatch(/eyJ[\w-]+\.[\w-]+/);
  });
});
