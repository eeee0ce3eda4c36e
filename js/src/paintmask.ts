// What is painted over a picture, as bytes on a grid over what the model sees: strokes, and the strongest cells of a map;
// knows no element and asks nobody.
import type { Picture } from "./protocol.ts";
import { reduce } from "./reduce.ts";
import { stretch } from "./stretch.ts";
import type { Box, Point } from "./viewport.ts";

/** Cells a side, at most: the kernel takes no more. */
const MOST = 256;
const HIDDEN = 255;

export interface Grid {
  readonly width: number;
  readonly height: number;
  /** Where it lies on the picture. */
  readonly box: Box;
}

/** The grid of the model's input, or a coarser one of the same shape. */
export function gridOf({ input, box }: Pick<Picture, "input" | "box">): Grid {
  const scale = Math.min(1, MOST / Math.max(...input));
  const cells = (n: number): number => Math.max(1, Math.round(n * scale));
  return { width: cells(input[0]), height: cells(input[1]), box };
}

/**
 * Draws a round brush from one point to the next, radius and points in the picture's pixels. Its edge is as soft as a cell
 * is wide. What is hidden stays hidden under a second stroke; an erasing one shows it again.
 */
export function stroke(
  mask: Uint8Array,
  { width, height, box: [l, t, r, b] }: Grid,
  [from, to]: readonly [Point, Point],
  radius: number,
  erase: boolean,
): void {
  const [sx, sy] = [(r - l) / width, (b - t) / height];
  const cell = Math.max(Math.abs(sx), Math.abs(sy));
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const long = dx * dx + dy * dy;
  const span = (a: number, c: number, low: number, size: number, count: number): [number, number] => {
    const ends = [Math.min(a, c) - radius - cell, Math.max(a, c) + radius + cell].map((at) => (at - low) / size);
    return [Math.max(0, Math.floor(Math.min(...ends))), Math.min(count, Math.ceil(Math.max(...ends)))];
  };
  const [x0, x1] = span(from[0], to[0], l, sx, width);
  const [y0, y1] = span(from[1], to[1], t, sy, height);
  for (let y = y0; y < y1; y++) {
    const py = t + (y + 0.5) * sy - from[1];
    for (let x = x0; x < x1; x++) {
      const px = l + (x + 0.5) * sx - from[0];
      const along = long === 0 ? 0 : Math.min(1, Math.max(0, (px * dx + py * dy) / long));
      const far = Math.hypot(px - along * dx, py - along * dy);
      const by = HIDDEN * Math.min(1, Math.max(0, (radius - far) / cell + 0.5));
      const i = y * width + x;
      const before = mask[i] as number;
      mask[i] = erase ? Math.min(before, HIDDEN - by) : Math.max(before, by);
    }
  }
}

interface Values {
  readonly values: Float32Array;
  readonly width: number;
  readonly height: number;
}

/** The share of the cells that have the highest values, as 0 and 255. Of cells that are alike all are in, or none. */
export function strongest({ values }: Pick<Values, "values">, share: number): Uint8Array {
  const found = new Uint8Array(values.length);
  const count = Math.min(values.length, Math.round(share * values.length));
  if (count === 0) {
    return found;
  }
  const sorted = Float32Array.from(values).sort();
  const edge = sorted[values.length - count] as number;
  const split = sorted[values.length - count - 1] === edge;
  for (let i = 0; i < values.length; i++) {
    const v = values[i] as number;
    found[i] = v > edge || (v === edge && !split) ? HIDDEN : 0;
  }
  return found;
}

/** The strongest cells of a map hidden, or all but these, on the grid of the masks. */
export function fromMap(map: Values, share: number, keepThem: boolean, { width, height }: Grid): Uint8Array {
  const top = strongest(map, share);
  const size = [map.width, map.height] as const;
  const fine = map.width >= width && map.height >= height;
  const same = map.width === width && map.height === height;
  const on = same ? top : (fine ? reduce : stretch)(top, size, [width, height]);
  return Uint8Array.from(on, (v) => Math.round(keepThem ? HIDDEN - v : v));
}

/** Which share of what the model sees is hidden. */
export function hiddenShare(mask: Uint8Array): number {
  return mask.reduce((sum, v) => sum + v, 0) / (HIDDEN * Math.max(1, mask.length));
}
