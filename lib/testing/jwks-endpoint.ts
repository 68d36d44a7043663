/**
 * The JWKS endpoint of the test issuer: it needs no network, and can be down or slow.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KeyRing } from './key-ring.js';

const MAX_DELAY_MS = 2 ** 31 - 1;

export class JwksEndpoint {
  readonly uri = 'https://issuer.test/.well-known/jwks.json';
  readonly #keys: KeyRing;
  #fetches = 0;
  #isDown = false;
  #delayMs = 0;

  constructor(keys: KeyRing) {
    this.#keys = keys;
  }

  get fetches(): number {
    return this.#fetches;
  }

  setOutage(isDown: boolean): void {
    if (typeof isDown !== 'boolean') {
      throw new TypeError('issuer.setOutage(isDown): `isDown` must be true or false.');
    }
    this.#isDown = isDown;
  }

  setDelay(delayMs: number): void {
    if (typeof delayMs !== 'number' || !(delayMs >= 0 && delayMs <= MAX_DELAY_MS)) {
      throw new TypeError(
        'issuer.setDelay(delayMs): `delayMs` must be a number of milliseconds that a timer can wait.',
      );
    }
    this.#delayMs = delayMs;
  }

  /** Replaces the global `fetch`; every other address is not found. */
  readonly fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const url = input instanceof Request ? input.url : String(input);
    if (url !== this.uri) return new Response(null, { status: 404 });
    return this.answer(init?.signal ?? undefined);
  };

  async answer(signal?: AbortSignal): Promise<Response> {
    signal?.throwIfAborted();
    this.#fetches += 1;
    if (this.#delayMs > 0) await sleep(this.#delayMs, undefined, { signal });
    return this.#isDown
      ? new Response('the identity provider is down', { status: 503 })
      : Response.json(this.#keys.jwks());
  }
}
