// Separable Gaussian smoothing of one map, edges repeated, as Python's Explanation.heatmap does; no canvas.

/** Weights of offsets 0..ceil(3 sigma), normalised over both sides. */
export function gaussianWeights(sigma: number): Float32Array {
  const radius = Math.ceil(3 * sigma);
  const weights = Float64Array.from({ length: radius + 1 }, (_, i) => Math.exp(-(i * i) / (2 * sigma * sigma)));
  const sum = weights.reduce((total, w, i) => total + (i === 0 ? w : 2 * w), 0);
  return Float32Array.from(weights, (w) => w / sum);
}

/** Smoothed copy of a (height, width) field; sigmas in its own cells, 0 leaves an axis as it is. */
export function smooth(
  field: Float32Array,
  width: number,
  height: number,
  sigmaX: number,
  sigmaY: number,
): Float32Array {
  const rows = sigmaX > 0 ? alongRows(field, width, height, gaussianWeights(sigmaX)) : field;
  return sigmaY > 0 ? alongColumns(rows, width, height, gaussianWeights(sigmaY)) : rows;
}

function alongRows(field: Float32Array, width: number, height: number, weights: Float32Array): Float32Array {
  const out = new Float32Array(field.length);
  const radius = weights.length - 1;
  // One row with its edges repeated, so that the inner loop asks nothing.
  const padded = new Float32Array(width + 2 * radius);
  for (let y = 0; y < height; y++) {
    const start = y * width;
    padded.set(field.subarray(start, start + width), radius);
    padded.fill(field[start] as number, 0, radius);
    padded.fill(field[start + width - 1] as number, radius + width);
    for (let x = 0; x < width; x++) {
      const centre = x + radius;
      let sum = (weights[0] as number) * (padded[centre] as number);
      for (let k = 1; k <= radius; k++) {
        sum += (weights[k] as number) * ((padded[centre - k] as number) + (padded[centre + k] as number));
      }
      out[start + x] = sum;
    }
  }
  return out;
}

/** Whole rows are added at a time: walking down columns would miss the processor's cache. */
function alongColumns(field: Float32Array, width: number, height: number, weights: Float32Array): Float32Array {
  const out = new Float32Array(field.length);
  const radius = weights.length - 1;
  for (let y = 0; y < height; y++) {
    const row = out.subarray(y * width, (y + 1) * width);
    for (let k = 0; k <= radius; k++) {
      // The middle row stands for itself; of all others the two at the same distance share a weight.
      const weight = (weights[k] as number) * (k === 0 ? 0.5 : 1);
      const above = Math.max(0, y - k) * width;
      const below = Math.min(height - 1, y + k) * width;
      for (let x = 0; x < width; x++) {
        row[x] = (row[x] as number) + weight * ((field[above + x] as number) + (field[below + x] as number));
      }
    }
  }
  return out;
}
