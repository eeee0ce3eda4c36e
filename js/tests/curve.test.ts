// Sizes on the colour scale and back: clipping by rank and by mass, roots, ranks, ticks, thresholds; coarser grids.
import { describe, expect, test } from "vitest";
import { percentileOfAbsolute, sizeAtMass } from "../src/clip.ts";
import { colourTable } from "../src/colour.ts";
import { ticks } from "../src/colourbar.ts";
import { curveOf, ranksOf } from "../src/curve.ts";
import { mapMeta } from "../src/decode.ts";
import type { Field } from "../src/heatmap.ts";
import { createLayers, type Layer, ROUGH } from "../src/layer.ts";
import { type MapData, splitMaps } from "../src/maps.ts";
import type { Display, Mode } from "../src/protocol.ts";
import { reduce } from "../src/reduce.ts";
import { DISPLAY } from "../src/traits.ts";
import { meta } from "./harness.ts";

const field = (...values: number[]): Field => ({
  values: Float32Array.from(values),
  width: values.length,
  height: 1,
  nothing: false,
});

describe("clipping by mass", () => {
  const values = Float32Array.of(1, -2, 3, -4, 10);
  test.each([
    [5, 1],
    [50, 4],
    [51, 10],
    [15, 2],
    [30, 3],
    [100, 10],
  ])("%d %% of the evidence lies in sizes up to %d", (percent, end) => {
    expect(sizeAtMass(values, percent)).toBe(end);
  });

  test("is what adding up the sorted sizes gives, on a map of noise", () => {
    let state = 11;
    const noise = Float32Array.from({ length: 5000 }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      return (state / 2 ** 31) ** 7;
    });
    const sorted = Float32Array.from(noise, Math.abs).sort();
    const whole = sorted.reduce((sum, v) => sum + v, 0);
    for (const percent of [50, 80, 98, 99.5]) {
      let sum = 0;
      const expected = sorted.find((v) => {
        sum += v;
        return sum >= (whole * percent) / 100;
      });
      expect(sizeAtMass(noise, percent)).toBeCloseTo(expected as number, 6);
    }
  });

  test("has no end in a map of zeros", () => {
    expect([sizeAtMass(new Float32Array(4), 98), sizeAtMass(new Float32Array(0), 98)]).toEqual([0, 0]);
  });
});

describe("the scale", () => {
  test.each([
    ["linear", 0.25, 0.25],
    ["sqrt", 0.25, 0.5],
  ] as const)("%s puts a quarter of the end at its place, and back", (name, size, place) => {
    const curve = curveOf(name, 4, field(1));
    expect(curve.place(4 * size)).toBe(place);
    expect(curve.size(place)).toBe(4 * size);
    expect([curve.place(0), curve.place(4)]).toEqual([0, 1]);
  });

  test("rank puts each size at the share of the sizes that are no larger, zeros apart", () => {
    const curve = curveOf("rank", 99, field(0, 0, 1, -2, 4, 100));
    expect([0, 1, 2, 4, 100].map((v) => curve.place(v))).toEqual([0, 0.25, 0.5, 0.75, 1]);
    expect([curve.size(0), curve.size(1)]).toEqual([1, 100]);
    expect(curve.size(1 / 3)).toBeCloseTo(2, 6);
  });

  test("rank has equal places for equal sizes of both signs", () => {
    const curve = curveOf("rank", 1, field(-3, 3, 3, 7));
    expect(curve.place(3)).toBe(0.75);
  });

  test("of nothing puts nothing anywhere", () => {
    for (const name of ["linear", "sqrt", "rank"] as const) {
      expect(curveOf(name, 0, field(0, 0)).place(0)).toBe(0);
    }
  });
});

test("the rank of a reading counts all pixels, zeros too", () => {
  const { all } = ranksOf(field(0, 0, 1, 2));
  expect([0, 1, 2].map(all)).toEqual([0.5, 0.75, 1]);
});

test("ticks stand at even places with the map's own numbers", () => {
  const root = curveOf("sqrt", 0.8, field(1));
  expect(ticks(0.8, "positive", root.size)).toEqual(["0", "0.05", "0.2", "0.45", "0.8"]);
  expect(ticks(0.8, "signed", root.size)).toEqual(["−0.8", "−0.2", "0", "0.2", "0.8"]);
  const rank = curveOf("rank", 0, field(0, 1, 2, 3, 4, 5));
  expect(ticks(0, "negative", rank.size)).toEqual(["0", "−2", "−3", "−4", "−5"]);
});

