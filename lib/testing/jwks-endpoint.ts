/**
 * The JWKS and the metadata of the test issuer: they need no network, and can be down or slow.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KeyRing } from './key-ring.js';

const MAX_DELAY_MS = 2 ** 31 - 1;

export class JwksEndpoint {
  readonly uri = 'https://issuer.test/.well-known/jwks.json';
  /** Of an issuer that is an address; its metadata name them. */
  readonly #addresses: { readonly metadata: string; readonly jwks: string } | undefined;
  readonly #issuer: string;
  readonly #keys: KeyRing;
  #fetches = 0;
  #isDown = false;
  #delayMs = 0;

  constructor(keys: KeyRing, issuer: string) {
    this.#keys = keys;
    this.#issuer = issuer;
    if (/^https?:\/\//.test(issuer)) {
      const folder = `${issuer.replace(/\/$/, '')}/.well-known`;
      this.#addresses = {
        metadata: `${folder}/openid-configuration`,
        jwks: `${folder}/jwks.json`,
      };
    }
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
    const signal = init?.signal ?? undefined;
    if (url === this.uri || url === this.#addresses?.jwks) return this.answer(signal);
    if (url === this.#addresses?.metadata) return this.answerMetadata(signal);
    return new Response(null, { status: 404 });
  };

  async answer(signal?: AbortSignal): Promise<Response> {
    signal?.throwIfAborted();
    this.#fetches += 1;
    return this.#afterDelay(() => this.#keys.jwks(), signal);
  }

  /** The metadata of OpenID Connect Discovery 1.0 section 3, as far as an API reads them. */
  async answerMetadata(signal?: AbortSignal): Promise<Response> {
    signal?.throwIfAborted();
    const jwksUri = this.#addresses?.jwks;
    if (jwksUri === undefined) return new Response(null, { status: 404 });
    return this.#afterDelay(() => ({ issuer: this.#issuer, jwks_uri: jwksUri }), signal);
  }

  async #afterDelay(document: () => object, signal: AbortSignal | undefined): Promise<Response> {
    if (this.#delayMs > 0) await sleep(this.#delayMs, undefined, { signal });
    return this.#isDown
      ? new Response('the identity provider is down', { status: 503 })
      : Response.json(document());
  }
}
