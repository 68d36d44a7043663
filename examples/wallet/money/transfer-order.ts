/**
 * An order to send money: read once, in one spelling. Guards and handler act on the result, so an
 * amount that cannot be read is refused before a guard is chosen.
 */
import type { JsonValue } from 'express-wallet-session';
import { ApiProblem } from '../api-problem.js';
import { decimal, money, parseCents } from './amount.js';
import { contactAt, contactNamed } from './contacts.js';

/** Above this, an MFA session is not enough: the transfer itself has to be approved. */
export const APPROVAL_ABOVE_CENTS = 10_000;

export interface TransferOrder {
  /** 0x and 40 hexadecimal digits, in lower case. */
  readonly to: string;
  /** The contact's name, if the address is in the address book. */
  readonly name: string | null;
  /** In USDC, with two decimal places. */
  readonly amount: string;
  readonly note: string;
}

/**
 * @param body `to` is an address or the name of a contact
 * @throws ApiProblem
 */
export function parseOrder(body: unknown, ownAddress: string): TransferOrder {
  const { to, amount, note = '' } = (body ?? {}) as Record<string, unknown>;
  const recipient = parseRecipient(to);
  if (recipient.to === ownAddress) throw invalid('to', 'This is your own address.');
  const cents = parseCents(amount);
  if (cents === undefined) throw invalid('amount', 'Give an amount such as 25 or 25.50.');
  if (typeof note !== 'string' || note.length > 60) {
    throw invalid('note', 'Keep the note under 60 characters.');
  }
  return { ...recipient, amount: decimal(cents), note: note.trim() };
}

/** Anything that is not known to be small counts as large. */
export function needsApproval({ amount }: Partial<TransferOrder>): boolean {
  const cents = parseCents(amount);
  return cents === undefined || cents > APPROVAL_ABOVE_CENTS;
}

/** The description that the user reads before the factor is asked for. */
export function describeOrder({ to, name, amount, note }: TransferOrder): JsonValue {
  return {
    action: 'Send',
    amount: money(parseCents(amount) ?? 0),
    to: name ?? 'An address that is not among your contacts',
    address: to,
    ...(note !== '' && { note }),
  };
}

function parseRecipient(to: unknown): Pick<TransferOrder, 'to' | 'name'> {
  const text = typeof to === 'string' ? to.trim() : '';
  const contact = contactNamed(text);
  if (contact !== undefined) return { to: contact.address, name: contact.name };
  const address = text.toLowerCase();
  if (!/^0x[\da-f]{40}$/.test(address)) {
    throw invalid('to', 'Choose a contact, or give an address: 0x and 40 hexadecimal digits.');
  }
  return { to: address, name: contactAt(address)?.name ?? null };
}

function invalid(field: keyof TransferOrder, detail: string): ApiProblem {
  return new ApiProblem(422, 'invalid_transfer', detail, { members: { field } });
}
