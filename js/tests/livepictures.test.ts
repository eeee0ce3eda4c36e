// The pictures that go to the kernel: their sizes, their colours, the crop that drifts, the rate at which they go.
import { describe, expect, test } from "vitest";
import { cropBox, drift } from "../src/crop.ts";
import { opaque } from "../src/grab.ts";
import { rate, sentSize } from "../src/livemaps.ts";
import type { Picture } from "../src/protocol.ts";

test("plain colours leave the opacity out", () => {
  expect([...opaque(Uint8ClampedArray.of(1, 2, 3, 255, 4, 5, 6, 255))]).toEqual([1, 2, 3, 4, 5, 6]);
});

describe("sizes", () => {
  const picture = (width: number, height: number, box: Picture["box"], input: Picture["input"]): Picture => ({
    id: "i",
    label: "",
    width,
    height,
    box,
    input,
  });
  test.each([
    [
      "what the model crops away is sent too",
      [640, 480],
      picture(298, 256, [37, 16, 261, 240], [224, 224]),
      [341, 256],
    ],
    [
      "a model that sees all gets as many pixels as it takes",
      [640, 480],
      picture(9, 9, [0, 0, 9, 9], [96, 96]),
      [128, 96],
    ],
    ["nothing is enlarged", [60, 40], picture(9, 9, [0, 0, 9, 9], [224, 224]), [60, 40]],
    ["a strip is no longer than a message may be", [4000, 100], picture(9, 9, [0, 0, 9, 9], [99, 99]), [1024, 26]],
  ] as const)("%s", (_what, size, shown, expected) => {
    expect(sentSize(size, shown)).toEqual(expected);
  });

  test("the rate of three frames in 200 ms is 10 a second, of one frame nothing", () => {
    expect(rate([0, 100, 200])).toBe(10);
    expect(rate([5])).toBe(0);
    expect(rate([])).toBe(0);
  });
});

describe("the crop", () => {
  test.each([
    [
      [0, 0],
      [0, 0, 50, 50],
    ],
    [
      [1, 1],
      [150, 50, 50, 50],
    ],
    [
      [0.5, 0.5],
      [75, 25, 50, 50],
    ],
  ] as const)("at %o of its way", (at, expected) => {
    expect(cropBox([200, 100], 1, 0.5, at)).toEqual(expected);
  });
  test("has the shape of the model's input and fits the picture", () => {
    expect(cropBox([200, 100], 4, 1, [0.5, 0.5])).toEqual([0, 25, 200, 50]);
  });
  test("drifts without leaving the picture", () => {
    const places = Array.from({ length: 400 }, (_, i) => drift(97 * i));
    expect(Math.min(...places.flat())).toBeGreaterThanOrEqual(0);
    expect(Math.max(...places.flat())).toBeLessThanOrEqual(1);
    expect(new Set(places.map(([x]) => Math.round(10 * x))).size).toBe(11);
  });
});
