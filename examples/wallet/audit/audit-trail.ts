/**
 * The audit trail: decisions of the library, from its channel, and deeds of the wallet. One
 * JSON line for each event, chained, in files that are rotated by size.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Session, SessionEvent } from 'express-wallet-session';
import { pino, type Logger } from 'pino';
import pinoRoll, { type RollingFile } from 'pino-roll';
import { nextLine, verifyAuditTrail, type AuditLine, type Verification } from './audit-chain.js';

const CHANNEL = 'express-wallet-session';
const FILE = 'audit';
const MAX_RECENT = 500;

export interface AuditTrailOptions {
  readonly folder: string;
  /** Of one file, such as '5m'. @defaultValue '5m' */
  readonly size?: string;
  /** Of older files that are kept. @defaultValue 20 */
  readonly keep?: number;
}

/** An operation that the wallet has carried out for a user. */
export interface Deed {
  readonly type:
    | 'wallet.sent'
    | 'wallet.signed'
    | 'wallet.factor_added'
    | 'wallet.factor_removed'
    | 'wallet.factors_reset';
  readonly at: number;
  readonly [fact: string]: unknown;
}

export class AuditTrail {
  readonly folder: string;
  readonly #file: RollingFile;
  readonly #logger: Logger;
  readonly #recent: AuditLine[] = [];
  #last: AuditLine | undefined;

  private constructor(folder: string, file: RollingFile) {
    this.folder = folder;
    this.#file = file;
    // The line of the chain, without a time and a host of pino's own.
    this.#logger = pino(
      { base: null, timestamp: false, formatters: { level: (level) => ({ level }) } },
      this.#file,
    );
    subscribe(CHANNEL, this.#listen);
  }

  /** Written at once, so that an answer goes out after its line. */
  static async open({ folder, size = '5m', keep = 20 }: AuditTrailOptions): Promise<AuditTrail> {
    const file = await pinoRoll({
      file: join(folder, FILE),
      size,
      limit: { count: keep },
      mkdir: true,
      sync: true,
    });
    return new AuditTrail(folder, file);
  }

  /** Enters an operation. */
  enter({ issuer, userId, tokenId }: Session, { type, at, ...facts }: Deed): void {
    this.#append({ type, at, issuer, userId, tokenId, ...facts });
  }

  get head(): Pick<AuditLine, 'seq' | 'hash'> | undefined {
    if (this.#last === undefined) return undefined;
    const { seq, hash } = this.#last;
    return { seq, hash };
  }

  /** The latest lines of a user, the latest first. */
  recentOf({ issuer, userId }: Session, count: number): AuditLine[] {
    return this.#recent
      .filter(({ event }) => event.issuer === issuer && event.userId === userId)
      .slice(0, count);
  }

  /** Reads the files again, and checks their chain. */
  async verify(): Promise<Verification> {
    const names = (await readdir(this.folder)).filter((name) => name.startsWith(`${FILE}.`));
    names.sort((one, other) => numberOf(one) - numberOf(other));
    const texts = await Promise.all(names.map((name) => readFile(join(this.folder, name), 'utf8')));
    return verifyAuditTrail(texts.flatMap((text) => text.split('\n').filter(Boolean)));
  }

  async close(): Promise<void> {
    unsubscribe(CHANNEL, this.#listen);
    const closed = new Promise<void>((resolve) => this.#file.once('close', resolve));
    this.#file.end();
    await closed;
  }

  readonly #listen = (message: unknown): void => {
    const event = message as SessionEvent;
    // A page that reads every two seconds is admitted each time; the first time of a token says it.
    if (event.type === 'session.admitted' && event.remembered) return;
    try {
      this.#append({ ...event });
    } catch (error) {
      // Node would end the process. A bank would, too: no deed without its line.
      console.error('The audit trail cannot be written:', error);
    }
  };

  #append(event: AuditLine['event']): void {
    // As it will be read, so that the hash is of the same members.
    const line = nextLine(this.#last, JSON.parse(JSON.stringify(event)) as AuditLine['event']);
    this.#logger.info(line);
    this.#last = line;
    this.#recent.unshift(line);
    this.#recent.length = Math.min(this.#recent.length, MAX_RECENT);
  }
}

/** Of `audit.12.log`. */
function numberOf(name: string): number {
  return Number(name.split('.')[1]);
}
