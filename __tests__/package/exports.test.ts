import { readFile } from 'node:fs/promises';
import * as main from 'express-wallet-session';
import * as client from 'express-wallet-session/client';
import * as opentelemetry from 'express-wallet-session/opentelemetry';
import * as redis from 'express-wallet-session/redis';
import * as testing from 'express-wallet-session/testing';

describe('What can be imported', () => {
  it('is exactly this list', () => {
    expect(Object.keys(main).sort()).toEqual([
      'ConfigurationError',
      'SessionError',
      'acrEvidence',
      'amrEvidence',
      'backchannelLogout',
      'cdpAuthentication',
      'createSessions',
      'customAuthentication',
      'findSession',
      'fromBearer',
      'fromCookie',
      'getApproval',
      'getSession',
      'memoryStore',
      'problemHandler',
      'requireApproval',
      'requireMfa',
      'requireScope',
      'requireSession',
      'sendProblem',
      'validateSession',
    ]);
    expect(Object.keys(redis)).toEqual(['redisStore']);
    expect(Object.keys(opentelemetry)).toEqual(['recordMetrics']);
    expect(Object.keys(client)).toEqual(['createSessionFetch']);
    expect(Object.keys(testing).sort()).toEqual([
      'createDpopProof',
      'createTestClock',
      'createTestIssuer',
      'describeStore',
    ]);
  });

  it('needs jose and lru-cache at run time, and nothing else', async () => {
    const manifest = JSON.parse(await readFile('package.json', 'utf8')) as Record<string, object>;
    expect(Object.keys(manifest.dependencies ?? {}).sort()).toEqual(['jose', 'lru-cache']);
    expect(manifest.peerDependencies).toEqual({
      express: '^4.18 || ^5',
      '@opentelemetry/api': '^1.9.0',
    });
    expect(manifest.peerDependenciesMeta).toEqual({ '@opentelemetry/api': { optional: true } });
  });
});
