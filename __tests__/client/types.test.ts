/** Code of users, checked by the compiler. */
import { expectTypeOf } from 'expect-type';
import { createSessionFetch } from 'express-wallet-session/client';
import type { Problem, SessionFetchOptions } from 'express-wallet-session/client';
import type { Problem as ServerProblem } from 'express-wallet-session';

/**
 * The type of `getAccessToken` in @coinbase/cdp-core 0.0.106 (dist/types/actions/getAccessToken.d.ts).
 * Copied, because the package installs 139 others, 149 MB in all.
 */
type CdpGetAccessToken = (options?: { forceRefresh: boolean }) => Promise<string | null>;

const origins = ['https://api.example.com'] as const;

it('The session fetch has the signature of fetch', () => {
  const sessionFetch = createSessionFetch({ getAccessToken: () => Promise.resolve(null), origins });
  expectTypeOf(sessionFetch).toEqualTypeOf<typeof fetch>();
  expect(sessionFetch).toBeInstanceOf(Function);
});

it("The option getAccessToken takes CDP's function without a wrapper", () => {
  const getAccessToken: CdpGetAccessToken = () => Promise.resolve(null);
  expectTypeOf(getAccessToken).toExtend<SessionFetchOptions['getAccessToken']>();
  expect(createSessionFetch({ getAccessToken, origins })).toBeInstanceOf(Function);
});

it('The option getAccessToken gets forceRefresh in each call', async () => {
  const given: unknown[] = [];
  const sessionFetch = createSessionFetch({
    getAccessToken: (options) => {
      expectTypeOf(options.forceRefresh).toEqualTypeOf<boolean>();
      given.push(options);
      return Promise.resolve('t1');
    },
    origins,
    fetch: () => Promise.resolve(new Response()),
  });
  await sessionFetch('https://api.example.com/');
  expect(given).toEqual([{ forceRefresh: false }]);
});

it('The option getAccessToken takes other signatures that fit', () => {
  const ways: SessionFetchOptions['getAccessToken'][] = [
    () => Promise.resolve('t'),
    async ({ forceRefresh }) => Promise.resolve(forceRefresh ? 'new' : 'old'),
    (options?: { forceRefresh?: boolean }) => Promise.resolve(String(options?.forceRefresh)),
  ];
  for (const getAccessToken of ways) {
    expect(() => createSessionFetch({ getAccessToken, origins })).not.toThrow();
  }
});

it('The type Problem is that of the server', () => {
  expectTypeOf<Problem>().toEqualTypeOf<ServerProblem>();
  expectTypeOf<NonNullable<SessionFetchOptions['onMfaRequired']>>()
    .parameter(0)
    .toEqualTypeOf<ServerProblem>();
});

it('Wrong options do not compile', () => {
  const mistakes = (): void => {
    // @ts-expect-error getAccessToken is required
    createSessionFetch({});
    // @ts-expect-error a token is a string or null
    createSessionFetch({ getAccessToken: () => Promise.resolve(1) });
    // @ts-expect-error the name is misspelt
    createSessionFetch({ getAccessToken: () => Promise.resolve(''), onMFARequired: undefined });
    // @ts-expect-error a prompt has to be awaited
    createSessionFetch({ getAccessToken: () => Promise.resolve(''), onMfaRequired: () => 1 });
  };
  expect(mistakes).toThrow(TypeError);
});
