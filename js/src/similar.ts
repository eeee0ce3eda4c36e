// How alike two maps are, in numbers, and what one has that the other has not; plain arithmetic, draws nothing.
import type { MapData } from "./maps.ts";
import { reduce } from "./reduce.ts";
import { stretch } from "./stretch.ts";

export interface Similarity {
  /** Pearson's correlation of the signed values; null where one of them is the same everywhere. */
  readonly linear: number | null;
  /** Spearman's: that of the ranks. */
  readonly rank: number | null;
  /** Of each map's strongest tenth of the pixels, the share that both have. */
  readonly shared: number;
}

/** Cells a side on which two maps are compared: finer ones say more about noise than about evidence. */
const CELLS = 256;
const STRONGEST = 0.1;
const FULL = 32767;

/** The values of a map on another grid, coarser by means or finer by interpolation. */
function onGrid({ values, width, height }: MapData, to: readonly [number, number]): ArrayLike<number> {
  const less = [Math.min(width, to[0]), Math.min(height, to[1])] as const;
  const coarse = less[0] === width && less[1] === height ? values : reduce(values, [width, height], less);
  return stretch(coarse as Float32Array, less, to);
}

/** Both maps on the finer one's grid, which has at most `CELLS` cells a side. */
function together(a: MapData, b: MapData, most: number): [ArrayLike<number>, ArrayLike<number>, [number, number]] {
  const to: [number, number] = [
    Math.min(most, Math.max(a.width, b.width)),
    Math.min(most, Math.max(a.height, b.height)),
  ];
  return [onGrid(a, to), onGrid(b, to), to];
}

function pearson(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  const n = a.length;
  let [sumA, sumB] = [0, 0];
  for (let i = 0; i < n; i++) {
    sumA += a[i] as number;
    sumB += b[i] as number;
  }
  const [meanA, meanB] = [sumA / n, sumB / n];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const [x, y] = [(a[i] as number) - meanA, (b[i] as number) - meanB];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa > 0 && bb > 0 ? Math.max(-1, Math.min(1, ab / Math.sqrt(aa * bb))) : null;
}

/** Ranks from 0, equal values sharing the mean of theirs. */
function ranks(values: ArrayLike<number>): Float64Array {
  const order = Uint32Array.from({ length: values.length }, (_, i) => i).sort(
    (i, j) => (values[i] as number) - (values[j] as number),
  );
  const out = new Float64Array(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start;
    while (end + 1 < order.length && values[order[end + 1] as number] === values[order[start] as number]) {
      end += 1;
    }
    for (let k = start; k <= end; k++) {
      out[order[k] as number] = (start + end) / 2;
    }
    start = end + 1;
  }
  return out;
}

/** The indices of the cells that are largest in size. */
function strongest(values: ArrayLike<number>): Set<number> {
  const order = Array.from({ length: values.length }, (_, i) => i).sort(
    (i, j) => Math.abs(values[j] as number) - Math.abs(values[i] as number),
  );
  return new Set(order.slice(0, Math.max(1, Math.round(STRONGEST * values.length))));
}

export function similarity(a: MapData, b: MapData): Similarity {
  const [x, y] = together(a, b, CELLS);
  const [top, other] = [strongest(x), strongest(y)];
  const both = [...top].filter((i) => other.has(i)).length;
  return { linear: pearson(x, y), rank: pearson(ranks(x), ranks(y)), shared: both / top.size };
}

/**
 * One map minus another; `per` are the sizes by which each is divided first: 1 and 1 for values in the same unit, the ends of
 * their own colour scales for maps that have none in common.
 */
export function difference(a: MapData, b: MapData, per: readonly [number, number]): MapData {
  const [x, y, [width, height]] = together(a, b, Number.POSITIVE_INFINITY);
  const [ka, kb] = [a.scale / (per[0] || 1), b.scale / (per[1] || 1)];
  const values = Float64Array.from(x, (v, i) => v * ka - (y[i] as number) * kb);
  const peak = values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  const same = per[0] === 1 && per[1] === 1;
  return {
    ...a,
    name: `${a.name} minus ${b.name}`,
    width,
    height,
    values: Int16Array.from(values, (v) => Math.round((v / (peak || 1)) * FULL)),
    scale: peak / FULL,
    scoreUnit: same ? a.scoreUnit : "share of each map's own scale",
    empty: peak > 0 ? null : "The two maps are the same everywhere.",
    quality: [],
    key: null,
    job: 0,
    seq: 0,
  };
}