describe("a layer", () => {
  const told = mapMeta({ ...meta(), shape: [1, 5], scales: [1] });
  const [map] = told === null ? [] : splitMaps(told, Int16Array.of(-4, 0, 1, 2, 100), { image: "i" });
  const layer = (mode: Mode, display: Partial<Display>) =>
    createLayers()(map as MapData, { ...DISPLAY, smooth: 0, ...display }, [5, 1], mode);
  const alpha = (mode: Mode, display: Partial<Display>): number[] =>
    [...layer(mode, display).pixels].filter((_, i) => i % 4 === 3);

  test("masks what is below the percentile of the sizes, and what is zero at any", () => {
    // Sizes 0 1 2 4 100: the median is 2.
    expect(alpha("mask", { mask: 50 })).toEqual([0, 255, 255, 0, 0]);
    expect(alpha("mask", { mask: 0 })).toEqual([0, 255, 0, 0, 0]);
    expect(layer("mask", { mask: 50 }).marks).toEqual([2]);
  });

  test("ends where it is clipped, by the one or the other rule", () => {
    expect(layer("map", { clip_by: "percentile", clip: 75 }).end).toBe(4);
    expect(layer("map", { clip_by: "mass", mass: 5 }).end).toBe(4);
  });

  test("spreads ranks over all colours, whatever one large value does", () => {
    const table = colourTable("grey");
    const greys = (display: Partial<Display>): number[] => {
      const { pixels } = layer("map", { sign: "absolute", colormap: "grey", clip: 100, ...display });
      return [0, 1, 2, 3, 4].map((i) => table.indexOf(pixels[4 * i] as number) / 3 / 255);
    };
    expect(Math.max(...greys({}).slice(0, 4))).toBeLessThan(0.05);
    [0.75, 0, 0.25, 0.5, 1].forEach((place, i) => {
      expect(greys({ curve: "rank" })[i]).toBeCloseTo(place, 2);
    });
  });

  test("is very large: drawn coarsely while a hand moves, with the same mean, and then exactly", () => {
    const size = 1024;
    const values = Int16Array.from({ length: size * size }, (_, i) => (i % 7) - 3 + (i % size > 500 ? 40 : 0));
    const big = { ...(map as MapData), values, width: size, height: size };
    const draw = createLayers();
    const display = { ...DISPLAY, smooth: 3 };
    const [rough, exact] = [ROUGH, undefined].map((most) => draw(big, display, [size, size], "overlay", most));
    expect([rough?.width, rough?.rough, exact?.width, exact?.rough]).toEqual([256, true, size, false]);
    const mean = (drawn: Layer | undefined): number =>
      (drawn?.field.values.reduce((a, b) => a + b, 0) ?? 0) / (drawn?.field.values.length ?? 1);
    expect(mean(rough)).toBeCloseTo(mean(exact), 2);
    expect(rough?.end).toBeCloseTo(exact?.end as number, 0);
  });
});

describe("a coarser grid", () => {
  test("holds the means of what its cells cover, parts of cells by their size", () => {
    expect([...reduce([1, 2, 3, 4, 5, 6], [6, 1], [3, 1])]).toEqual([1.5, 3.5, 5.5]);
    expect([...reduce([0, 3, 6], [3, 1], [2, 1])]).toEqual([1, 5]);
    expect([...reduce([1, 2, 3, 4], [2, 2], [1, 1])]).toEqual([2.5]);
  });

  test("keeps the mean of any map", () => {
    const values = Float32Array.from({ length: 35 }, (_, i) => (i * i) % 17);
    const mean = values.reduce((a, b) => a + b, 0) / 35;
    const small = reduce(values, [7, 5], [3, 2]);
    expect(small.reduce((a, b) => a + b, 0) / 6).toBeCloseTo(mean, 5);
  });
});

test("a percentile between two ranks lies between their values", () => {
  expect(percentileOfAbsolute(Float32Array.of(-1, 2, 4), 75)).toBe(3);
});
