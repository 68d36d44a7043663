/**
 * Approvals by passkey in a browser: the recipes of docs/approvals.md for page and server, with the
 * client of the package and a virtual authenticator. Rules 31 and 34.
 */
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
  type AuthenticationResponseJSON,
  type RegistrationResponseJSON,
  type WebAuthnCredential,
} from '@simplewebauthn/server';
import { build } from 'esbuild';
import express from 'express';
import {
  getSession,
  SessionError,
  type MfaApproval,
  type MfaChallenge,
  type Session,
  type Sessions,
} from 'express-wallet-session';
import type { Browser, Page } from 'playwright-core';
import {
  addVirtualAuthenticator,
  describeWithChromium,
  launchChromium,
} from '../support/chromium.js';
import { recipe } from '../support/documentation.js';
import { listen, type Listening } from '../support/listen.js';
import { payments } from '../support/payments.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { handle } from '../support/wallet-api.js';

interface Evidence {
  readonly approval: MfaApproval;
  readonly assertion: AuthenticationResponseJSON;
}

const rpID = 'localhost';

describeWithChromium('In a browser with a passkey', () => {
  const kit = useTestIssuer({ authentication: 'custom' });
  let browser: Browser;
  let page: Page;
  let server: Listening;
  let sessions: Sessions;
  let session: Session;
  let handled: ReturnType<typeof payments>['handled'];
  let kept: Evidence[];
  let clientScript: string;

  beforeAll(async () => {
    const { outputFiles } = await build({
      entryPoints: ['lib/client/index.ts'],
      bundle: true,
      format: 'esm',
      write: false,
    });
    clientScript = outputFiles[0]?.text ?? '';
    browser = await launchChromium();
  }, 60_000);

  afterAll(async () => {
    await browser.close();
  });

  beforeEach(async () => {
    kept = [];
    const { accessToken } = await kit.issuer.signIn('alice');
    const credentials: WebAuthnCredential[] = [];
    const pay = payments();
    ({ handled } = pay);
    sessions = kit.sessions();
    session = await sessions.authenticateToken(accessToken);

    // The recipe takes its origin when it is mounted.
    server = await listen((req, res) => {
      api(req, res);
    });
    const origin = `http://localhost:${server.port}`;
    const api = kit.api(sessions, {
      before(app) {
        app.get('/', (_req, res) => res.type('html').send('<!doctype html><title>Pay</title>'));
        app.get('/client.js', (_req, res) => res.type('js').send(clientScript));
        app.get('/page.js', (_req, res) => res.type('js').send(pageScript(accessToken)));
      },
      routes(app) {
        pay.routes?.(app, sessions);
        handle(app, 'post', '/passkeys/options', ({ userId }) =>
          generateRegistrationOptions({ rpName: 'Pay', rpID, userName: userId, challenge: 'x' }),
        );
        handle(app, 'post', '/passkeys', async (_session, req) => {
          const { registrationInfo } = await verifyRegistrationResponse({
            response: req.body as RegistrationResponseJSON,
            expectedChallenge: Buffer.from('x').toString('base64url'),
            expectedOrigin: origin,
            expectedRPID: rpID,
          });
          if (registrationInfo !== undefined) credentials.push(registrationInfo.credential);
        });
        mountRecipe('Approve with a passkey', {
          app,
          express,
          getSession,
          SessionError,
          generateAuthenticationOptions,
          verifyAuthenticationResponse,
          rpID,
          expectedOrigin: origin,
          passkeys: {
            of: () => credentials.map(({ id, transports }) => ({ id, transports })),
            find: (_userId: string, id: string) => credentials.find((one) => one.id === id),
            setCounter: (_userId: string, id: string, counter: number) => {
              const credential = credentials.find((one) => one.id === id);
              if (credential !== undefined) credential.counter = counter;
            },
          },
          evidence: { keep: (one: Evidence) => kept.push(one) },
        });
      },
    });

    page = await browser.newPage();
    await addVirtualAuthenticator(page);
    await page.goto(origin);
    await page.addScriptTag({ type: 'module', url: '/page.js' });
    await page.waitForFunction('globalThis.isReady');
    await page.evaluate('register()');
  });

  afterEach(async () => {
    await page.close();
    await server.close();
  });

  /** The page's own code around the recipe. */
  function pageScript(accessToken: string): string {
    return `
      import { createSessionFetch } from '/client.js';
      const getAccessToken = async () => ${JSON.stringify(accessToken)};
      globalThis.shown = [];
      const showDescription = async (description) => void shown.push(description);
      ${recipe('In the page: approve with a passkey')}
      const json = (path, body) => sessionFetch(path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      });
      globalThis.register = async () => {
        const options = await (await json('/passkeys/options')).json();
        const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
        const answer = await json('/passkeys', await navigator.credentials.create({ publicKey }));
        if (!answer.ok) throw new Error(await answer.text());
      };
      globalThis.pay = async (payment) => {
        const answer = await json('/payments', payment);
        return [answer.status, await answer.json()];
      };
      globalThis.sign = async (id) => {
        const options = await (await json('/approvals/' + id + '/passkey/options')).json();
        const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
        return (await navigator.credentials.get({ publicKey })).toJSON();
      };
      globalThis.approve = async (id, assertion) =>
        (await json('/approvals/' + id + '/passkey', assertion)).status;
      globalThis.isReady = true;
    `;
  }

  async function ask(): Promise<string> {
    const operation = { operation: 'pay', description: 'pay' };
    const error: unknown = await session.mfa.requireApproval(operation).catch((e: unknown) => e);
    return (error as SessionError).toProblem().challengeId ?? '';
  }

  it('a payment is approved by a signature over this payment, and made once', async () => {
    const [status, body] = await page.evaluate<[number, unknown]>(
      'pay({ amount: "50.00", to: "Bob" })',
    );
    expect([status, body]).toEqual([201, { paid: true }]);
    expect(await page.evaluate('shown')).toEqual([{ action: 'pay', amount: '50.00', to: 'Bob' }]);
    expect(handled).toHaveLength(1);
    const [evidence] = kept;
    if (evidence === undefined) throw new Error('no evidence');
    expect(handled[0]?.approval).toMatchObject({
      challengeId: evidence.approval.challengeId,
      digest: evidence.approval.digest,
      method: 'hwk',
    });

    // As an auditor would: what was signed is computed from what was kept.
    const script = recipe('audit.js')
      .replace(/^import .*$/m, '')
      .replace(/^export /gm, '');
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the code is the documentation's own
    const audit = new Function('createHash', `${script} return passkeyChallenge;`) as (
      createHash: unknown,
    ) => (...given: unknown[]) => string;
    const { createHash } = await import('node:crypto');
    const { issuer, userId } = session;
    const clientData = Buffer.from(evidence.assertion.response.clientDataJSON, 'base64url');
    expect(JSON.parse(clientData.toString('utf8'))).toMatchObject({
      type: 'webauthn.get',
      challenge: audit(createHash)(issuer, userId, evidence.approval),
    });
  });

  it('an assertion over one challenge approves no other', async () => {
    const [first, second] = [await ask(), await ask()];
    const assertion: unknown = await page.evaluate(`sign(${JSON.stringify(first)})`);
    const approve = (id: string): Promise<unknown> =>
      page.evaluate(`approve(${JSON.stringify(id)}, ${JSON.stringify(assertion)})`);
    expect(await approve(second)).toBe(422);
    expect(await session.mfa.challenge(second)).toBeUndefined();
    expect(await approve(first)).toBe(204);
    expect(kept.map(({ approval }) => approval.challengeId)).toEqual([first]);
    // Once it is spent, the same assertion approves nothing any more.
    expect(await approve(first)).toBe(410);
  });
});

/** The types fit too: this compiles, and the recipes above run. */
export async function typed({ webAuthn }: MfaChallenge, credential: WebAuthnCredential) {
  const { challenge, expectedChallenge } = webAuthn;
  const options = await generateAuthenticationOptions({ rpID, challenge });
  const response = options as unknown as AuthenticationResponseJSON;
  const expected = { expectedChallenge, expectedOrigin: '', expectedRPID: rpID };
  return verifyAuthenticationResponse({ response, credential, ...expected });
}

function mountRecipe(title: string, scope: Readonly<Record<string, unknown>>): void {
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the code is the documentation's own
  const mount = new Function(...Object.keys(scope), recipe(title)) as (...v: unknown[]) => void;
  mount(...Object.values(scope));
}
