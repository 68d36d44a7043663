/**
 * Passkeys (WebAuthn), several per account. It knows nothing of sessions; the challenge of an
 * approval comes from the library, so that the signature is over this very request.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
  type AuthenticationResponseJSON,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
  type WebAuthnCredential,
} from '@simplewebauthn/server';
import { ApiProblem } from '../api-problem.js';

const CEREMONY_MILLISECONDS = 5 * 60_000;

/** The site of the page; a passkey belongs to one site. */
export interface Site {
  readonly origin: string;
  readonly rpID: string;
}

export interface PasskeyFactor {
  readonly id: string;
  readonly addedAt: Date;
  readonly lastUsedAt: Date;
}

interface Passkey {
  readonly credential: WebAuthnCredential;
  readonly addedAt: Date;
  lastUsedAt: Date;
}

type Bytes = ReturnType<Uint8Array['slice']>;

export class Passkeys {
  readonly #clock: () => number;
  readonly #enrolled = new Map<string, Passkey[]>();
  readonly #ceremonies = new Map<string, { challenge: string; untilMs: number }>();

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  of(accountId: string): readonly PasskeyFactor[] {
    return this.#passkeysOf(accountId).map(({ credential, addedAt, lastUsedAt }) => {
      return { id: credential.id, addedAt, lastUsedAt };
    });
  }

  async registrationOptions(
    accountId: string,
    email: string,
    { rpID }: Site,
  ): Promise<PublicKeyCredentialCreationOptionsJSON> {
    const options = await generateRegistrationOptions({
      rpName: 'Example Wallet',
      rpID,
      userName: email,
      userID: new Uint8Array(createHash('sha256').update(accountId).digest()),
      excludeCredentials: this.#descriptors(accountId),
      authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' },
    });
    this.#begin(`register ${accountId}`, options.challenge);
    return options;
  }

  /** @throws ApiProblem unless it answers the options that were given last */
  async register(accountId: string, response: unknown, { origin, rpID }: Site): Promise<void> {
    const expectedChallenge = this.#end(`register ${accountId}`);
    const { registrationInfo } = await verifyRegistrationResponse({
      response: response as RegistrationResponseJSON,
      expectedChallenge,
      expectedOrigin: origin,
      expectedRPID: rpID,
    }).catch(() => ({ registrationInfo: undefined }));
    if (registrationInfo === undefined) {
      throw new ApiProblem(422, 'passkey_invalid', 'This passkey could not be added. Try again.');
    }
    const now = new Date(this.#clock());
    const passkey = { credential: registrationInfo.credential, addedAt: now, lastUsedAt: now };
    this.#enrolled.set(accountId, [...this.#passkeysOf(accountId), passkey]);
  }

  /**
   * @param challenge of an approval
   * @throws ApiProblem if there is no passkey
   */
  async authenticationOptions(
    accountId: string,
    { rpID }: Site,
    challenge: Bytes,
  ): Promise<PublicKeyCredentialRequestOptionsJSON> {
    if (this.#passkeysOf(accountId).length === 0) {
      throw new ApiProblem(409, 'mfa_not_enrolled', 'Add a passkey first.');
    }
    return generateAuthenticationOptions({
      rpID,
      challenge,
      allowCredentials: this.#descriptors(accountId),
      userVerification: 'required',
    });
  }

  /**
   * A challenge of its own, for an MFA session. It belongs to one client, named by its access token.
   *
   * @throws ApiProblem if there is no passkey
   */
  async newAuthenticationOptions(
    accountId: string,
    site: Site,
    tokenId: string,
  ): Promise<PublicKeyCredentialRequestOptionsJSON> {
    const challenge = new Uint8Array(randomBytes(32));
    const options = await this.authenticationOptions(accountId, site, challenge);
    this.#begin(`verify ${tokenId}`, options.challenge);
    return options;
  }

  /** The challenge that this client was given last. @throws ApiProblem if there is none */
  spendChallenge(tokenId: string): string {
    return this.#end(`verify ${tokenId}`);
  }

  async verify(
    accountId: string,
    assertion: unknown,
    { origin, rpID }: Site,
    expectedChallenge: string,
  ): Promise<boolean> {
    const response = (assertion ?? {}) as AuthenticationResponseJSON;
    const passkey = this.#passkeysOf(accountId).find(({ credential: { id } }) => {
      return id === response.id;
    });
    if (passkey === undefined) return false;
    const { credential } = passkey;
    // It throws if challenge, origin or signature are others.
    const verification = await verifyAuthenticationResponse({
      response,
      credential,
      expectedChallenge,
      expectedOrigin: origin,
      expectedRPID: rpID,
    }).catch(() => undefined);
    if (verification?.verified !== true) return false;
    credential.counter = verification.authenticationInfo.newCounter;
    passkey.lastUsedAt = new Date(this.#clock());
    return true;
  }

  remove(accountId: string, id?: string): void {
    const kept = this.#passkeysOf(accountId).filter(({ credential }) => {
      return id !== undefined && credential.id !== id;
    });
    this.#enrolled.set(accountId, kept);
  }

  #passkeysOf(accountId: string): readonly Passkey[] {
    return this.#enrolled.get(accountId) ?? [];
  }

  #descriptors(accountId: string): Pick<WebAuthnCredential, 'id' | 'transports'>[] {
    return this.#passkeysOf(accountId).map(({ credential: { id, transports } }) => {
      return transports === undefined ? { id } : { id, transports };
    });
  }

  #begin(ceremony: string, challenge: string): void {
    this.#ceremonies.set(ceremony, { challenge, untilMs: this.#clock() + CEREMONY_MILLISECONDS });
  }

  /** Each challenge is good for one answer. */
  #end(ceremony: string): string {
    const begun = this.#ceremonies.get(ceremony);
    this.#ceremonies.delete(ceremony);
    if (begun === undefined || this.#clock() >= begun.untilMs) {
      throw new ApiProblem(410, 'mfa_flow_expired', 'This took too long; start it again.');
    }
    return begun.challenge;
  }
}
