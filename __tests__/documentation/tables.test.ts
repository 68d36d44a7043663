/**
 * The tables of the documentation, compared with the code.
 */
import { readFile } from 'node:fs/promises';
import type { ConfigurationError } from 'express-wallet-session';
import {
  cdpAuthentication,
  createSessions,
  customAuthentication,
  SessionError,
  type ErrorType,
  type SessionOptions,
} from 'express-wallet-session';

const readme = await readFile('README.md', 'utf8');
const configuration = await readFile('docs/configuration.md', 'utf8');
const authentication = cdpAuthentication({
  projectId: 'project',
  jwksUri: 'https://issuer.example/jwks.json',
});

/** The names in code font in one column of the table with this heading row. */
function columnOf(page: string, headingRow: string, column: number): string[] {
  const rows = page.slice(page.indexOf(headingRow)).split('\n\n')[0]?.split('\n').slice(2) ?? [];
  return rows.flatMap((row) => {
    const cell = row.split(/(?<!\\)\|/)[column]?.replace(/\(.*?\)/g, '') ?? '';
    return [...cell.matchAll(/`([\w.]+)`/g)].map(([, name]) => name ?? '');
  });
}

/** All option names, from the complaint about a misspelt one. */
function knownOptions(wrong: SessionOptions): string[] {
  try {
    createSessions(wrong);
  } catch (error) {
    const known = (error as ConfigurationError).complaints.find((one) => one.includes('Known: '));
    return [...(known?.split('Known: ')[1] ?? '').matchAll(/`(\w+)`/g)].map(
      ([, name]) => name ?? '',
    );
  }
  return [];
}

const misspelt = { qqqqqqqqqqqqqqqqqqqq: 1 };

describe('The option tables', () => {
  it('name every option of validateSession() and no other', () => {
    const nested = (name: string): string[] =>
      knownOptions({ authentication, [name]: misspelt }).map((inner) => `${name}.${inner}`);
    const known = knownOptions({ authentication, ...misspelt }).filter(
      (name) => name !== 'mfa' && name !== 'tokenCache',
    );
    expect(columnOf(readme, '| option ', 1).sort()).toEqual(
      [...known, ...nested('mfa'), ...nested('tokenCache')].sort(),
    );
  });

  it('name every option of both authentications and no other', () => {
    expect(columnOf(configuration, '| `cdpAuthentication()`', 1).sort()).toEqual(
      knownOptions({ authentication: cdpAuthentication(misspelt as never) }).sort(),
    );
    expect(columnOf(configuration, '| `cdpAuthentication()`', 3).sort()).toEqual(
      knownOptions({ authentication: customAuthentication(misspelt as never) }).sort(),
    );
  });
});

describe('The error table of the README', () => {
  it('has a row for every error, with its status, its action and its challenge', () => {
    const rows = readme
      .slice(readme.indexOf('| `errorType`'))
      .split('\n\n')[0]
      ?.split('\n')
      .slice(2)
      .map((row) => row.split('|').map((cell) => cell.trim()));
    const types = new Set<string>();
    for (const [, type = '', status, action] of rows ?? []) {
      const errorType = /`(\w+)`/.exec(type)?.[1] as ErrorType;
      types.add(errorType);
      const error = new SessionError(errorType);
      expect([errorType, String(error.status)]).toEqual([errorType, status]);
      if (!type.includes('kid')) expect(`\`${error.action}\``).toBe(action);
    }
    expect(types.size).toBe(15);
  });
});

describe('The table of the environment', () => {
  it('names every variable and no other', () => {
    const known = columnOf(configuration, '| variable', 1);
    expect(known.length).toBe(6);
    for (const name of known) {
      const misspelt = name.replace('WALLET_SESSION_', 'WALLET_SESSION_Q');
      expect(readEnvironmentWith(misspelt)).toContain(`Did you mean \`${name}\`?`);
    }
  });
});

/** The complaint about a variable. */
function readEnvironmentWith(name: string): string {
  process.env[name] = 'x';
  try {
    createSessions();
  } catch (error) {
    return (error as ConfigurationError).complaints.join(' ');
  } finally {
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- a variable of this test
    delete process.env[name];
  }
  return '';
}
