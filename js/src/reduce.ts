// A finer grid of numbers as the means over the cells of a coarser one; no canvas.

type Size = readonly [width: number, height: number];

/** Which cells each new cell covers, and how much of each. */
function cover(from: number, to: number): { first: Uint32Array; weights: Float32Array[] } {
  const step = from / to;
  const first = Uint32Array.from({ length: to }, (_, i) => Math.floor(i * step));
  const weights = Array.from({ length: to }, (_, i) => {
    const [start, end] = [i * step, Math.min(from, (i + 1) * step)];
    const low = Math.floor(start);
    const count = Math.max(1, Math.ceil(end - 1e-9) - low);
    return Float32Array.from({ length: count }, (_, k) => {
      const part = Math.min(end, low + k + 1) - Math.max(start, low + k);
      return part / (end - start);
    });
  });
  return { first, weights };
}

/** Means over areas, down to `to` cells; `to` must not be larger than `from`. */
export function reduce(values: ArrayLike<number>, from: Size, to: Size): Float32Array {
  const [w, h] = to;
  const xs = cover(from[0], w);
  const ys = cover(from[1], h);
  const out = new Float32Array(w * h);
  const row = new Float32Array(from[0]);
  for (let y = 0; y < h; y++) {
    row.fill(0);
    const down = ys.weights[y] as Float32Array;
    for (let k = 0; k < down.length; k++) {
      const weight = down[k] as number;
      const start = ((ys.first[y] as number) + k) * from[0];
      for (let x = 0; x < row.length; x++) {
        row[x] = (row[x] as number) + weight * (values[start + x] as number);
      }
    }
    for (let x = 0; x < w; x++) {
      const along = xs.weights[x] as Float32Array;
      const start = xs.first[x] as number;
      let sum = 0;
      for (let k = 0; k < along.length; k++) {
        sum += (along[k] as number) * (row[start + k] as number);
      }
      out[y * w + x] = sum;
    }
  }
  return out;
}
