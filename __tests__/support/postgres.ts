/**
 * A real PostgreSQL for tests, started as the example starts it.
 */
import { describeWith } from './prerequisites.js';

export {
  startPostgres,
  type PostgresServer,
} from '../../examples/postgres-store/local-postgres.js';

export function describeWithPostgres(name: string, tests: () => void): void {
  describeWith('Postgres', name, tests);
}
