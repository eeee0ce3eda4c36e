// What is true stands beside what the model says: a class, all labels that are there, a value.
import { beforeEach, expect, test } from "vitest";
import { createHeads } from "../src/heads.ts";
import type { Head, Predictions, Truth } from "../src/protocol.ts";

const HEADS: Head[] = [
  { name: "style", kind: "classes", classes: ["gothic", "roman"] },
  { name: "seen", kind: "labels", classes: ["tower", "window", "people", "sky"] },
  { name: "age", kind: "value", unit: "years" },
];
const SAID = {
  style: { logits: [1, 0], probabilities: [0.7, 0.3] },
  seen: { logits: [3, 3, -3, -3], probabilities: [0.9, 0.8, 0.1, 0.2] },
  age: { value: 5.7 },
};

function draw(truth: Truth | undefined, heads: Predictions["heads"] | null = SAID, of: Head[] = HEADS, old = false) {
  const part = createHeads(() => {}, new AbortController().signal);
  document.body.replaceChildren(part.el);
  const told: Predictions = heads === null ? { image: "i" } : { image: "i", heads };
  part.update({ heads: of, predictions: told, target: null, old, truth });
  const notes = [...part.el.querySelectorAll(".sw-head-note")].map((note) => note.textContent);
  const rows = [...part.el.querySelectorAll('[data-head="seen"][role=option]')];
  const remarks = rows.map((row) => row.getAttribute("aria-description"));
  const marks = rows.map((row) => ["sw-true", "sw-wrong"].filter((name) => row.classList.contains(name)).join(" "));
  return { notes, remarks, marks, rows };
}

beforeEach(() => document.body.replaceChildren());

test("each head says what is true, and a value by how much it is off", () => {
  const { notes } = draw({ style: 1, seen: [0, 2], age: 4.5 });
  expect(notes).toEqual([
    "in truth roman",
    "in truth tower, people · each on its own",
    "in truth 4.5 years, off by 1.2",
  ]);
});

test("of labels one is true, one is not, one was missed, and one is rightly not said", () => {
  const { remarks, marks } = draw({ seen: [0, 2] });
  expect(remarks).toEqual(["true", "not true", "true, missed", null]);
  expect(marks).toEqual(["sw-true", "sw-wrong", "sw-true sw-wrong", ""]);
});

test("that no label is true is known too", () => {
  const { notes, remarks } = draw({ seen: [] });
  expect(notes[1]).toContain("in truth none");
  expect(remarks).toEqual(["not true", "not true", null, null]);
});

test("where nothing is known nothing is said of it", () => {
  const { notes, remarks, marks } = draw({});
  expect(notes).toEqual(["", "each on its own", ""]);
  expect([...remarks, ...marks].filter(Boolean)).toEqual([]);
});

test("while the model's answer is hidden the truth alone is told", () => {
  const { notes, remarks } = draw({ seen: [0, 2], age: 4.5 }, null);
  expect(notes[2]).toBe("in truth 4.5 years");
  expect(remarks).toEqual(["true", null, "true", null]);
});

test("an answer to the picture before is not judged by what is true of this one", () => {
  const { notes, remarks, marks } = draw({ style: 1, seen: [0, 2], age: 4.5 }, SAID, HEADS, true);
  expect(notes[2]).toBe("in truth 4.5 years");
  expect(remarks).toEqual(["true", null, "true", null]);
  expect(marks).toEqual(["sw-true", "", "sw-true", ""]);
});

test("of many true labels three are named, and all are in the list", () => {
  const classes = Array.from({ length: 40 }, (_, i) => `label ${i}`);
  const truth = [5, 11, 20, 31, 39];
  const seen = { logits: classes.map(() => -2), probabilities: classes.map((_, i) => (i < 10 ? 0.3 : 0.1)) };
  const { notes, rows } = draw({ seen: truth }, { seen }, [{ name: "seen", kind: "labels", classes }]);
  expect(notes[0]).toContain("in truth label 5, label 11, label 20 and 2 more");
  const places = rows.map((row) => Number((row as HTMLElement).dataset["class"]));
  expect(truth.filter((index) => !places.includes(index))).toEqual([]);
  expect(places).toHaveLength(14);
});
