// What is drawn of a map: sign, Gaussian and clipping against direct computations.
import { describe, expect, test } from "vitest";
import { percentileOfAbsolute, scaleEnd } from "../src/clip.ts";
import { heatmap } from "../src/heatmap.ts";
import { smooth } from "../src/smooth.ts";

const random = (() => {
  let state = 7;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  };
})();
const noise = (n: number): Float32Array => Float32Array.from({ length: n }, random);

/** The Gaussian as its definition has it, in two dimensions at once. */
function direct(field: Float32Array, width: number, height: number, sigma: number): number[] {
  const radius = Math.ceil(3 * sigma);
  const clamp = (i: number, n: number): number => Math.min(n - 1, Math.max(0, i));
  return Array.from(field, (_, at) => {
    const [x, y] = [at % width, Math.floor(at / width)];
    let sum = 0;
    let weights = 0;
    for (let dy = -radius; dy <= radius; dy++) {
      for (let dx = -radius; dx <= radius; dx++) {
        const weight = Math.exp(-(dx * dx + dy * dy) / (2 * sigma * sigma));
        weights += weight;
        sum += weight * (field[clamp(y + dy, height) * width + clamp(x + dx, width)] as number);
      }
    }
    return sum / weights;
  });
}

describe("smoothing", () => {
  test.each([0.4, 1, 2.5])("with sigma %d is the Gaussian of its definition, edges repeated", (sigma) => {
    const field = noise(13 * 9);
    const expected = direct(field, 13, 9, sigma);
    smooth(field, 13, 9, sigma, sigma).forEach((v, i) => {
      expect(v).toBeCloseTo(expected[i] as number, 5);
    });
  });

  test("leaves a constant map constant, up to the edges", () => {
    for (const v of smooth(new Float32Array(35).fill(2), 7, 5, 3, 3)) {
      expect(v).toBeCloseTo(2, 5);
    }
  });

  test("spreads one pixel without losing any of it", () => {
    const field = new Float32Array(41 * 41);
    field[20 * 41 + 20] = 1;
    const out = smooth(field, 41, 41, 2, 2);
    expect(out.reduce((sum, v) => sum + v, 0)).toBeCloseTo(1, 5);
    expect(out[20 * 41 + 21]).toBeCloseTo(out[21 * 41 + 20] as number, 7);
  });

  test("works on a map that is smaller than the kernel", () => {
    expect([...smooth(Float32Array.of(1, 1), 2, 1, 10, 10)]).toEqual([expect.closeTo(1, 5), expect.closeTo(1, 5)]);
  });
});

describe("sign", () => {
  const map = { values: Int16Array.of(-4, 0, 2), scale: 0.5, width: 3, height: 1 };
  test.each([
    ["signed", [-2, 0, 1]],
    ["absolute", [2, 0, 1]],
    ["positive", [0, 0, 1]],
    ["negative", [2, 0, 0]],
  ] as const)("%s", (sign, expected) => {
    expect([...heatmap(map, sign, 0, [3, 1]).values]).toEqual(expected);
  });

  test("comes before the Gaussian: opposite neighbours do not cancel in an absolute map", () => {
    const pair = { values: Int16Array.of(1, -1, 1, -1), scale: 1, width: 4, height: 1 };
    for (const v of heatmap(pair, "absolute", 1, [4, 1]).values) {
      expect(v).toBeCloseTo(1, 5);
    }
  });

  test("says when it leaves nothing, and only then", () => {
    const negative = { ...map, values: Int16Array.of(-4, 0, -2) };
    expect(heatmap(negative, "positive", 1, [3, 1]).nothing).toBe(true);
    expect(heatmap(negative, "signed", 1, [3, 1]).nothing).toBe(false);
  });
});

describe("a map on a coarser grid than the input", () => {
  const pair = { values: Int16Array.of(0, 8), scale: 0.5, width: 2, height: 1 };

  test("is drawn on the input's, interpolated between the cells' centres, edges repeated", () => {
    // As torch.nn.functional.interpolate(mode="bilinear"): the centres lie at 1 and 3 of 4 pixels.
    const field = heatmap(pair, "signed", 0, [4, 2]);
    expect([field.width, field.height]).toEqual([4, 2]);
    expect([...field.values]).toEqual([0, 1, 3, 4, 0, 1, 3, 4]);
  });

  test("is interpolated before the sign is taken: between for and against lies nothing", () => {
    const against = { ...pair, values: Int16Array.of(-8, 8) };
    expect([...heatmap(against, "absolute", 0, [4, 1]).values]).toEqual([4, 2, 2, 4]);
    expect([...heatmap(against, "positive", 0, [4, 1]).values]).toEqual([0, 0, 2, 4]);
  });

  test("of seven by seven cells keeps its mean, and its peak where it belongs", () => {
    const values = new Int16Array(49);
    values[3 * 7 + 5] = 1000;
    const { values: drawn } = heatmap({ values, scale: 1, width: 7, height: 7 }, "signed", 0, [224, 224]);
    expect(drawn.reduce((sum, v) => sum + v, 0) / drawn.length).toBeCloseTo(1000 / 49, 2);
    const peak = drawn.indexOf(Math.max(...drawn));
    // Between the two pixels around the cell's centre, 3.5 and 5.5 cells from the corner.
    expect([Math.abs((peak % 224) - 175.5), Math.abs(Math.floor(peak / 224) - 111.5)]).toEqual([0.5, 0.5]);
  });

  test("is smoothed as much as a fine one, in the input's pixels", () => {
    const coarse = heatmap(pair, "signed", 3, [40, 10]).values;
    const stretched = heatmap(pair, "signed", 0, [40, 10]).values;
    const expected = direct(stretched, 40, 10, 3);
    coarse.forEach((v, i) => {
      expect(v).toBeCloseTo(expected[i] as number, 4);
    });
  });

  test("that is a finer one stays as it is, and sigma grows with it", () => {
    const fine = { values: Int16Array.of(0, 0, 10, 0, 0), scale: 1, width: 5, height: 1 };
    const [, , peak] = heatmap({ ...fine, width: 5 }, "signed", 0.5, [2.5, 0.5]).values;
    expect(peak).toBe(heatmap(fine, "signed", 1, [5, 1]).values[2]);
  });
});

describe("clipping", () => {
  /** As NumPy's default: linear between the ranks. */
  const sorted = (values: Float32Array, percent: number): number => {
    const all = Array.from(values, Math.abs).sort((a, b) => a - b);
    const rank = (percent / 100) * (all.length - 1);
    const low = Math.floor(rank);
    const [a, b] = [all[low] as number, all[Math.min(all.length - 1, low + 1)] as number];
    return a + (b - a) * (rank - low);
  };

  test.each([0, 12.5, 50, 90, 99, 99.5, 99.9, 100])("the percentile %d is exact", (percent) => {
    for (const values of [noise(1000), noise(37), noise(50176).map((v) => v ** 9), Float32Array.of(3)]) {
      expect(percentileOfAbsolute(values, percent)).toBeCloseTo(sorted(values, percent), 6);
    }
  });

  test("one outlier does not blind the scale", () => {
    const values = noise(10_000);
    values[5] = 1e6;
    expect(scaleEnd(values, 99.5)).toBeLessThan(1.01);
  });

  test("a sparse map keeps a scale: the largest value", () => {
    const values = new Float32Array(1000);
    values[3] = -2;
    expect(scaleEnd(values, 99)).toBe(2);
  });

  test("a map of zeros has no scale", () => {
    expect(scaleEnd(new Float32Array(10), 99)).toBe(0);
  });
});
