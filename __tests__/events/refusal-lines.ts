/**
 * A process of its own, because Node reads `NODE_DEBUG` when it starts. It makes the mistakes
 * that its arguments name, one after another.
 */
import { customAuthentication, cdpAuthentication } from 'express-wallet-session';
import { createTestClock, createTestIssuer } from 'express-wallet-session/testing';
import { listen } from '../support/listen.js';
import { walletApi } from '../support/wallet-api.js';

const clock = createTestClock();
const PATH = '/.well-known/jwks.json';

/** Sends one request, whose id is the name of the mistake. */
async function run(mistake: string): Promise<object> {
  const kind = mistake === 'project' ? 'cdp' : 'custom';
  const issuer = await createTestIssuer({ clock, authentication: kind });
  const other = await createTestIssuer({ clock, authentication: kind });
  const [router, otherRouter] = [issuer.router(), other.router()];
  const keys = await listen((req, res) => {
    const isOther = req.url?.startsWith('/other') === true;
    if (isOther) req.url = req.url?.slice('/other'.length);
    (isOther ? otherRouter : router)(req, res, () => res.writeHead(404).end());
  });
  const jwksUri = `${keys.url}${PATH}`;
  const right = { issuer: issuer.issuer, audience: issuer.audience, jwksUri };
  const wrong: Readonly<Record<string, object>> = {
    issuer: { issuer: 'https://login.example/' },
    slash: { issuer: issuer.issuer.slice(0, -1) },
    https: { issuer: issuer.issuer.replace('https://', '') },
    'audience-as-issuer': { issuer: issuer.audience },
    audience: { audience: 'https://api.example' },
    typ: { typ: 'at+jwt' },
    'jwks-address': { jwksUri: `${keys.url}/jwks` },
    'jwks-of-another': { jwksUri: `${keys.url}/other${PATH}` },
  };
  const authentication =
    kind === 'cdp'
      ? cdpAuthentication({ projectId: 'project-of-production', jwksUri })
      : customAuthentication({ ...right, ...wrong[mistake] });
  const { accessToken } = await issuer.signIn('user-5f1e');
  const late = mistake === 'clock' ? 600_000 : 0;
  const server = await listen(walletApi({ authentication, clock: () => clock() - late }));
  const answer = await fetch(`${server.url}/transfers`, {
    method: 'POST',
    headers: { authorization: `Bearer ${accessToken}`, 'x-request-id': mistake },
  });
  await Promise.all([server.close(), keys.close()]);
  const { issuer: name, audience } = issuer;
  return { status: answer.status, token: accessToken, url: keys.url, name, audience };
}

const runs: Record<string, object> = {};
for (const mistake of process.argv.slice(2)) runs[mistake] = await run(mistake);
process.stdout.write(JSON.stringify(runs));
