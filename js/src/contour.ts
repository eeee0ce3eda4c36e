// Lines of equal value through a grid of numbers, joined and in order; draws nothing and chooses no level.
import type { Point } from "./viewport.ts";

export interface Line {
  /** In cells: the first cell's centre is at 0.5, the grid's edge at 0. */
  readonly points: readonly Point[];
  readonly closed: boolean;
}

interface Grid {
  readonly values: ArrayLike<number>;
  readonly width: number;
  readonly height: number;
}

/** For each of the 16 ways in which corners are above: pairs of sides (0 top, 1 right, 2 bottom, 3 left) to join. */
const JOINS: readonly (readonly number[])[] = [
  [],
  [3, 0],
  [0, 1],
  [3, 1],
  [1, 2],
  [], // Two opposite corners: by the middle's value, below.
  [0, 2],
  [3, 2],
  [2, 3],
  [2, 0],
  [],
  [2, 1],
  [1, 3],
  [1, 0],
  [0, 3],
  [],
];

/** The lines at `level`. Edges are repeated outwards, so that a line ends at the grid's edge and not before it. */
export function contours({ values, width, height }: Grid, level: number): Line[] {
  const [w, h] = [width + 2, height + 2];
  const padded = new Float32Array(w * h);
  for (let y = 0; y < h; y++) {
    const row = Math.min(height - 1, Math.max(0, y - 1)) * width;
    for (let x = 0; x < w; x++) {
      padded[y * w + x] = values[row + Math.min(width - 1, Math.max(0, x - 1))] as number;
    }
  }
  const value = (x: number, y: number): number => padded[y * w + x] as number;
  const along = (i: number, n: number): number => Math.min(n, Math.max(0, i - 0.5));
  // Each crossing lies on one side between two cells and belongs to at most two squares: it is known by that side.
  const crossing = (x: number, y: number, side: number): number => {
    const down = side === 1 || side === 3;
    const [cx, cy] = [side === 1 ? x + 1 : x, side === 2 ? y + 1 : y];
    return 2 * (cy * w + cx) + (down ? 1 : 0);
  };
  const links = new Map<number, number[]>();
  const join = (a: number, b: number): void => {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const list = links.get(from);
      if (list === undefined) {
        links.set(from, [to]);
      } else {
        list.push(to);
      }
    }
  };
  for (let y = 0; y < h - 1; y++) {
    let a = value(0, y);
    let d = value(0, y + 1);
    for (let x = 0; x < w - 1; x++) {
      const b = value(x + 1, y);
      const c = value(x + 1, y + 1);
      const kind = (a >= level ? 1 : 0) + (b >= level ? 2 : 0) + (c >= level ? 4 : 0) + (d >= level ? 8 : 0);
      if (kind !== 0 && kind !== 15) {
        let sides = JOINS[kind] as readonly number[];
        if (kind === 5 || kind === 10) {
          const together = (a + b + c + d) / 4 >= level === (kind === 5);
          sides = together ? [0, 1, 2, 3] : [3, 0, 1, 2];
        }
        for (let k = 0; k < sides.length; k += 2) {
          join(crossing(x, y, sides[k] as number), crossing(x, y, sides[k + 1] as number));
        }
      }
      a = b;
      d = c;
    }
  }
  const at = (key: number): Point => {
    const [x, y] = [(key >> 1) % w, Math.floor((key >> 1) / w)];
    const from = value(x, y);
    if (key & 1) {
      const share = (level - from) / (value(x, y + 1) - from);
      return [along(x, width), along(y, height) + share * (along(y + 1, height) - along(y, height))];
    }
    const share = (level - from) / (value(x + 1, y) - from);
    return [along(x, width) + share * (along(x + 1, width) - along(x, width)), along(y, height)];
  };
  return chains(links).map(({ keys, closed }) => ({ points: keys.map(at), closed }));
}

/** Walks the links: first the lines with two ends, then what is left, which are rings. */
function chains(links: Map<number, number[]>): { keys: number[]; closed: boolean }[] {
  const found: { keys: number[]; closed: boolean }[] = [];
  const walk = (start: number): number[] => {
    const keys = [start];
    for (let now = start; ; ) {
      const next = links.get(now)?.pop();
      if (next === undefined) {
        return keys;
      }
      const back = links.get(next) as number[];
      back.splice(back.indexOf(now), 1);
      keys.push(next);
      now = next;
    }
  };
  for (const [key, ends] of links) {
    if (ends.length === 1) {
      found.push({ keys: walk(key), closed: false });
    }
  }
  for (const [key, ends] of links) {
    if (ends.length > 0) {
      const keys = walk(key);
      keys.pop(); // Back at the start.
      found.push({ keys, closed: true });
    }
  }
  return found;
}
