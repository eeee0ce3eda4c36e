// How a value's size becomes its place on the colour scale: evenly, by its root, or by its rank; knows no colour.
import type { Field } from "./heatmap.ts";
import type { CurveName } from "./protocol.ts";

export interface Curve {
  /** Place of a size on the scale, 0..1 (more where it is beyond the end). */
  place(size: number): number;
  /** The size at a place. */
  size(place: number): number;
}

export interface Ranks {
  /** The share of the map's cells whose size is at most this. */
  all(size: number): number;
  /** The same among the cells that are not zero; 0 for a size of 0. */
  left(size: number): number;
  /** The smallest size that has at least this rank among those. */
  size(rank: number): number;
}

const BINS = 8192;

function countRanks({ values }: Field): Ranks {
  let top = 0;
  for (let i = 0; i < values.length; i++) {
    top = Math.max(top, Math.abs(values[i] as number));
  }
  // Bins of equal roots: most cells of a map are small, and there the bins are narrow.
  const toBin = top > 0 ? BINS / Math.sqrt(top) : 0;
  const binOf = (size: number): number => Math.min(BINS, Math.ceil(Math.sqrt(size) * toBin));
  const upTo = new Uint32Array(BINS + 1);
  const largest = new Float32Array(BINS + 1);
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i] as number);
    const bin = binOf(size);
    upTo[bin] = (upTo[bin] as number) + 1;
    largest[bin] = Math.max(largest[bin] as number, size);
  }
  for (let bin = 1; bin <= BINS; bin++) {
    upTo[bin] = (upTo[bin] as number) + (upTo[bin - 1] as number);
  }
  const zeros = upTo[0] as number;
  const nonzero = values.length - zeros;
  return {
    all: (size) => (upTo[binOf(size)] as number) / Math.max(1, values.length),
    left: (size) => (nonzero > 0 ? ((upTo[binOf(size)] as number) - zeros) / nonzero : 0),
    size: (rank) => largest[upTo.findIndex((count) => count > zeros && count - zeros >= rank * nonzero)] ?? 0,
  };
}

const known = new WeakMap<Field, Ranks>();

/** Ranks among a map's cells, counted once. */
export function ranksOf(field: Field): Ranks {
  let ranks = known.get(field);
  if (ranks === undefined) {
    ranks = countRanks(field);
    known.set(field, ranks);
  }
  return ranks;
}

export function curveOf(name: CurveName, end: number, field: Field): Curve {
  if (name === "rank") {
    const { left, size } = ranksOf(field);
    return { place: left, size };
  }
  if (name === "sqrt") {
    return {
      place: (size) => (end > 0 ? Math.sqrt(size / end) : 0),
      size: (place) => end * place * place,
    };
  }
  return { place: (size) => (end > 0 ? size / end : 0), size: (place) => end * place };
}
