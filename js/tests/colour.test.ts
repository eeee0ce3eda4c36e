// Colour tables: ends, centre, lightness; and the map as pixels.
import { describe, expect, test } from "vitest";
import { COLORMAPS, colormapFor, colourTable, coverage, tableIndex, toOklab } from "../src/colour.ts";
import { mapMeta } from "../src/decode.ts";
import { createLayers } from "../src/layer.ts";
import { splitMaps } from "../src/maps.ts";
import { DISPLAY } from "../src/traits.ts";
import { meta } from "./harness.ts";

const at = (name: string, i: number): [number, number, number] => {
  const [r = 0, g = 0, b = 0] = colourTable(name).subarray(3 * i, 3 * i + 3);
  return [r, g, b];
};
const lightness = (name: string, i: number): number => toOklab(at(name, i))[0];
const names = (diverging: boolean): string[] => COLORMAPS.filter((c) => c.diverging === diverging).map((c) => c.name);

describe.each(names(false))("%s", (name) => {
  test("grows lighter from end to end", () => {
    for (let i = 1; i < 256; i++) {
      expect(lightness(name, i)).toBeGreaterThanOrEqual(lightness(name, i - 1) - 0.004);
    }
    expect(lightness(name, 255) - lightness(name, 0)).toBeGreaterThan(0.4);
  });
});

describe.each(names(true))("%s", (name) => {
  test("is nearly white at zero", () => {
    expect(Math.min(...at(name, 128))).toBeGreaterThan(235);
  });
  test("gives equal sizes equal lightness on both sides, darker with size", () => {
    for (let d = 1; d <= 127; d++) {
      expect(Math.abs(lightness(name, 128 + d) - lightness(name, 128 - d))).toBeLessThan(0.01);
      expect(lightness(name, 128 + d)).toBeLessThan(lightness(name, 128 + d - 1) + 0.004);
    }
  });
  test("differs between the sides as soon as there is anything to see", () => {
    const [, a1, b1] = toOklab(at(name, 128 + 30));
    const [, a2, b2] = toOklab(at(name, 128 - 30));
    expect(Math.hypot(a1 - a2, b1 - b2)).toBeGreaterThan(0.06);
  });
});

test("known ends of the sequential maps", () => {
  expect(at("viridis", 0)).toEqual([0x44, 0x01, 0x54]);
  expect(at("inferno", 255)).toEqual([0xfc, 0xff, 0xa4]);
  expect([at("grey", 0), at("grey", 255)]).toEqual([
    [0, 0, 0],
    [255, 255, 255],
  ]);
});

test("red is for and blue against", () => {
  const [r, , b] = at("red-blue", 220);
  expect(r).toBeGreaterThan(b);
  const [r2, , b2] = at("red-blue", 36);
  expect(b2).toBeGreaterThan(r2);
});

test("zero is the centre of a signed scale, values beyond the end take its colour, no scale divides by zero", () => {
  expect([-9, -1, 0, 1, 9].map((v) => tableIndex(v, 1, true))).toEqual([1, 1, 128, 255, 255]);
  expect([-1, 0, 1, 9].map((v) => tableIndex(v, 1, false))).toEqual([0, 0, 255, 255]);
  expect([tableIndex(3, 0, true), tableIndex(3, 0, false)]).toEqual([128, 0]);
});

test("what is zero lets the picture through, what is strong covers it", () => {
  expect([coverage(128, true), coverage(255, true), coverage(1, true)]).toEqual([0, 1, 1]);
  expect([coverage(0, false), coverage(255, false)]).toEqual([0, 1]);
});

test("a colormap of the wrong kind gives way to one that fits the sign", () => {
  expect(colormapFor("inferno", true).name).toBe("red-blue");
  expect(colormapFor("viridis", false).name).toBe("viridis");
});

describe("a layer", () => {
  const layers = createLayers();
  const told = mapMeta(meta());
  const [map] = told === null ? [] : splitMaps(told, Int16Array.of(-100, 50), { image: "img-0" });
  const display = { ...DISPLAY, smooth: 0, clip: 100 };
  if (map === undefined) {
    throw new Error("the sample map is broken");
  }

  test("has the colours of its values", () => {
    const layer = layers(map, display, [2, 1], "map");
    expect(layer.end).toBe(50);
    expect([...layer.pixels]).toEqual([...at("red-blue", 1), 255, ...at("red-blue", 192), 255]);
  });

  test("is the very same while nothing changes, so that nothing is painted again", () => {
    expect(layers(map, { ...display, opacity: 0.1 }, [2, 1], "map")).toBe(layers(map, display, [2, 1], "map"));
  });

  test("keeps a locked scale whatever the map", () => {
    const locked = layers(map, { ...display, locked: true, scale: 200 }, [2, 1], "overlay");
    expect(locked.end).toBe(200);
  });
});
