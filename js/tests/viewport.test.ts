// Which part of a picture is in sight: there and back, about a point, and never beside the picture.
import { describe, expect, test } from "vitest";
import {
  FIT,
  type Frame,
  inside,
  maxZoom,
  onScreen,
  type Point,
  pan,
  showing,
  toPicture,
  toScreen,
  type Viewport,
  zoomAt,
} from "../src/viewport.ts";

const FRAME: Frame = { width: 512, height: 341, across: 640, down: 427 };
const VIEW: Viewport = { zoom: 3.7, x: 0.31, y: 0.62 };
const MOST = 70;

const close = (got: readonly number[], wanted: readonly number[]): void =>
  got.forEach((v, i) => void expect(v).toBeCloseTo(wanted[i] as number, 9));

test("the whole picture fits the panel, corner on corner", () => {
  close(onScreen(FIT, FRAME, [0, 0, 640, 427]), [0, 0, 512, 341]);
  close(toPicture(FIT, FRAME, [256, 170.5]), [320, 213.5]);
});

test.each([FIT, VIEW, { zoom: 60, x: 0.99, y: 0.01 }])("a point goes to the screen and back at %j", (view) => {
  for (const point of [
    [0, 0],
    [639.5, 426.5],
    [17.25, 311],
  ] as Point[]) {
    close(toPicture(view, FRAME, toScreen(view, FRAME, point)), point);
  }
});

test("a pixel is as large as the zoom makes it", () => {
  const [x0] = toScreen(VIEW, FRAME, [100, 100]);
  const [x1] = toScreen(VIEW, FRAME, [101, 100]);
  expect(x1 - x0).toBeCloseTo((3.7 * 512) / 640, 9);
});

describe("zooming about a point", () => {
  test.each([
    [0.5, 0.5],
    [0.25, 0.6],
    [0.7, 0.4],
  ] as Point[])("leaves what is under %j, %j where it is", (...at) => {
    const screen: Point = [at[0] * FRAME.width, at[1] * FRAME.height];
    const before = toPicture(VIEW, FRAME, screen);
    const after = toPicture(zoomAt(VIEW, 2.3, at, MOST), FRAME, screen);
    close(after, before);
  });

  test("and back again is where it began", () => {
    const there = zoomAt(VIEW, 1.5, [0.4, 0.4], MOST);
    const { zoom, x, y } = zoomAt(there, 1 / 1.5, [0.4, 0.4], MOST);
    close([zoom, x, y], [VIEW.zoom, VIEW.x, VIEW.y]);
  });

  test("ends at the whole picture and at the closest look", () => {
    expect(zoomAt(VIEW, 0.01, [0.2, 0.9], MOST)).toEqual(FIT);
    expect(zoomAt(VIEW, 1e6, [0.5, 0.5], MOST).zoom).toBe(MOST);
  });
});

test("nothing beside the picture comes in sight, wherever it is dragged", () => {
  for (const [du, dv] of [
    [9, 0],
    [-9, 4],
    [0.1, -30],
  ] as Point[]) {
    const view = pan(VIEW, du, dv, MOST);
    const [left, top] = toPicture(view, FRAME, [0, 0]);
    const [right, bottom] = toPicture(view, FRAME, [FRAME.width, FRAME.height]);
    expect(Math.min(left, top)).toBeGreaterThanOrEqual(-1e-9);
    expect(right).toBeLessThanOrEqual(640 + 1e-9);
    expect(bottom).toBeLessThanOrEqual(427 + 1e-9);
  }
});

test("a drag takes what is under the hand along", () => {
  const before = toPicture(VIEW, FRAME, [200, 150]);
  const after = toPicture(pan(VIEW, 30 / FRAME.width, -20 / FRAME.height, MOST), FRAME, [230, 130]);
  close(after, before);
});

test("a point that has left is brought back in sight by the smallest move, one in sight moves nothing", () => {
  expect(showing(VIEW, [VIEW.x + 0.02, VIEW.y], MOST)).toEqual(VIEW);
  const view = showing(VIEW, [0.9, 0.62], MOST);
  expect(Math.abs(0.9 - view.x)).toBeLessThan(0.5 / VIEW.zoom);
  expect(view.y).toBe(VIEW.y);
});

test("the closest look still shows six pixels of the shorter side, small pictures are enlarged eight times", () => {
  expect(maxZoom({ across: 600, down: 1200 })).toBe(100);
  expect(maxZoom({ across: 28, down: 28 })).toBe(8);
});

test("at fit there is one place only", () => {
  expect(inside({ zoom: 1, x: 0.9, y: 0.1 }, MOST)).toEqual(FIT);
});
