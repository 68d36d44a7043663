/**
 * Bound tokens in requests that HTTP clients do not send: repeated headers, absolute targets, schemes
 * in other letters, and hosts in all their forms.
 */
import { request as httpRequest } from 'node:http';
import { expectProblem } from '../support/expect-problem.js';
import { listen, type Listening } from '../support/listen.js';
import { getRaw } from '../support/raw-request.js';
import { SigningKey } from '../support/signing-key.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { expectProofInvalid, ORIGIN } from './expect-proof-invalid.js';
import { bareJwk, proofOf, type ProofTarget } from './hostile-proofs.js';

const kit = useTestIssuer({ authentication: 'custom' });
const key = new SigningKey('ES256', { kid: null });

let target: ProofTarget;

beforeEach(async () => {
  const { accessToken } = await kit.issuer.signIn('user-1', { dpop: bareJwk(key) });
  const nowSeconds = Math.floor(kit.clock() / 1000);
  target = { key, accessToken, method: 'GET', url: `${ORIGIN}/me`, nowSeconds };
});

it.each(['DPoP', 'dpop', 'DPOP', 'dPoP'])('The scheme %s is accepted', async (scheme) => {
  const app = kit.api({ origin: ORIGIN });
  const lines = [`Authorization: ${scheme} ${target.accessToken}`, `DPoP: ${proofOf(target)}`];
  expect((await getRaw(app, lines)).status).toBe(200);
});

it('Two DPoP headers are refused, equal or not', async () => {
  const app = kit.api({ origin: ORIGIN });
  const proof = proofOf(target);
  for (const second of [proof, proofOf(target), '']) {
    const lines = [
      `Authorization: DPoP ${target.accessToken}`,
      `DPoP: ${proof}`,
      `DPoP: ${second}`,
    ];
    expectProofInvalid(await getRaw(app, lines));
  }
});

it('Two tokens under two schemes are an invalid request', async () => {
  const app = kit.api({ origin: ORIGIN });
  const response = await getRaw(app, [
    `Authorization: DPoP ${target.accessToken}`,
    `Authorization: Bearer ${target.accessToken}`,
    `DPoP: ${proofOf(target)}`,
  ]);
  expectProblem(response, 'invalid_request');
});

describe('Without the option `origin`', () => {
  let api: Listening;

  beforeEach(async () => {
    api = await listen(kit.api());
  });

  afterEach(() => api.close());

  /** The status of `GET path` with these headers and a proof of `url`. */
  function statusOf(path: string, host: string, url: string): Promise<number | undefined> {
    const headers = {
      host,
      authorization: `DPoP ${target.accessToken}`,
      dpop: proofOf({ ...target, url }),
    };
    return new Promise((resolve, reject) => {
      httpRequest({ port: api.port, host: '127.0.0.1', path, headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .once('error', reject)
        .end();
    });
  }

  it.each([
    ['wallet.test', 'http://wallet.test/me'],
    ['WALLET.test', 'http://wallet.test/me'],
    ['wallet.test:80', 'http://wallet.test/me'],
    ['wallet.test.', 'http://wallet.test./me'],
    ['127.0.0.1:3000', 'http://127.0.0.1:3000/me'],
    ['[::1]', 'http://[::1]/me'],
    ['[2001:db8::1]:8080', 'http://[2001:DB8:0:0::1]:8080/me'],
    ['xn--bcher-kva.test', 'http://bücher.test/me'],
  ])('a proof of the host %s is accepted as %s', async (host, url) => {
    expect(await statusOf('/me', host, url)).toBe(200);
  });

  it.each([
    ['wallet.test, evil.test', 'http://wallet.test/me'],
    ['wallet.test/me?', 'http://wallet.test/me'],
    ['user@wallet.test', 'http://wallet.test/me'],
    ['wallet.test#', 'http://wallet.test/me'],
    ['wallet.test:999999', 'http://wallet.test:999999/me'],
    ['wallet.test:', 'http://wallet.test/me'],
    ['[::1', 'http://[::1/me'],
    ['', 'http:///me'],
  ])('a malformed host %s is refused', async (host, url) => {
    expect(await statusOf('/me', host, url)).toBe(401);
  });

  it('the path of an absolute target counts, and its host does not', async () => {
    const absolute = 'http://evil.test/me?x=1';
    expect(await statusOf(absolute, 'wallet.test', 'http://wallet.test/me')).toBe(200);
    expect(await statusOf(absolute, 'wallet.test', 'http://evil.test/me')).toBe(401);
  });
});
