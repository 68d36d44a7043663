/**
 * The tables of the README, compared with the code.
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
const authentication = cdpAuthentication({
  projectId: 'project',
  jwksUri: 'https://issuer.example/jwks.json',
});

/** The names in code font in one column of the table with this heading row. */
function columnOf(headingRow: string, column: number): string[] {
  const rows =
    readme.slice(readme.indexOf(headingRow)).split('\n\n')[0]?.split('\n').slice(2) ?? [];
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

describe('The option tables of the README', () => {
  it('name every option of validateSession() and no other', () => {
    const nested = (name: string): string[] =>
      knownOptions({ authentication, [name]: misspelt }).map((inner) => `${name}.${inner}`);
    const known = knownOptions({ authentication, ...misspelt }).filter(
      (name) => name !== 'mfa' && name !== 'tokenCache',
    );
    expect(columnOf('| option ', 1).sort()).toEqual(
      [...known, ...nested('mfa'), ...nested('tokenCache')].sort(),
    );
  });

  it('name every option of both authentications and no other', () => {
    expect(columnOf('| `cdpAuthentication()`', 1).sort()).toEqual(
      knownOptions({ authentication: cdpAuthentication(misspelt as never) }).sort(),
    );
    expect(columnOf('| `cdpAuthentication()`', 3).sort()).toEqual(
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
