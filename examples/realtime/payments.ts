/**
 * The money, and the one protected operation. The guard stands in the operation itself, so that no
 * transport can leave it out. Balances are kept in this process.
 */
import { EventEmitter } from 'node:events';
import type { Session } from 'express-wallet-session';
import { ApiProblem } from '../wallet/api-problem.js';

export interface Payment {
  /** Counts up. */
  readonly id: number;
  readonly counterparty: string;
  /** In USDC; negative if it was sent. */
  readonly amount: string;
  readonly balance: string;
  readonly at: string;
}

interface Account {
  cents: number;
  /** The latest last. */
  readonly payments: Payment[];
}

const START_CENTS = 100_000;
const KEPT_PAYMENTS = 50;

export class Payments {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly #accounts = new Map<string, Account>();
  readonly #events = new EventEmitter().setMaxListeners(0);
  #lastId = 0;

  constructor(clock: () => number) {
    this.now = clock;
  }

  balance(userId: string): string {
    return decimal(this.#accountOf(userId).cents);
  }

  /**
   * @throws SessionError unless the session is good and MFA was verified recently
   * @throws ApiProblem if the order makes no sense, or there is not enough money
   */
  async send(
    session: Session,
    order: { readonly to: unknown; readonly amount: unknown },
  ): Promise<Payment> {
    await session.mfa.require();
    const { to, cents } = parseOrder(order);
    const balance = this.#accountOf(session.userId).cents;
    if (cents > balance) {
      const detail = `You have ${decimal(balance)} USDC, which is less than ${decimal(cents)}.`;
      throw new ApiProblem(422, 'insufficient_funds', detail);
    }
    return this.#book(session.userId, -cents, to);
  }

  deposit(userId: string, cents: number, from: string): Payment {
    return this.#book(userId, cents, from);
  }

  /** The payments after one, as far as they are kept. */
  after(userId: string, id: number): readonly Payment[] {
    return this.#accountOf(userId).payments.filter((payment) => payment.id > id);
  }

  /** @returns ends the subscription */
  subscribe(userId: string, listener: (payment: Payment) => void): () => void {
    this.#events.on(userId, listener);
    return () => {
      this.#events.off(userId, listener);
    };
  }

  #book(userId: string, cents: number, counterparty: string): Payment {
    const account = this.#accountOf(userId);
    account.cents += cents;
    this.#lastId += 1;
    const payment = {
      id: this.#lastId,
      counterparty,
      amount: decimal(cents),
      balance: decimal(account.cents),
      at: new Date(this.now()).toISOString(),
    };
    account.payments.push(payment);
    if (account.payments.length > KEPT_PAYMENTS) account.payments.shift();
    this.#events.emit(userId, payment);
    return payment;
  }

  #accountOf(userId: string): Account {
    const account = this.#accounts.get(userId) ?? { cents: START_CENTS, payments: [] };
    this.#accounts.set(userId, account);
    return account;
  }
}

function parseOrder({ to, amount }: { readonly to: unknown; readonly amount: unknown }): {
  readonly to: string;
  readonly cents: number;
} {
  if (typeof to !== 'string' || !/^\S.{0,60}$/.test(to.trim())) {
    throw new ApiProblem(422, 'invalid_payment', 'Say who gets the money.');
  }
  if (typeof amount !== 'string' || !/^\d{1,7}(\.\d{1,2})?$/.test(amount)) {
    throw new ApiProblem(422, 'invalid_payment', 'Give an amount such as "25" or "25.50".');
  }
  const cents = Math.round(Number(amount) * 100);
  if (cents === 0) throw new ApiProblem(422, 'invalid_payment', 'The amount must be above zero.');
  return { to: to.trim(), cents };
}

function decimal(cents: number): string {
  return (cents / 100).toFixed(2);
}
