// Bilinear interpolation of a coarse grid of numbers on a finer one, edges repeated, as PyTorch's; no canvas.

type Size = readonly [width: number, height: number];

/** Which two cells a pixel lies between, and how far from the first. */
function places(from: number, to: number): { low: Uint32Array; high: Uint32Array; share: Float32Array } {
  const at = Float64Array.from({ length: to }, (_, i) =>
    Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5)),
  );
  const low = Uint32Array.from(at, Math.floor);
  return {
    low,
    high: low.map((cell) => Math.min(from - 1, cell + 1)),
    share: Float32Array.from(at, (x) => x - Math.floor(x)),
  };
}

/** The values on a grid of `to` cells; the very same ones where that is the grid they are on. */
export function stretch<T extends ArrayLike<number>>(values: T, from: Size, to: Size): T | Float32Array {
  const [width, height] = to;
  if (width === from[0] && height === from[1]) {
    return values;
  }
  const xs = places(from[0], width);
  const ys = places(from[1], height);
  const out = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const above = (ys.low[y] as number) * from[0];
    const below = (ys.high[y] as number) * from[0];
    const down = ys.share[y] as number;
    for (let x = 0; x < width; x++) {
      const [left, right, along] = [xs.low[x] as number, xs.high[x] as number, xs.share[x] as number];
      const top = (values[above + left] as number) * (1 - along) + (values[above + right] as number) * along;
      const bottom = (values[below + left] as number) * (1 - along) + (values[below + right] as number) * along;
      out[y * width + x] = top * (1 - down) + bottom * down;
    }
  }
  return out;
}
