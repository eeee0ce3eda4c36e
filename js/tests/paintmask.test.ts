// What painting over a picture computes: the mask that strokes and maps make, the scores of a target before and after.
import { describe, expect, test } from "vitest";
import { fromMap, type Grid, gridOf, hiddenShare, stroke, strongest } from "../src/paintmask.ts";
import { changeText, headsInOrder, scoreOf, scoresOf, tellingClasses } from "../src/paintscores.ts";
import type { Head } from "../src/protocol.ts";
import { veilOf } from "../src/veil.ts";

const grid = (width: number, height: number, box: Grid["box"] = [0, 0, width, height]): Grid => ({
  width,
  height,
  box,
});
const fresh = ({ width, height }: Grid): Uint8Array => new Uint8Array(width * height);

describe("the mask", () => {
  test("lies on the model's input, or on a coarser grid of its shape", () => {
    expect(gridOf({ input: [224, 160], box: [1, 2, 3, 4] })).toEqual({ width: 224, height: 160, box: [1, 2, 3, 4] });
    expect(gridOf({ input: [1024, 512], box: [0, 0, 9, 9] })).toMatchObject({ width: 256, height: 128 });
    expect(gridOf({ input: [3000, 2], box: [0, 0, 9, 9] })).toMatchObject({ width: 256, height: 1 });
  });

  test("a press is a disc of the brush's size, with a soft edge", () => {
    const at = grid(40, 40);
    const mask = fresh(at);
    stroke(
      mask,
      at,
      [
        [20, 20],
        [20, 20],
      ],
      8,
      false,
    );
    expect(hiddenShare(mask)).toBeCloseTo((Math.PI * 64) / 1600, 2);
    expect(mask[20 * 40 + 20]).toBe(255);
    expect(mask[20 * 40 + 31]).toBe(0);
    expect(mask.some((v) => v > 0 && v < 255)).toBe(true);
  });

  test("a drag hides all between two points, however far apart", () => {
    const at = grid(60, 20);
    const mask = fresh(at);
    stroke(
      mask,
      at,
      [
        [5, 10],
        [55, 10],
      ],
      3,
      false,
    );
    expect([...mask.subarray(10 * 60 + 5, 10 * 60 + 55)].every((v) => v === 255)).toBe(true);
    expect(hiddenShare(mask)).toBeCloseTo((50 * 6 + Math.PI * 9) / 1200, 2);
  });

  test("painting twice hides no more, and erasing shows it again", () => {
    const at = grid(40, 40);
    const mask = fresh(at);
    stroke(
      mask,
      at,
      [
        [20, 20],
        [20, 20],
      ],
      8,
      false,
    );
    const once = mask.slice();
    stroke(
      mask,
      at,
      [
        [20, 20],
        [20, 20],
      ],
      8,
      false,
    );
    expect(mask).toEqual(once);
    stroke(
      mask,
      at,
      [
        [20, 20],
        [20, 20],
      ],
      10,
      true,
    );
    expect(hiddenShare(mask)).toBe(0);
  });

  test("points are in the picture's pixels, wherever what the model sees lies on it, mirrored too", () => {
    const plain = grid(20, 20, [100, 50, 300, 250]);
    const turned = grid(20, 20, [300, 50, 100, 250]);
    const [one, other] = [fresh(plain), fresh(turned)];
    stroke(
      one,
      plain,
      [
        [150, 150],
        [150, 150],
      ],
      30,
      false,
    );
    stroke(
      other,
      turned,
      [
        [150, 150],
        [150, 150],
      ],
      30,
      false,
    );
    expect(one[10 * 20 + 5]).toBe(255);
    expect(one[10 * 20 + 14]).toBe(0);
    expect(other[10 * 20 + 14]).toBe(255);
    expect(hiddenShare(other)).toBeCloseTo(hiddenShare(one), 5);
  });

  test("a stroke beside what the model sees hides nothing", () => {
    const at = grid(20, 20, [100, 100, 200, 200]);
    const mask = fresh(at);
    stroke(
      mask,
      at,
      [
        [20, 20],
        [60, 40],
      ],
      15,
      false,
    );
    expect(hiddenShare(mask)).toBe(0);
  });
});

