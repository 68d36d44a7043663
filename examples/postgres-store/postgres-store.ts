/**
 * A session store in PostgreSQL, through `pg`: one table, one row for each entry. It is an example of
 * a store of one's own; copy it into your app.
 */
import type { SessionStore } from 'express-wallet-session';
import type { Pool } from 'pg';

/** The table. Keys compare byte by byte (`C`), independent of the collation of the database. */
export const CREATE_TABLE = `
  CREATE TABLE IF NOT EXISTS wallet_session_entries (
    key text COLLATE "C" PRIMARY KEY,
    value text NOT NULL,
    expires_at timestamptz NOT NULL
  );
  CREATE INDEX IF NOT EXISTS wallet_session_entries_expires_at
    ON wallet_session_entries (expires_at);
`;

/** Keeps entries in `wallet_session_entries`, which has to be there. The pool stays the app's own. */
export function postgresStore(pool: Pool): SessionStore {
  async function removeKey(key: string): Promise<void> {
    await pool.query('DELETE FROM wallet_session_entries WHERE key = $1', [key]);
  }

  return {
    async read(keys) {
      const { rows } = await pool.query<{ key: string; value: string }>(
        `SELECT key, value FROM wallet_session_entries
         WHERE key = ANY ($1) AND expires_at > now()`,
        [keys],
      );
      const found = new Map(rows.map(({ key, value }) => [key, value]));
      return keys.map((key) => found.get(key));
    },

    // No entry is ever dropped to make room here, so `keep` changes no behaviour.
    async write(key, value, ttlSeconds) {
      if (ttlSeconds <= 0) return removeKey(key);
      await pool.query(
        `INSERT INTO wallet_session_entries (key, value, expires_at)
         VALUES ($1, $2, now() + make_interval(secs => $3))
         ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at`,
        [key, value, ttlSeconds],
      );
    },

    // One statement: a row that is there is locked, and its expiry judged as it is by then.
    async add(key, ttlSeconds) {
      const { rowCount } = await pool.query(
        `INSERT INTO wallet_session_entries AS present (key, value, expires_at)
         VALUES ($1, '', now() + make_interval(secs => $2))
         ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at
         WHERE present.expires_at <= now()`,
        [key, ttlSeconds],
      );
      return rowCount === 1;
    },

    // `COLLATE "C"` compares byte by byte; another collation may put "9" after "10", or "a" before "B".
    async raise(key, value, ttlSeconds) {
      await pool.query(
        `INSERT INTO wallet_session_entries AS present (key, value, expires_at)
         VALUES ($1, $2, now() + make_interval(secs => $3))
         ON CONFLICT (key) DO UPDATE SET
           value = CASE WHEN present.expires_at > now()
                   THEN GREATEST(present.value COLLATE "C", excluded.value COLLATE "C")
                   ELSE excluded.value END,
           expires_at = GREATEST(present.expires_at, excluded.expires_at)`,
        [key, value, ttlSeconds],
      );
    },

    remove: removeKey,

    async move(from, to) {
      if (from === to) return false;
      // An expired entry counts as absent, but its row would stand in the way.
      await pool.query(
        'DELETE FROM wallet_session_entries WHERE key = $1 AND expires_at <= now()',
        [to],
      );
      try {
        // One statement decides: of several that race for a row, the first renames it and the others
        // find it gone; if `to` is there, the primary key refuses.
        const { rowCount } = await pool.query(
          'UPDATE wallet_session_entries SET key = $2 WHERE key = $1 AND expires_at > now()',
          [from, to],
        );
        return rowCount === 1;
      } catch (error) {
        if (isUniqueViolation(error)) return false;
        throw error;
      }
    },
  };
}

/** Deletes expired entries; run it now and then (every few minutes, by one process). */
export async function deleteExpired(pool: Pool): Promise<number> {
  const { rowCount } = await pool.query(
    'DELETE FROM wallet_session_entries WHERE expires_at <= now()',
  );
  return rowCount ?? 0;
}

/** SQLSTATE 23505. */
function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '23505';
}
