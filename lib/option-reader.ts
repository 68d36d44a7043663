/**
 * Reads options and collects every mistake in them. The names of the options are beside the code that
 * uses them.
 */
import { isNonEmptyString, isRecord } from './type-guards.js';

/**
 * Thrown when a middleware is created with invalid options, and passed to `next()` when a middleware
 * is mounted in the wrong place.
 *
 * @example
 * try {
 *   app.use(validateSession());
 * } catch (error) {
 *   if (error instanceof ConfigurationError) console.error(error.complaints.join('\n'));
 *   process.exitCode = 1;
 * }
 */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  /** One sentence for each mistake, with the name of the option and a correction. */
  readonly complaints: string[];

  constructor(complaints: readonly string[]) {
    super(complaints.length === 1 ? complaints[0] : complaints.map((c) => `\n- ${c}`).join(''));
    this.complaints = [...complaints];
  }
}

/**
 * The property in which a factory that must not throw leaves its complaints for `createSessions()`.
 */
export const carriedComplaints: unique symbol = Symbol('complaints');

/** The complaints that a factory has left on its product. */
export function complaintsOf(carrier: object): readonly string[] {
  return (carrier as { [carriedComplaints]?: readonly string[] })[carriedComplaints] ?? [];
}

/** Bounds of a number. */
export interface NumberRange {
  readonly min: number;
  readonly max?: number;
  readonly integer?: boolean;
}

/**
 * Reads an options object member by member and collects complaints instead of throwing. `undefined`
 * counts as absent. Every member that was not read before `end()` counts as misspelt.
 */
export class OptionReader<T extends object> {
  readonly #owner: string;
  readonly #given: Readonly<Record<string, unknown>>;
  readonly #complaints: string[];
  readonly #known = new Set<string>();

  constructor(owner: string, given: unknown, complaints: string[]) {
    this.#owner = owner;
    this.#complaints = complaints;
    this.#given = isRecord(given) ? given : {};
    if (given !== undefined && !isRecord(given)) {
      this.complain(`expects an object of options, not ${describe(given)}.`);
    }
  }

  complain(text: string): void {
    this.#complaints.push(`${this.#owner}: ${text}`);
  }

  /** The value as given. The name counts as known from now on. */
  value(name: keyof T & string): unknown {
    this.#known.add(name);
    return this.#given[name];
  }

  number(name: keyof T & string, range: NumberRange): number | undefined;
  number(name: keyof T & string, range: NumberRange, fallback: number): number;
  number(name: keyof T & string, range: NumberRange, fallback?: number): number | undefined {
    const value = this.value(name);
    if (value === undefined) return fallback;
    const { min, max = Number.MAX_SAFE_INTEGER, integer = false } = range;
    if (
      typeof value === 'number' &&
      value >= min &&
      value <= max &&
      (!integer || Number.isInteger(value))
    ) {
      return value;
    }
    const kind = integer ? 'a whole number' : 'a finite number';
    const bounds =
      range.max === undefined ? `of at least ${min}` : `between ${min} and ${range.max}`;
    this.complain(`\`${name}\` must be ${kind} ${bounds}, not ${describe(value)}.`);
    return fallback;
  }

  boolean(name: keyof T & string, fallback: boolean): boolean {
    const value = this.value(name);
    if (value === undefined || typeof value === 'boolean') return value ?? fallback;
    this.complain(`\`${name}\` must be true or false, not ${describe(value)}.`);
    return fallback;
  }

  string(name: keyof T & string): string | undefined;
  string(name: keyof T & string, fallback: string): string;
  string(name: keyof T & string, fallback?: string): string | undefined {
    const value = this.value(name);
    if (value === undefined) return fallback;
    if (typeof value === 'string' && value.trim() !== '') return value;
    this.complain(`\`${name}\` must be a non-empty string, not ${describe(value)}.`);
    return fallback;
  }

  choice<C extends string>(name: keyof T & string, choices: readonly C[], fallback: C): C {
    const value = this.value(name);
    if (value === undefined) return fallback;
    const found = choices.find((choice) => choice === value);
    if (found !== undefined) return found;
    this.complain(`\`${name}\` must be ${quotedList(choices)}, not ${describe(value)}.`);
    return fallback;
  }

  /** A list of non-empty strings with at least one entry. */
  strings(name: keyof T & string): readonly string[] | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.length > 0 && value.every(isNonEmptyString)) {
      return Object.freeze([...value]);
    }
    this.complain(
      `\`${name}\` must be a non-empty array of non-empty strings, not ${describe(value)}.`,
    );
    return undefined;
  }

  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller knows the type of its option
  function<F>(name: keyof T & string): F | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    if (typeof value === 'function') return value as F;
    this.complain(`\`${name}\` must be a function, not ${describe(value)}.`);
    return undefined;
  }

  /** Adds a complaint for every member that was not read. */
  end(): void {
    for (const name of Object.keys(this.#given)) {
      if (this.#given[name] === undefined || this.#known.has(name)) continue;
      this.complain(`there is no option \`${name}\`.${suggestion(name, this.#known)}`);
    }
  }
}

/** "Did you mean …?" with the nearest name, or else the list of known names. */
export function suggestion(name: string, known: Iterable<string>): string {
  const names = [...known];
  const nearest = names
    .map((candidate) => ({
      candidate,
      distance: unlikeness(name.toLowerCase(), candidate.toLowerCase()),
    }))
    .sort((a, b) => a.distance - b.distance)[0];
  if (nearest !== undefined && nearest.distance <= Math.max(2, nearest.candidate.length / 3)) {
    return ` Did you mean \`${nearest.candidate}\`?`;
  }
  return ` Known: ${names.map((n) => `\`${n}\``).join(', ')}.`;
}

/** The kind of a value, without a string's text, which may be a secret in the wrong place. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'nothing';
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : 'an array';
  if (value === '') return 'an empty string';
  if (typeof value === 'string' && value.trim() === '') return 'a blank string';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function quotedList(choices: readonly string[]): string {
  return choices.map((choice) => `'${choice}'`).join(' or ');
}

/** A shortened name, such as `maxAge`, counts as two wrong letters at most. */
function unlikeness(name: string, candidate: string): number {
  const distance = editDistance(name, candidate);
  return name.length > 2 && candidate.includes(name) ? Math.min(2, distance) : distance;
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
