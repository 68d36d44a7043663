/**
 * Medians and their spread.
 */
export function median(values) {
  return quantile(values, 0.5);
}

/** Half of the distance between the quartiles: half of all rounds lie within it. */
export function spread(values) {
  return (quantile(values, 0.75) - quantile(values, 0.25)) / 2;
}

function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const below = sorted[Math.floor(at)];
  return below + (sorted[Math.ceil(at)] - below) * (at - Math.floor(at));
}
