// Lines of equal value: where they run, that they close, and that they end at the map's edge.
import { describe, expect, test } from "vitest";
import { contours, type Line } from "../src/contour.ts";

const grid = (width: number, height: number, value: (x: number, y: number) => number) => ({
  width,
  height,
  values: Float32Array.from({ length: width * height }, (_, i) =>
    value((i % width) + 0.5, Math.floor(i / width) + 0.5),
  ),
});
/** The area inside of a closed line. */
const area = ({ points }: Line): number =>
  Math.abs(
    points.reduce((sum, [x, y], i) => {
      const [nx, ny] = points[(i + 1) % points.length] ?? [0, 0];
      return sum + x * ny - nx * y;
    }, 0),
  ) / 2;

test("a slope has one straight line, from edge to edge, exactly where its value is reached", () => {
  const [line, ...more] = contours(
    grid(10, 6, (x) => x),
    4.3,
  );
  expect([line?.closed, more.length]).toEqual([false, 0]);
  for (const [x] of line?.points ?? []) {
    expect(x).toBeCloseTo(4.3, 5);
  }
  const ys = (line?.points ?? []).map(([, y]) => y);
  expect([Math.min(...ys), Math.max(...ys)]).toEqual([0, 6]);
});

test("a hill has one ring of the right size and place", () => {
  const hill = grid(60, 60, (x, y) => 20 - Math.hypot(x - 30, y - 28));
  const [ring, ...more] = contours(hill, 8);
  expect([ring?.closed, more.length]).toEqual([true, 0]);
  for (const [x, y] of ring?.points ?? []) {
    expect(Math.hypot(x - 30, y - 28)).toBeCloseTo(12, 0);
  }
  expect(ring && area(ring)).toBeCloseTo(Math.PI * 144, -1);
});

test("two hills have two rings below the saddle's height no more than above it", () => {
  const twins = grid(60, 30, (x, y) => Math.max(10 - Math.hypot(x - 18, y - 15), 10 - Math.hypot(x - 42, y - 15)));
  expect(contours(twins, 2).map(({ closed }) => closed)).toEqual([true, true]);
  expect(contours(twins, -4)).toHaveLength(1);
});

test.each([
  ["high", 0.2, "top right"],
  ["low", -0.4, "top left"],
])("opposite high corners are joined where the middle is %s, or kept apart", (_, low, first) => {
  const lines = contours({ values: Float32Array.of(1, low, low, 1), width: 2, height: 2 }, 0.5);
  const touched = lines.map(({ points }) => {
    const at = points.flatMap(([x, y]) => [
      ...(y === 0 ? ["top"] : y === 2 ? ["bottom"] : []),
      ...(x === 0 ? ["left"] : x === 2 ? ["right"] : []),
    ]);
    return [...new Set(at)].sort().reverse().join(" ");
  });
  expect(touched).toHaveLength(2);
  expect(touched).toContain(first);
});

describe("there is no line", () => {
  test.each([
    ["above the highest value", 2],
    ["at or below the lowest", 0],
  ])("%s", (_, level) => {
    expect(
      contours(
        grid(5, 5, (x) => (x > 2 ? 1 : 0)),
        level,
      ),
    ).toEqual([]);
  });
});

test("each crossing is used once: no line visits a place twice", () => {
  let state = 3;
  const noise = grid(24, 24, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  });
  const lines = contours(noise, 0.1);
  const places = lines.flatMap(({ points }) => points.map(([x, y]) => `${x.toFixed(6)} ${y.toFixed(6)}`));
  expect(new Set(places).size).toBe(places.length);
  for (const { points, closed } of lines) {
    const ends = [points[0], points.at(-1)];
    expect(closed || ends.every((p) => p && (p[0] <= 0 || p[1] <= 0 || p[0] >= 24 || p[1] >= 24))).toBe(true);
  }
});
