// The end of the colour scale: a percentile of the absolute values, or the size up to which a share of their sum lies;
// exact, in linear time; knows no colour.

const BINS = 1024;

function largest(values: Float32Array): number {
  let top = 0;
  for (let i = 0; i < values.length; i++) {
    top = Math.max(top, Math.abs(values[i] as number));
  }
  return Number.isFinite(top) ? top : 0;
}

/** The percentile (0..100, interpolated linearly between ranks) of |values|; 0 for a map of zeros. */
export function percentileOfAbsolute(values: Float32Array, percent: number): number {
  const top = largest(values);
  if (top === 0) {
    return 0;
  }
  const rank = (Math.min(100, Math.max(0, percent)) / 100) * (values.length - 1);
  const low = Math.floor(rank);
  if (low >= values.length - 1) {
    return top;
  }
  const counts = new Uint32Array(BINS + 1);
  const toBin = BINS / top;
  for (let i = 0; i < values.length; i++) {
    const bin = Math.floor(Math.abs(values[i] as number) * toBin);
    counts[bin] = (counts[bin] as number) + 1;
  }
  // Only the bins that hold the two ranks are sorted.
  let before = 0;
  let first = 0;
  while (before + (counts[first] as number) <= low) {
    before += counts[first] as number;
    first += 1;
  }
  let last = first;
  for (let upTo = before + (counts[first] as number); upTo <= low + 1; ) {
    last += 1;
    upTo += counts[last] as number;
  }
  const inside = Float32Array.from(
    values.filter((v) => {
      const bin = Math.floor(Math.abs(v) * toBin);
      return bin >= first && bin <= last;
    }),
    Math.abs,
  ).sort();
  const a = inside[low - before] as number;
  const b = inside[low + 1 - before] as number;
  return a + (b - a) * (rank - low);
}

/** The colour scale's end: the percentile, or the largest value where the percentile is zero (a sparse map). */
export function scaleEnd(values: Float32Array, percent: number): number {
  return percentileOfAbsolute(values, percent) || percentileOfAbsolute(values, 100);
}

/** The smallest size such that values up to it hold `percent` of the sum of all sizes; 0 for a map of zeros. */
export function sizeAtMass(values: Float32Array, percent: number): number {
  const top = largest(values);
  if (top === 0) {
    return 0;
  }
  const toBin = BINS / top;
  const sums = new Float64Array(BINS + 1);
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i] as number);
    const bin = Math.floor(size * toBin);
    sums[bin] = (sums[bin] as number) + size;
  }
  const wanted = (sums.reduce((all, sum) => all + sum, 0) * Math.min(100, Math.max(0, percent))) / 100;
  let held = 0;
  let bin = 0;
  while (bin < BINS && held + (sums[bin] as number) < wanted) {
    held += sums[bin] as number;
    bin += 1;
  }
  const inside = Float32Array.from(
    values.filter((v) => Math.floor(Math.abs(v) * toBin) === bin),
    Math.abs,
  ).sort();
  for (const size of inside) {
    held += size;
    // What is lost in adding up must not push the end to the next value.
    if (held >= wanted * (1 - 1e-9)) {
      return size;
    }
  }
  return top;
}
