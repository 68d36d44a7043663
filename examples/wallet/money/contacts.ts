/**
 * The address book: names for addresses. The same for every user of the example.
 */
import { createHash } from 'node:crypto';

export interface Contact {
  readonly name: string;
  readonly address: string;
}

const NAMES = ['Grace Hopper', 'Alan Turing', 'Café Central', 'Northwind Ltd'];

export const CONTACTS: readonly Contact[] = NAMES.map((name) => ({
  name,
  address: `0x${createHash('sha256').update(name).digest('hex').slice(0, 40)}`,
}));

export function contactNamed(name: string): Contact | undefined {
  return CONTACTS.find((contact) => contact.name.toLowerCase() === name.toLowerCase());
}

export function contactAt(address: string): Contact | undefined {
  return CONTACTS.find((contact) => contact.address === address);
}
