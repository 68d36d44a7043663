/**
 * Every snippet of the documentation compiles against the real types, the browser's included.
 */
import { readFile } from 'node:fs/promises';
import * as library from 'express-wallet-session';
import { typeErrorsIn } from '../support/type-check.js';

const PAGES = [
  'README.md',
  'docs/configuration.md',
  'docs/limits.md',
  'docs/migrating.md',
  'docs/operations.md',
  'docs/recipes.md',
  'docs/stores.md',
];

/** Global names, which the imports and declarations of a snippet hide: those of the library … */
const OF_THE_LIBRARY = [
  ...Object.keys(library).map(
    (name) => `declare const ${name}: typeof import('express-wallet-session').${name};`,
  ),
  "declare const createTestClock: typeof import('express-wallet-session/testing').createTestClock;",
  "declare const createTestIssuer: typeof import('express-wallet-session/testing').createTestIssuer;",
  "declare const createSessionFetch: typeof import('express-wallet-session/client').createSessionFetch;",
  "type Session = import('express-wallet-session').Session;",
];

/** … and those that the reader has. */
const OF_THE_READER = `
declare const express: typeof import('express');
declare const app: import('express').Express;
declare const handler: import('express').RequestHandler;
declare const request: typeof import('supertest');
declare const DPoP: typeof import('dpop');
declare class CdpClient {
  endUser: { validateAccessToken(input: { accessToken: string }): Promise<{ userId: string }> };
}
declare const client: CdpClient;
declare const cors: any, pinoHttp: any, passport: any, session: any;
declare const sessions: import('express-wallet-session').Sessions;
declare const options: import('express-wallet-session').SessionOptions;
declare const log: { warn(line: object): void };
declare const audit: { write(line: string): void };
declare const publisher: { publish(channel: string, message: string): Promise<unknown> };
declare const subscriber: { subscribe(channel: string, listener: () => Promise<void>): Promise<void> };
declare const keyPair: Parameters<typeof DPoP.generateProof>[0];
declare const socket: { close(code: number): void };
declare const message: { token: string };
declare const createApp: (options: import('express-wallet-session').SessionOptions) => typeof app;
declare const isGoodCode: (userId: string, code: string) => Promise<boolean>;
declare const getAccessToken: (options: { forceRefresh: boolean }) => Promise<string | null>;
declare const showMfaDialog: () => Promise<void>, showSignIn: () => void;
declare const approve: (id: string | undefined, description: unknown) => Promise<void>;
declare const transfer: typeof handler, validatePayout: typeof handler, walletRoutes: typeof handler;
declare const pay: (order: unknown, approval: unknown) => object;
declare const pricesFor: (userId: string | undefined) => object;
declare const connect: () => Promise<unknown>, disconnectAll: () => Promise<void>;
declare const myStore: (connection: unknown) => import('express-wallet-session').SessionStore;
declare const algorithms: ['RS256'];
declare const audience: string, body: string, clientId: string, issuer: string, jwksUri: string;
declare const origin: string, projectId: string, secret: string, token: string, userId: string;
`;

describe.each(PAGES)('The snippets of %s', (page) => {
  it('compile', async () => {
    const text = await readFile(page, 'utf8');
    const snippets = [...text.matchAll(/```(?:js|ts)\n(.*?)```/gs)].map(([, code = '']) => code);
    expect(snippets.length).toBeGreaterThan(0);
    const errors = typeErrorsIn(
      `${OF_THE_LIBRARY.join('\n')}${OF_THE_READER}`,
      ...snippets.map((code) => `${code}\nexport {};`),
    );
    // They are JavaScript for the most part.
    expect(
      errors.filter((error) => !/implicitly has an? '.*' type|is of type 'unknown'/.test(error)),
    ).toEqual([]);
  }, 60_000);
});
