/** Amounts, times and addresses, each in one form on the whole page. */

const MINUTE_SECONDS = 60;
export const DAY_SECONDS = 86_400;

const UNITS = [
  ['day', DAY_SECONDS],
  ['hour', 3600],
  ['minute', MINUTE_SECONDS],
  ['second', 1],
];

/** The largest units that say something: "6 days 23 hr". */
export function duration(seconds, { parts = 2, unitDisplay = 'short' } = {}) {
  let left = Math.floor(seconds);
  const counts = UNITS.map(([unit, size]) => {
    const count = Math.floor(left / size);
    left -= count * size;
    return { unit, count };
  });
  const first = counts.findIndex(({ count }) => count > 0);
  return counts
    .slice(first, first === -1 ? undefined : first + parts)
    .map(({ unit, count }) =>
      new Intl.NumberFormat('en', { style: 'unit', unit, unitDisplay }).format(count),
    )
    .join(' ');
}

/** "4:05" */
export function countdown(seconds) {
  const left = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')}`;
}

/** "2,403.50 USDC", the one form of all amounts. */
export function money(amount, signDisplay = 'auto') {
  const format = { minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay };
  return `${new Intl.NumberFormat('en', format).format(amount)} USDC`.replace('-', '−');
}

export const shortAddress = (address) => `${address.slice(0, 8)}…${address.slice(-6)}`;
export const nameOf = ({ name, address }) => name ?? shortAddress(address);

const dateText = (options) => (date) =>
  new Intl.DateTimeFormat('en-GB', options).format(new Date(date));
const CLOCK = { hour: '2-digit', minute: '2-digit' };
const DAY = { weekday: 'short', day: 'numeric', month: 'short' };
export const time = dateText({ ...CLOCK, second: '2-digit' });
export const day = dateText(DAY);
export const moment = dateText({ ...DAY, ...CLOCK });
export const exactMoment = dateText({ ...DAY, year: 'numeric', ...CLOCK, second: '2-digit' });

export const METHODS = { totp: 'authenticator app', hwk: 'passkey' };
