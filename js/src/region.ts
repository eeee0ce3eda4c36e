// A region of the picture and how much of a map's evidence lies in it; counts cells by their centres, draws nothing.
import type { Box, Point } from "./viewport.ts";

export interface Region {
  readonly kind: "box" | "lasso";
  /** In the picture's pixels: two opposite corners, or the corners of a closed line. */
  readonly points: readonly Point[];
}

/** Any other part of a picture: which cells of a grid over what the model saw lie in it. */
export interface Area {
  inside(width: number, height: number): Uint8Array;
}

export interface Shares {
  /** Of all that speaks for (against) it, the share inside; null where there is none at all. */
  readonly positive: number | null;
  readonly negative: number | null;
  /** Of what the model saw. */
  readonly area: number;
}

interface Values {
  readonly values: ArrayLike<number>;
  readonly width: number;
  readonly height: number;
}

/** The corners of a box in order, whichever way it was drawn. */
export function boxOf(points: readonly Point[]): Box {
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

/** The region as a closed line. */
export function outline({ kind, points }: Region): readonly Point[] {
  if (kind === "lasso") {
    return points;
  }
  const [l, t, r, b] = boxOf(points);
  return [
    [l, t],
    [r, t],
    [r, b],
    [l, b],
  ];
}

/**
 * The cells whose centres lie inside, as 0 and 1; `box` is where the grid lies on the picture. A centre on a left or
 * upper edge is inside, on a right or lower one outside: of two regions that touch, exactly one has it.
 */
export function cells(region: Region, width: number, height: number, [l, t, r, b]: Box): Uint8Array {
  const inside = new Uint8Array(width * height);
  const corners = outline(region).map(
    ([x, y]): Point => [((x - l) / (r - l)) * width - 0.5, ((y - t) / (b - t)) * height - 0.5],
  );
  const [left, top, right, bottom] = boxOf(corners);
  const [x0, x1] = [Math.max(0, Math.floor(left)), Math.min(width - 1, Math.ceil(right))];
  for (let y = Math.max(0, Math.floor(top)); y <= Math.min(height - 1, Math.ceil(bottom)); y++) {
    // The line crosses this row at a few places; between each two of them it is inside.
    const at: number[] = [];
    for (let i = 0, j = corners.length - 1; i < corners.length; j = i++) {
      const [xi, yi] = corners[i] as Point;
      const [xj, yj] = corners[j] as Point;
      if (yi > y !== yj > y) {
        at.push(xi + ((y - yi) / (yj - yi)) * (xj - xi));
      }
    }
    at.sort((a, c) => a - c);
    for (let k = 0; k + 1 < at.length; k += 2) {
      const from = Math.max(x0, Math.ceil(at[k] as number));
      const to = Math.min(x1, Math.ceil(at[k + 1] as number) - 1);
      if (from <= to) {
        inside.fill(1, y * width + from, y * width + to + 1);
      }
    }
  }
  return inside;
}

/** What share of a map's evidence lies in the cells. */
export function shares({ values }: Values, inside: Uint8Array): Shares {
  let [up, upIn, down, downIn, count] = [0, 0, 0, 0, 0];
  for (let i = 0; i < inside.length; i++) {
    const v = values[i] as number;
    const within = inside[i] as number;
    count += within;
    if (v > 0) {
      up += v;
      upIn += within * v;
    } else {
      down -= v;
      downIn -= within * v;
    }
  }
  return {
    positive: up > 0 ? upIn / up : null,
    negative: down > 0 ? downIn / down : null,
    area: inside.length > 0 ? count / inside.length : 0,
  };
}
