/**
 * Amounts: whole cents inside, a decimal with two places on the wire, so that no rounding and no
 * second spelling of a number gets in.
 */

export const CURRENCY = 'USDC';

/** @returns undefined for anything but a positive decimal such as "25" or "25.50" */
export function parseCents(amount: unknown): number | undefined {
  if (typeof amount !== 'string') return undefined;
  const [, whole, places = ''] = /^(\d{1,7})(?:\.(\d{1,2}))?$/.exec(amount) ?? [];
  if (whole === undefined) return undefined;
  const cents = Number(whole) * 100 + Number(places.padEnd(2, '0'));
  return cents > 0 ? cents : undefined;
}

export function decimal(cents: number): string {
  return (cents / 100).toFixed(2);
}

const GROUPED = new Intl.NumberFormat('en', { minimumFractionDigits: 2 });

/** For people, as the page writes it too: "1,250.00 USDC". */
export function money(cents: number): string {
  return `${GROUPED.format(cents / 100)} ${CURRENCY}`;
}
