/**
 * The second factors of each account, with one limit over all of them.
 */
import type { MfaProof } from 'express-wallet-session';
import { ApiProblem } from '../api-problem.js';
import { Passkeys, type Site } from './passkeys.js';
import { TotpFactors } from './totp.js';
import { WrongCodes } from './wrong-codes.js';

export interface EnrolledFactor {
  readonly id: string;
  readonly kind: 'totp' | 'passkey';
  readonly addedAt: Date;
  readonly lastUsedAt: Date;
}

/** The values of `method` (RFC 8176). */
const TOTP = { method: 'totp' } as const;
const PASSKEY = { method: 'hwk' } as const;

export class Factors {
  readonly totp: TotpFactors;
  readonly passkeys: Passkeys;
  readonly wrongCodes = new WrongCodes();

  constructor(clock: () => number) {
    this.totp = new TotpFactors(clock);
    this.passkeys = new Passkeys(clock);
  }

  isEnrolled(accountId: string): boolean {
    return this.list(accountId).length > 0;
  }

  list(accountId: string): EnrolledFactor[] {
    const totp = this.totp.of(accountId);
    const apps = totp === undefined ? [] : [totp];
    return [
      ...apps.map(({ id, addedAt, lastUsedAt }) => {
        return { id, kind: 'totp', addedAt, lastUsedAt } as const;
      }),
      ...this.passkeys.of(accountId).map((passkey) => ({ kind: 'passkey', ...passkey }) as const),
    ];
  }

  /** @returns its kind. @throws ApiProblem if the account has no such factor */
  remove(accountId: string, id: string): EnrolledFactor['kind'] {
    const factor = this.list(accountId).find((listed) => listed.id === id);
    if (factor === undefined) {
      throw new ApiProblem(404, 'factor_unknown', 'This factor has been removed already.');
    }
    if (factor.kind === 'totp') this.totp.remove(accountId);
    else this.passkeys.remove(accountId, id);
    return factor.kind;
  }

  removeAll(accountId: string): void {
    this.totp.remove(accountId);
    this.passkeys.remove(accountId);
  }

  /** Count the attempt first: `wrongCodes.count()`. @throws ApiProblem if the code is no good */
  async proveByTotp(accountId: string, code: unknown): Promise<MfaProof> {
    this.totp.verify(accountId, code);
    await this.wrongCodes.forget(accountId);
    return TOTP;
  }

  /** @param challenge base64url, of an approval or of `passkeys.spendChallenge()` */
  async proveByPasskey(
    accountId: string,
    assertion: unknown,
    site: Site,
    challenge: string,
  ): Promise<MfaProof | false> {
    if (!(await this.passkeys.verify(accountId, assertion, site, challenge))) return false;
    await this.wrongCodes.forget(accountId);
    return PASSKEY;
  }
}
