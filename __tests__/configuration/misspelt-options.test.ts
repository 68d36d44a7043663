import { memoryStore } from 'express-wallet-session';
import { redisStore } from 'express-wallet-session/redis';
import {
  cdp,
  complaintsAbout,
  complaintsAboutCdp,
  complaintsAboutCustom,
  complaintsAboutMfa,
  custom,
} from './complaints.js';

const everywhere: readonly (readonly [string, (name: string) => readonly string[], string[]])[] = [
  [
    'validateSession()',
    (name) => complaintsAbout({ [name]: 1 }),
    [
      ...['authentication', 'store', 'token', 'required', 'property', 'mfa', 'maxSessionSeconds'],
      ...['warnBeforeSeconds', 'clockToleranceSeconds', 'tokenCache', 'revocation', 'onError'],
      'clock',
    ],
  ],
  [
    'validateSession({ mfa })',
    (name) => complaintsAbout({ mfa: { [name]: 1 } }),
    ['windowSeconds', 'isEnrolled', 'evidence'],
  ],
  [
    'validateSession({ tokenCache })',
    (name) => complaintsAbout({ tokenCache: { [name]: 1 } }),
    ['maxEntries', 'maxAgeSeconds'],
  ],
  [
    'cdpAuthentication()',
    (name) => complaintsAboutCdp({ ...cdp, [name]: 1 }),
    [
      ...['projectId', 'jwksUri', 'jwks', 'validateAccessToken', 'issuer', 'audience'],
      ...['algorithms', 'sessionIdClaim', 'mfaScope', 'allowHttp', 'fetch'],
    ],
  ],
  [
    'customAuthentication()',
    (name) => complaintsAboutCustom({ ...custom, [name]: 1 }),
    [
      ...['issuer', 'audience', 'jwksUri', 'jwks', 'algorithms', 'userIdClaim', 'sessionIdClaim'],
      ...['mfaScope', 'typ', 'allowHttp', 'fetch'],
    ],
  ],
  [
    'memoryStore()',
    (name) => complaintsAbout({ store: memoryStore({ [name]: 1 }) }),
    ['maxEntries'],
  ],
  [
    'redisStore()',
    (name) =>
      complaintsAbout({ store: redisStore({} as never, { [name]: 1 }) }).filter(
        (complaint) => !complaint.includes('expects a client'),
      ),
    ['prefix'],
  ],
  [
    'requireMfa()',
    (name) => complaintsAboutMfa({ [name]: 1 }),
    ['maxAgeSeconds', 'methods', 'acr', 'when', 'whenNotEnrolled'],
  ],
];

const names = everywhere.flatMap(([owner, complain, known]) =>
  known.map((name) => [owner, name, complain] as const),
);

function misspellings(name: string): string[] {
  const doubled = name.slice(0, 2) + name.slice(1);
  const cut = name.slice(0, -1);
  const swapped = `${name.slice(0, 1)}${name.charAt(2)}${name.charAt(1)}${name.slice(3)}`;
  return [doubled, cut, swapped, name.toUpperCase(), `${name}_`].filter((other) => other !== name);
}

describe('A misspelt option', () => {
  it.each(names)('of %s is answered with %s', (owner, name, complain) => {
    for (const misspelt of misspellings(name)) {
      expect(complain(misspelt)).toContain(
        `${owner}: there is no option \`${misspelt}\`. Did you mean \`${name}\`?`,
      );
    }
  });

  it.each([
    [complaintsAboutMfa({ maxAge: 300 }), 'maxAgeSeconds'],
    [complaintsAbout({ mfa: { window: 300 } }), 'windowSeconds'],
    [complaintsAbout({ mfa: { enrolled: () => true } }), 'isEnrolled'],
    [complaintsAbout({ clockTolerance: 5 }), 'clockToleranceSeconds'],
    [complaintsAbout({ maxSession: 5 }), 'maxSessionSeconds'],
    [complaintsAboutCdp({ ...cdp, project: 'a' }), 'projectId'],
    [complaintsAboutCustom({ ...custom, userId: 'sub' }), 'userIdClaim'],
  ])('that was cut short is answered with the whole name: %j', ([complaint], name) => {
    expect(complaint).toContain(`Did you mean \`${name}\`?`);
  });

  it.each(names)('is not reported by %s for its option %s', (_owner, name, complain) => {
    expect(complain(name).join('\n')).not.toContain('there is no option');
  });

  it.each(everywhere)(
    'of %s without a similar option is answered with all of them',
    (owner, complain, known) => {
      const [complaint] = complain('zzzzzzzzzzzzzzzzzzzz');
      expect(complaint).toMatch(/^.*: there is no option `z{20}`\. Known: (`\w+`(, |\.$))+$/);
      expect(complaint).toContain(owner);
      for (const name of known) expect(complaint).toContain(`\`${name}\``);
    },
  );

  it('is not looked up in the prototype of objects', () => {
    for (const name of ['constructor', 'toString', 'hasOwnProperty']) {
      expect(complaintsAbout({ [name]: 1 })).toEqual([
        expect.stringContaining(`there is no option \`${name}\`.`),
      ]);
    }
  });
});
