/**
 * Provider and API in one process: `npm run example:custom-auth`.
 */
import { startExample } from './start.js';

const port = Number(process.env.PORT ?? 3000);
// With 0, both are free ones.
const providerPort = port === 0 ? 0 : port + 1;
const { api, issuer } = await startExample({ port, providerPort }).catch((error: unknown) => {
  console.error(`The example needs ports ${port} and ${providerPort}: ${String(error)}`);
  console.error('Choose others: PORT=4000 npm run example:custom-auth');
  process.exit(1);
});

console.log(`
The wallet is on ${api} - open it in a browser. Its identity provider is on ${issuer}.

To see everything in a shell instead:

node --import tsx examples/custom-auth/walkthrough.ts ${api}
`);
