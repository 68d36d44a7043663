/**
 * Statistics. What was measured is a list of blocks, each with new processes; a block is a list of
 * rounds; a round has one sample of each server, taken within a second of each other.
 */
const RESAMPLES = 1_000;

export function median(values) {
  return quantile(values, 0.5);
}

/**
 * What a server usually takes: over the blocks, the mean of the lower quartile of its rounds. The
 * lower quartile, because other work on the machine only ever adds to a round.
 *
 * @param member of its samples: `micros`, `p50`, `p99`; of `perSecond` it is the upper quartile
 */
export function usual(blocks, server, member = 'micros') {
  const share = member === 'perSecond' ? 0.75 : 0.25;
  const ofBlocks = blocks.map((rounds) =>
    quantile(
      rounds.map((round) => round[server][member]),
      share,
    ),
  );
  return ofBlocks.reduce((sum, value) => sum + value, 0) / ofBlocks.length;
}

/**
 * How two servers compare: over the blocks, the mean of the median of what `compare` makes of their
 * samples in one round, which other work on the machine disturbs alike.
 *
 * @param compare for instance a difference
 */
export function paired(blocks, one, other, member, compare) {
  const ofBlocks = blocks.map((rounds) =>
    median(rounds.map((round) => compare(round[one][member], round[other][member]))),
  );
  return ofBlocks.reduce((sum, value) => sum + value, 0) / ofBlocks.length;
}

function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const below = sorted[Math.floor(at)];
  return below + (sorted[Math.ceil(at)] - below) * (at - Math.floor(at));
}

/**
 * A figure with its 95 % interval, by the bootstrap: the figure is computed again from blocks that
 * are drawn with replacement, and from each of these, rounds that are.
 *
 * @param figureOf computes the figure from blocks
 */
export function estimate(blocks, figureOf) {
  const draws = Array.from({ length: RESAMPLES }, () =>
    figureOf(draw(blocks).map((rounds) => draw(rounds))),
  ).sort((a, b) => a - b);
  return {
    value: figureOf(blocks),
    low: draws[Math.floor(RESAMPLES * 0.025)],
    high: draws[Math.ceil(RESAMPLES * 0.975) - 1],
  };
}

function draw(values) {
  return values.map(() => values[Math.floor(Math.random() * values.length)]);
}

/** In another order each time, so that nobody is always the first. */
export function shuffled(values) {
  return values
    .map((value) => ({ value, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);
}
