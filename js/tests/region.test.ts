// A marked region: which cells are inside, boundaries included, and what share of the evidence lies there.
import { expect, test } from "vitest";
import type { MapData } from "../src/maps.ts";
import type { Picture } from "../src/protocol.ts";
import { boxOf, cells, outline, type Region, shares } from "../src/region.ts";
import { sharesOf } from "../src/shares.ts";
import type { Box, Point } from "../src/viewport.ts";

const BOX: Box = [0, 0, 4, 3];
const box = (...points: Point[]): Region => ({ kind: "box", points });
const lasso = (...points: Point[]): Region => ({ kind: "lasso", points });
/** The cells of a 4 x 3 grid that lies on the picture's first 4 x 3 pixels, row by row. */
const inside = (region: Region, at: Box = BOX): string =>
  [...cells(region, 4, 3, at)].join("").replace(/(....)(?=.)/g, "$1 ");

test("a box has the cells whose centres it covers, whichever corner it was drawn from", () => {
  expect(inside(box([0.6, 0.2], [3, 2]))).toBe("0110 0110 0000");
  expect(inside(box([3, 2], [0.6, 0.2]))).toBe("0110 0110 0000");
});

test("a centre on a left or upper edge is inside, on a right or lower one outside", () => {
  expect(inside(box([0.5, 0.5], [2.5, 1.5]))).toBe("1100 0000 0000");
});

test("boxes that touch share no cell and leave none out", () => {
  for (const cut of [0.5, 1, 1.5, 2.25]) {
    const left = cells(box([0, 0], [cut, 3]), 4, 3, BOX);
    const right = cells(box([cut, 0], [4, 3]), 4, 3, BOX);
    expect([...left].map((v, i) => v + (right[i] as number))).toEqual(new Array(12).fill(1));
  }
});

test("triangles on both sides of a diagonal share no cell and leave none out", () => {
  const above = cells(lasso([0, 0], [4, 0], [4, 3]), 4, 3, BOX);
  const below = cells(lasso([0, 0], [4, 3], [0, 3]), 4, 3, BOX);
  expect([...above].map((v, i) => v + (below[i] as number))).toEqual(new Array(12).fill(1));
});

test("a line that goes round a hole leaves the hole out", () => {
  const ring = lasso([0, 0], [4, 0], [4, 3], [0, 3], [0, 0], [1, 1], [1, 2], [3, 2], [3, 1], [1, 1]);
  expect(inside(ring)).toBe("1111 1001 1111");
});

test("a region beyond the grid is cut off, one beside it has nothing", () => {
  expect(inside(box([-10, -10], [1.2, 50]))).toBe("1000 1000 1000");
  expect(inside(box([5, 0], [9, 3]))).toBe("0000 0000 0000");
});

test("the grid lies where the model saw the picture", () => {
  expect(inside(box([100, 50], [120, 60]), [100, 50, 140, 80])).toBe("1100 0000 0000");
});

test("shares are of each sign's own sum, and null where there is nothing of a sign", () => {
  const values = Float32Array.of(3, -1, 1, -3);
  expect(shares({ values, width: 4, height: 1 }, Uint8Array.of(1, 1, 0, 0))).toEqual({
    positive: 0.75,
    negative: 0.25,
    area: 0.5,
  });
  const all = shares({ values: Float32Array.of(1, 0), width: 2, height: 1 }, Uint8Array.of(0, 1));
  expect(all).toEqual({ positive: 0, negative: null, area: 0.5 });
});

test("a box is drawn by its four corners in order, a lasso as it is", () => {
  expect(
    boxOf([
      [5, 1],
      [2, 9],
    ] as Point[]),
  ).toEqual([2, 1, 5, 9]);
  expect(outline(box([3, 2], [1, 0]))).toEqual([
    [1, 0],
    [3, 0],
    [3, 2],
    [1, 2],
  ]);
});

test("a coarse map is counted as it is drawn, interpolated on the model's input", () => {
  const picture = { id: "p", label: "", width: 8, height: 2, box: [0, 0, 8, 2], input: [8, 2] } as Picture;
  const map = { values: Int16Array.of(4, 0), width: 2, height: 1, scale: 1 } as unknown as MapData;
  // Between the two centres, at 2 and 6, it falls evenly: 4 4 3.5 2.5 1.5 0.5 0 0.
  const { positive, area } = sharesOf(box([0, 0], [2, 2]), map, picture);
  expect(positive).toBeCloseTo(8 / 16, 6);
  expect(area).toBe(0.25);
});
