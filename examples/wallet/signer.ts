/**
 * The wallet's keys: one per user, made when it is first needed. They stand for the keys that a
 * wallet provider keeps; here they only prove that an address is one's own.
 */
import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { ApiProblem } from './api-problem.js';

const MAX_MESSAGE_CHARACTERS = 200;

export interface Signature {
  readonly address: string;
  readonly message: string;
  readonly signature: string;
}

export class Signer {
  readonly #keys = new Map<string, { address: string; privateKey: KeyObject }>();

  address(userId: string): string {
    return this.#of(userId).address;
  }

  /** @throws ApiProblem where there is nothing to sign, or too much */
  sign(userId: string, message: unknown): Signature {
    if (typeof message !== 'string' || message.trim() === '') {
      throw new ApiProblem(422, 'invalid_message', 'Write the message that you want to sign.');
    }
    if (message.length > MAX_MESSAGE_CHARACTERS) {
      throw new ApiProblem(
        422,
        'invalid_message',
        `Keep the message under ${MAX_MESSAGE_CHARACTERS} characters.`,
      );
    }
    const { address, privateKey } = this.#of(userId);
    const signature = `0x${sign(null, Buffer.from(message), privateKey).toString('hex')}`;
    return { address, message, signature };
  }

  #of(userId: string): { address: string; privateKey: KeyObject } {
    const known = this.#keys.get(userId);
    if (known !== undefined) return known;
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const hash = createHash('sha256').update(publicKey.export({ format: 'der', type: 'spki' }));
    const made = { address: `0x${hash.digest('hex').slice(0, 40)}`, privateKey };
    this.#keys.set(userId, made);
    return made;
  }
}
