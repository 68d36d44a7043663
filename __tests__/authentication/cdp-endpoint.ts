/**
 * CDP's documented endpoint `POST /platform/v2/end-users/auth/validate-token`, its EndUser and its
 * error bodies, and a client of it in the shape of the CDP SDK.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import express from 'express';
import { jwtVerify } from 'jose';
import { listen, type Listening } from '../support/listen.js';
import type { SigningKey } from '../support/signing-key.js';

const PATH = '/platform/v2/end-users/auth/validate-token';

export class CdpEndpoint {
  readonly apiKey: string = randomUUID();
  readonly #server: Server;
  #listening: Listening | undefined;
  /** The number of requests so far. */
  calls = 0;
  /** Answers in place of the endpoint if it is set. */
  trouble: RequestListener | undefined;
  /** User ids by the `sub` of their tokens. */
  readonly users = new Map<string, string>([['sub-of-alice', 'alice']]);

  /** @param clock milliseconds: when tokens expire */
  constructor(key: SigningKey, clock: () => number) {
    const app = express().use(express.json());
    app.post(PATH, async (req, res) => {
      const fail = (status: number, errorType: string, errorMessage: string): void => {
        const errorLink = `https://docs.cdp.coinbase.com/api-reference/v2/errors#${errorType}`;
        const correlationId = randomUUID().replaceAll('-', '').slice(0, 16);
        res.status(status).json({ errorType, errorMessage, correlationId, errorLink });
      };
      if (req.get('authorization') !== `Bearer ${this.apiKey}`) {
        fail(401, 'unauthorized', 'The request is not properly authenticated.');
        return;
      }
      const { accessToken } = req.body as { accessToken?: string };
      if (!accessToken) {
        fail(400, 'invalid_request', 'Missing access token.');
        return;
      }
      const verified = await jwtVerify(accessToken, key.publicKey, {
        issuer: 'cdp-api',
        currentDate: new Date(clock()),
      }).catch(() => undefined);
      if (verified === undefined) {
        fail(401, 'unauthorized', 'The access token is invalid or expired.');
        return;
      }
      const userId = this.users.get(verified.payload.sub ?? '');
      if (userId === undefined) fail(404, 'not_found', 'End user not found.');
      else res.json(endUser(userId));
    });
    this.#server = createServer((req, res) => {
      this.calls += 1;
      if (this.trouble === undefined) app(req, res);
      else this.trouble(req, res);
    });
  }

  async open(): Promise<this> {
    this.#listening = await listen(this.#server);
    return this;
  }

  async close(): Promise<void> {
    await this.#listening?.close();
  }

  /** A `CdpClient` with the one method that is needed. */
  client(apiKey: string = this.apiKey): CdpClient {
    return new CdpClient(`${this.#listening?.url ?? ''}${PATH}`, apiKey);
  }

  answerWith(status: number, body: unknown = { errorType: 'internal_server_error' }): void {
    this.trouble = (_req, res) => {
      res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
  }
}

function endUser(userId: string): Readonly<Record<string, unknown>> {
  return {
    userId,
    authenticationMethods: [{ type: 'email', email: 'user@example.com' }],
    mfaMethods: { totp: { enrolledAt: '2025-11-07T00:00:00Z' } },
    evmAccounts: ['0x0000000000000000000000000000000000000001'],
    evmAccountObjects: [],
    evmSmartAccounts: [],
    evmSmartAccountObjects: [],
    solanaAccounts: [],
    solanaAccountObjects: [],
    createdAt: '2025-11-07T00:00:00Z',
  };
}

/** The SDK's error for an answer of the API. */
export class ApiError extends Error {
  readonly statusCode: number;
  readonly errorType: string;

  constructor(statusCode: number, errorType: string, errorMessage: string) {
    super(errorMessage);
    this.statusCode = statusCode;
    this.errorType = errorType;
  }
}

class CdpClient {
  readonly endUser: {
    validateAccessToken(input: { accessToken: string }): Promise<{ userId: string }>;
  };

  constructor(url: string, apiKey: string) {
    this.endUser = {
      async validateAccessToken(input): Promise<{ userId: string }> {
        const response = await fetch(url, {
          method: 'POST',
          headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
          body: JSON.stringify(input),
        }).catch((cause: unknown) => {
          // A NetworkError of the SDK has no status.
          throw new ApiError(0, 'network_connection_failed', String(cause));
        });
        const body = (await response.json()) as Record<string, string>;
        if (response.ok) return body as { userId: string };
        throw new ApiError(response.status, body.errorType ?? '', body.errorMessage ?? '');
      },
    };
  }
}
