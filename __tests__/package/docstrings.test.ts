/**
 * The comments that editors show: each exported name and each of its members has a sentence, each
 * entry point an example, and each example compiles.
 */
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { compilerOptions, typeErrorsIn } from '../support/type-check.js';

const { exports: subpaths } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  exports: Record<string, { types: string } | string>;
};
/** The sources of the package's entry points, by the path that they are imported from. */
const entries = Object.entries(subpaths).flatMap(([path, target]) =>
  typeof target === 'string'
    ? []
    : [
        [
          path.replace('.', 'express-wallet-session'),
          target.types.replace('./dist/', 'lib/').replace('.d.ts', '.ts'),
        ] as const,
      ],
);

const program = ts.createProgram(
  entries.map(([, file]) => file),
  compilerOptions(),
);
const checker = program.getTypeChecker();

interface Export {
  readonly path: string;
  readonly name: string;
  readonly symbol: ts.Symbol;
  /** Whether it is exported by `export type`. */
  readonly isType: boolean;
}

const exported: Export[] = entries.flatMap(([path, file]) => {
  const source = program.getSourceFile(file);
  const module = source && checker.getSymbolAtLocation(source);
  return checker.getExportsOfModule(module ?? fail(file)).map((symbol) => ({
    path,
    name: symbol.name,
    symbol: symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol,
    isType: symbol.declarations?.some(ts.isTypeOnlyExportDeclaration) ?? false,
  }));
});

function fail(what: string): never {
  throw new Error(`no module: ${what}`);
}

function sentenceOf(symbol: ts.Symbol): string {
  return ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim();
}

/** The members that a user can name, and that this repository declares. */
function membersOf({ symbol }: Export): readonly ts.Symbol[] {
  const declared = [...(symbol.members?.values() ?? [])];
  const aliased =
    symbol.flags & ts.SymbolFlags.TypeAlias
      ? checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol))
      : [];
  return [...declared, ...aliased].filter((member) => {
    const [declaration] = member.declarations ?? [];
    return (
      declaration !== undefined &&
      !declaration.getSourceFile().fileName.includes('node_modules') &&
      (ts.isPropertySignature(declaration) ||
        ts.isMethodSignature(declaration) ||
        ts.isPropertyDeclaration(declaration) ||
        ts.isMethodDeclaration(declaration) ||
        ts.isGetAccessorDeclaration(declaration)) &&
      !ts.isPrivateIdentifier(declaration.name) &&
      // `jwks?: undefined` says that a variant of a union has no such member.
      !('type' in declaration && declaration.type?.kind === ts.SyntaxKind.UndefinedKeyword) &&
      // `name` of an error is documented by the language.
      member.name !== 'name'
    );
  });
}

/** The exports that exist when the package runs; a class may be exported as a type alone. */
const values = exported.filter(
  ({ symbol, isType }) => symbol.flags & ts.SymbolFlags.Value && !isType,
);

function examplesOf({ symbol }: Export): string[] {
  return symbol
    .getJsDocTags(checker)
    .filter(({ name }) => name === 'example')
    .map(({ text }) => ts.displayPartsToString(text).replace(/^```\w*\n|```$/g, ''));
}

describe('The comment of', () => {
  it.each(exported.map((one) => [one.path, one.name, one] as const))(
    '%s: %s has a sentence, and so has each member',
    (_path, name, one) => {
      const without = [
        ...(sentenceOf(one.symbol) === '' ? [name] : []),
        ...membersOf(one)
          .filter((member) => sentenceOf(member) === '')
          .map((member) => `${name}.${member.name}`),
      ];
      expect(without).toEqual([]);
    },
  );

  it.each(values.map((one) => [one.path, one.name, one] as const))(
    '%s: %s has an example of 3 to 8 lines',
    (_path, _name, one) => {
      const lengths = examplesOf(one).map((code) => code.trim().split('\n').length);
      expect(lengths.length).toBeGreaterThan(0);
      expect(lengths.filter((length) => length < 3 || length > 8)).toEqual([]);
    },
  );
});

describe('The examples', () => {
  /** The app around an example. */
  const SURROUNDINGS = `
import express from 'express';
import { exportJWK, generateKeyPair } from 'jose';
import request from 'supertest';
declare const app: express.Express;
declare const server: import('node:http').Server;
declare const accessToken: string;
declare const audit: { write(record: object): Promise<void> };
declare const body: string;
declare const cdp: { endUser: { validateAccessToken(input: { accessToken: string }): Promise<{ userId: string }> } };
declare const connection: unknown;
declare function currencyOf(userId: string | undefined): string;
declare const expect: (value: unknown) => { toBeUndefined(): void };
declare const exportKey: express.RequestHandler;
declare function getAccessToken(options: { forceRefresh: boolean }): Promise<string | null>;
declare const issuer: import('express-wallet-session/testing').TestIssuer;
declare function myStore(connection: unknown): import('express-wallet-session').SessionStore;
declare function openMfaDialog(problem: object): Promise<void>;
declare const otherConnection: unknown;
declare const router: { push(path: string): void };
declare const showOrders: express.RequestHandler;
declare const showPrices: express.RequestHandler;
declare const transfer: express.RequestHandler;
declare const transfers: { create(transfer: object): Promise<void> };
declare const url: string;
declare const validateTransfer: express.RequestHandler;
declare function verifyCode(code: string): Promise<boolean>;
declare function verifyTotp(userId: string, code: string): Promise<false | { method: string }>;
`;

  /** The example as a module: its own imports first, then those of the names that it uses. */
  function moduleOf(code: string): string {
    const own = code.match(/^import .*;$/gm) ?? [];
    const used = exported.filter(
      ({ name }) =>
        new RegExp(`(?<![.'\\w])${name}\\b(?!:)`).test(code) &&
        !own.some((line) => line.includes(name)),
    );
    return [
      ...own,
      ...used.map(({ name, path }) => `import { ${name} } from '${path}';`),
      SURROUNDINGS,
      'export async function example() {',
      code.replace(/^import .*;$/gm, ''),
      '}',
    ].join('\n');
  }

  it('compile with the names that the package exports', () => {
    const modules = values.flatMap(examplesOf).map(moduleOf);
    expect(modules.length).toBeGreaterThan(20);
    expect(typeErrorsIn(...modules)).toEqual([]);
  });
});
