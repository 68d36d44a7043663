/**
 * The wallet's keys: one per account, made when it is first needed. They stand for the keys that a
 * wallet provider keeps; here they only prove that an address is one's own.
 */
import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { ApiProblem } from '../api-problem.js';

const MAX_MESSAGE_CHARACTERS = 200;

export interface Signature {
  readonly address: string;
  readonly message: string;
  readonly signature: string;
}

interface AccountKey {
  readonly address: string;
  readonly privateKey: KeyObject;
}

export class Signer {
  readonly #keys = new Map<string, AccountKey>();
  readonly #accounts = new Map<string, string>();

  address(accountId: string): string {
    return this.#keyOf(accountId).address;
  }

  /** Undefined for addresses outside of this wallet. */
  accountAt(address: string): string | undefined {
    return this.#accounts.get(address);
  }

  /** @throws ApiProblem if there is nothing to sign, or too much */
  sign(accountId: string, message: unknown): Signature {
    if (typeof message !== 'string' || message.trim() === '') {
      throw invalid('Write the message that you want to sign.');
    }
    if (message.length > MAX_MESSAGE_CHARACTERS) {
      throw invalid(`Keep the message under ${MAX_MESSAGE_CHARACTERS} characters.`);
    }
    const { address, privateKey } = this.#keyOf(accountId);
    const signature = `0x${sign(null, Buffer.from(message), privateKey).toString('hex')}`;
    return { address, message, signature };
  }

  #keyOf(accountId: string): AccountKey {
    const known = this.#keys.get(accountId);
    if (known !== undefined) return known;
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const hash = createHash('sha256').update(publicKey.export({ format: 'der', type: 'spki' }));
    const made = { address: `0x${hash.digest('hex').slice(0, 40)}`, privateKey };
    this.#keys.set(accountId, made);
    this.#accounts.set(made.address, accountId);
    return made;
  }
}

function invalid(detail: string): ApiProblem {
  return new ApiProblem(422, 'invalid_message', detail, { members: { field: 'message' } });
}
