// Numbers and targets as a person reads them.
import { expect, test } from "vitest";
import { ticks } from "../src/colourbar.ts";
import { formatNumber, formatPercent, formatSeconds } from "../src/format.ts";
import { splitMaps } from "../src/maps.ts";
import type { Head, MapMeta, Picture } from "../src/protocol.ts";
import { mapFacts, remarks } from "../src/sentences.ts";
import { parseTarget, targetLabel } from "../src/targets.ts";
import { meta } from "./harness.ts";

test.each([
  [0, "0"],
  [0.01234, "0.0123"],
  [-1.5, "−1.5"],
  [1234.6, "1230"],
  [0.00004216, "4.22 × 10⁻⁵"],
  [1234567, "1.23 × 10⁶"],
  [0.00099999, "0.001"],
])("%d is written %s", (x, text) => {
  expect(formatNumber(x)).toBe(text);
});

test("a probability is never rounded to certainty", () => {
  expect([0, 0.00004, 0.5, 0.99996, 1].map(formatPercent)).toEqual([
    "0.0 %",
    "< 0.1 %",
    "50.0 %",
    "> 99.9 %",
    "100.0 %",
  ]);
});

test("times", () => {
  expect([12.4, 1234, 61_000].map(formatSeconds)).toEqual(["12 ms", "1.2 s", "1 min 1 s"]);
});

test("zero stands in the middle of a signed colour bar, and what speaks against is named by its value", () => {
  expect(ticks(2, "signed")).toEqual(["−2", "−1", "0", "1", "2"]);
  expect(ticks(2, "absolute")).toEqual(["0", "0.5", "1", "1.5", "2"]);
  expect(ticks(0.0011, "signed")).toEqual(["−0.0011", "−0.00055", "0", "0.00055", "0.0011"]);
  expect(ticks(2, "negative")).toEqual(["0", "−0.5", "−1", "−1.5", "−2"]);
});

test.each([
  [{ done: 1, total: 1, unit: "gradients" }, "1 gradient"],
  [{ done: 1, total: 1, unit: "forwards" }, "1 forward"],
  [{ done: 1, total: 50, unit: "gradients" }, "1 of 50 gradients"],
  [{ done: 50, total: 50, unit: "gradients" }, "50 gradients"],
  [{ done: 1, total: 1, unit: "pixels" }, undefined],
])("what a map cost is counted: %j", (cost, text) => {
  const about = { ...meta(), ms: 0, quality: [], ...cost } as unknown as MapMeta;
  const [map] = splitMaps(about, new Int16Array(2), { image: "img-0" });
  expect(map && mapFacts(map)).toEqual(text === undefined ? [] : [text]);
});

test.each([
  ["float32", []],
  ["bfloat16", ["bfloat16"]],
  ["float64", ["float64"]],
])("a precision that is not the usual one is said: %s", (precision, text) => {
  const about = { ...meta(), ms: 0, quality: [], total: 0, precision } as unknown as MapMeta;
  const [map] = splitMaps(about, new Int16Array(2), { image: "img-0" });
  expect(map && mapFacts(map)).toEqual(text);
});

test("the notes of the picture are told, and nothing where there are none", () => {
  const picture = { id: "i", label: "cat.jpg", width: 1, height: 1, box: [0, 0, 1, 1], input: [1, 1] } as Picture;
  const notes = ["rotated as its EXIF data says", "the first of 3 frames"];
  expect(remarks({ ...picture, notes })).toEqual(["cat.jpg: rotated as its EXIF data says; the first of 3 frames"]);
  expect(remarks({ ...picture, label: "", notes })[0]).toMatch(/^This picture: rotated/);
  expect(remarks(picture)).toEqual([]);
});

const HEADS: Head[] = [
  { name: "style", kind: "classes", classes: ["gothic", "a: b", "1 versus 1", "x"] },
  { name: "age", kind: "value", unit: "years" },
  { name: "seen", kind: "labels", classes: ["sky", "*"] },
];

test.each([
  ["style:gothic", "style: gothic", { head: "style", index: 0, versus: null }],
  ["style:a: b", "style: a: b", { head: "style", index: 1, versus: null }],
  ["style:1 versus 1", "style: 1 versus 1", { head: "style", index: 2, versus: null }],
  ["style:gothic versus x", "style: gothic rather than x", { head: "style", index: 0, versus: 3 }],
  ["style:*", "style: all outputs", { head: "style", index: -1, versus: null }],
  ["seen:sky versus *", "seen: sky rather than *", { head: "seen", index: 0, versus: 1 }],
  ["seen:*", "seen: *", { head: "seen", index: 1, versus: null }],
  ["style:3", "style: x", { head: "style", index: 3, versus: null }],
  ["age", "age", { head: "age", index: null, versus: null }],
])("%s", (text, label, target) => {
  expect(parseTarget(text, HEADS)).toEqual(target);
  expect(targetLabel(target, HEADS)).toBe(label);
});

test.each(["", "style", "style:nothing", "other:gothic", "style:99"])("%j is no target of this model", (text) => {
  expect(parseTarget(text, HEADS)).toBeNull();
});