describe("the strongest of a map", () => {
  const values = Float32Array.of(0.1, -3, 2, 0.5, 0, 0, 0, 0);

  test("are those with the highest values, and no more of them than asked", () => {
    expect([...strongest({ values }, 0.25)]).toEqual([0, 0, 255, 255, 0, 0, 0, 0]);
    expect([...strongest({ values }, 0)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    expect(strongest({ values }, 1).every((v) => v === 255)).toBe(true);
  });

  test("of values that are alike all are in, or none", () => {
    expect([...strongest({ values }, 0.5)]).toEqual([255, 0, 255, 255, 0, 0, 0, 0]);
    expect([...strongest({ values }, 7 / 8)]).toEqual([255, 0, 255, 255, 255, 255, 255, 255]);
    expect(strongest({ values: new Float32Array(9) }, 0.3).some((v) => v > 0)).toBe(false);
  });

  test("hide exactly these, or all but these, and both together are the whole", () => {
    const map = { values: Float32Array.from({ length: 64 }, (_, i) => Math.sin(i * i)), width: 8, height: 8 };
    const [hide, only] = [fromMap(map, 0.25, false, grid(8, 8)), fromMap(map, 0.25, true, grid(8, 8))];
    expect(hiddenShare(hide)).toBe(0.25);
    expect(hide.every((v, i) => v + (only[i] as number) === 255)).toBe(true);
  });

  test("of a map on another grid keep their share", () => {
    const map = { values: Float32Array.from({ length: 4096 }, (_, i) => i), width: 64, height: 64 };
    expect(hiddenShare(fromMap(map, 0.25, false, grid(32, 32)))).toBeCloseTo(0.25, 2);
    const coarse = { values: Float32Array.from({ length: 64 }, (_, i) => i), width: 8, height: 8 };
    expect(hiddenShare(fromMap(coarse, 0.25, false, grid(32, 32)))).toBeCloseTo(0.25, 1);
  });
});

test("what is hidden lies over the picture as the kernel sees it, in stripes until it has said so", () => {
  const hidden = { grid: grid(2, 1), mask: Uint8Array.of(0, 128), behind: Uint8Array.of(1, 2, 3, 4, 5, 6) };
  expect([...veilOf(hidden).data]).toEqual([1, 2, 3, 0, 4, 5, 6, 128]);
  const unknown = veilOf({ ...hidden, behind: null }).data;
  expect(unknown[3]).toBe(0);
  expect(unknown[7]).toBe(128);
  expect(unknown[4]).toBe(unknown[5]);
});

const HEADS: Head[] = [
  { name: "style", kind: "classes", classes: ["a", "b", "c", "d", "e", "f"] },
  { name: "tags", kind: "labels", classes: ["x", "y"] },
  { name: "age", kind: "value", unit: "years" },
];
const soft = (logits: number[]) => {
  const sum = logits.reduce((all, z) => all + Math.exp(z), 0);
  return { logits, probabilities: logits.map((z) => Math.exp(z) / sum) };
};
const SAID = {
  style: soft([3, 1, 0, 0, 0, 0]),
  tags: { logits: [2, -2], probabilities: [0.8808, 0.1192] },
  age: { value: 40 },
};

describe("scores", () => {
  const of = (head: string, index: number | null, score: string, versus: number | null = null) =>
    scoreOf(SAID, HEADS, { head, index, versus }, score);

  test("are the ones that the kernel explains: logits, log-probabilities, probabilities, values", () => {
    expect(of("style", 0, "logit")).toBe(3);
    expect(of("style", 0, "logit", 1)).toBe(2);
    expect(of("style", -1, "logit")).toBe(4);
    expect(of("style", 1, "log_softmax")).toBeCloseTo(Math.log(SAID.style.probabilities[1] as number), 10);
    expect(of("tags", 1, "log_softmax")).toBeCloseTo(Math.log(0.1192), 3);
    expect(of("tags", 0, "probability")).toBe(0.8808);
    expect(of("age", null, "probability")).toBe(40);
    expect(of("nothing", 0, "logit")).toBeNull();
    expect(scoreOf(null, HEADS, { head: "style", index: 0, versus: null }, "logit")).toBeNull();
  });

  test("log-probabilities of far logits stay numbers", () => {
    const far = scoresOf({ logits: [900, -900], probabilities: [1, 0] }, "classes", "log_softmax");
    expect(far).toEqual([0, -1800]);
    expect(scoresOf({ logits: [-900], probabilities: [0] }, "labels", "log_softmax")).toEqual([-900]);
  });

  test("a change has its sign, and rounding is none", () => {
    expect(changeText(3, 1.75)).toBe("−1.25");
    expect(changeText(-1, 0.5)).toBe("+1.5");
    expect(changeText(3, 3.00001)).toBe("±0");
    expect(changeText(0, 0)).toBe("±0");
  });

  test("of many classes those are shown that tell what happened, the chosen one first", () => {
    const after = soft([0, 1, 0, 0, 0, 4]);
    const shown = tellingClasses(SAID.style, after, { head: "style", index: 2, versus: null });
    expect(shown[0]).toBe(2);
    expect(shown).toHaveLength(4);
    expect(shown).toContain(0);
    expect(shown).toContain(5);
  });

  test("the chosen head comes first, then what moved most", () => {
    const after = { ...SAID, tags: { logits: [0, -2], probabilities: [0.5, 0.1192] }, age: { value: 39 } };
    const order = (head: string | null): string[] =>
      headsInOrder(HEADS, SAID, after, head === null ? null : { head, index: null, versus: null }).map((h) => h.name);
    expect(order(null)).toEqual(["tags", "age", "style"]);
    expect(order("style")).toEqual(["style", "tags", "age"]);
    expect(headsInOrder(HEADS, SAID, SAID, null).map((h) => h.name)).toEqual(["style", "tags", "age"]);
  });
});
