/**
 * Runs operations on one store side by side, in every order in which the store can answer them, and
 * one after another to compare with.
 */
import { setImmediate } from 'node:timers/promises';
import type { FailedChange, HeldStore } from './held-store.js';

/** @param index the number under which the store knows it */
export type Operation = (index: number) => Promise<unknown>;

/** What each operation gave, and what the store holds in the end. */
export interface Outcome {
  readonly results: readonly string[];
  readonly content: readonly (readonly [string, string])[];
}

/** Chooses one of so many, at each step of a run. */
type Choose = (step: number, options: number) => number;

interface Run {
  readonly outcome: Outcome;
  /** How many could have been let through at each step, and which one was. */
  readonly steps: readonly { readonly options: number; readonly chosen: number }[];
}

/** Runs operations one after another; of one that fails, what it has done by then stays done. */
export async function oneAfterAnother(
  store: HeldStore,
  operations: readonly Operation[],
  order: readonly number[],
  failed?: FailedChange,
): Promise<Outcome> {
  store.open(failed);
  const results: string[] = [];
  for (const index of order) {
    const operation = operations[index];
    if (operation !== undefined) results[index] = await resultOf(operation, index);
  }
  return { results, content: store.content() };
}

/**
 * Every order of the calls of all operations.
 *
 * @param begin fills the store for each run
 */
export async function* everyInterleaving(
  store: HeldStore,
  operations: readonly Operation[],
  begin: () => void,
  failed?: FailedChange,
): AsyncGenerator<Outcome> {
  let choices: readonly number[] | undefined = [];
  while (choices !== undefined) {
    const given: readonly number[] = choices;
    begin();
    const { outcome, steps } = await sideBySide(
      store,
      operations,
      (step) => given[step] ?? 0,
      failed,
    );
    yield outcome;
    choices = following(steps);
  }
}

/** One order of the calls of all operations. */
export async function sideBySide(
  store: HeldStore,
  operations: readonly Operation[],
  choose: Choose,
  failed?: FailedChange,
): Promise<Run> {
  store.hold(failed);
  const results: string[] = [];
  operations.forEach((operation, index) => {
    void resultOf(operation, index).then((result) => (results[index] = result));
  });
  const isSettled = (): boolean =>
    operations.every((_, index) => results[index] !== undefined || store.isWaiting(index));
  const steps: { options: number; chosen: number }[] = [];
  for (;;) {
    do await setImmediate();
    while (!isSettled());
    const waiting = store.waiting();
    const chosen = waiting.length > 1 ? choose(steps.length, waiting.length) : 0;
    const next = waiting[chosen];
    if (next === undefined) return { outcome: { results, content: store.content() }, steps };
    steps.push({ options: waiting.length, chosen });
    store.letThrough(next);
  }
}

/** The choices of the run after this one, in a search that goes deep first; none after the last. */
function following(steps: Run['steps']): readonly number[] | undefined {
  const last = steps.findLastIndex(({ options, chosen }) => chosen + 1 < options);
  if (last === -1) return undefined;
  return steps.slice(0, last + 1).map(({ chosen }, step) => (step === last ? chosen + 1 : chosen));
}

async function resultOf(operation: Operation, index: number): Promise<string> {
  try {
    return JSON.stringify((await operation(index)) ?? null);
  } catch (error) {
    return (error as { errorType?: string }).errorType ?? String(error);
  }
}
