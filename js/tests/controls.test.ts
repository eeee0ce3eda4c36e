// Controls drawn from a parameter's description.
import { expect, test } from "vitest";
import { fromPosition, paramControl, settle, toPosition } from "../src/controls.ts";
import type { Param, ParamValue } from "../src/protocol.ts";

const until = new AbortController().signal;
const STEPS: Param = { name: "steps", kind: "int", label: "Steps", default: 50, min: 1, max: 1000, log: true };
const NOISE: Param = { name: "noise", kind: "float", label: "Noise", default: 0.15, min: 0, max: 1, step: 0.01 };

function draw(param: Param) {
  const got: ParamValue[] = [];
  const control = paramControl(param, (value) => got.push(value), until);
  document.body.replaceChildren(control.el);
  control.set(param.default);
  const find = <T extends HTMLElement>(selector: string): T => {
    const found = control.el.querySelector<T>(selector);
    if (found === null) {
      throw new Error(`no ${selector}`);
    }
    return found;
  };
  return { control, got, find };
}
const fire = (element: HTMLElement, type: string): boolean => element.dispatchEvent(new Event(type, { bubbles: true }));
const key = (element: HTMLElement, name: string): boolean =>
  element.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }));

test("every value that a slider can stand at is one the range allows", () => {
  const log = { label: "", min: 1, max: 1000, step: 1, log: true, whole: true };
  for (let position = 0; position <= 1000; position++) {
    const value = fromPosition(position, log);
    expect(Number.isInteger(value) && value >= 1 && value <= 1000).toBe(true);
  }
  expect([fromPosition(0, log), fromPosition(1000, log)]).toEqual([1, 1000]);
  expect(fromPosition(toPosition(50, log), log)).toBeCloseTo(50, -1);
});

test("a logarithmic slider has its geometric mean in the middle", () => {
  expect(toPosition(10, { label: "", min: 1, max: 100, step: 1, log: true })).toBe(500);
});

test("steps are kept without the dust of binary fractions", () => {
  expect(settle(0.1 + 0.2, { label: "", min: 0, max: 1, step: 0.01 })).toBe(0.3);
});

test("an int is a slider with a number field that agree", () => {
  const { got, find } = draw(STEPS);
  const field = find<HTMLInputElement>("input[type=number]");
  const track = find<HTMLInputElement>("input[type=range]");
  expect(field.value).toBe("50");
  track.value = "1000";
  fire(track, "input");
  expect(field.value).toBe("1000");
  field.value = "20";
  fire(field, "change");
  expect(got).toEqual([1000, 20]);
  expect(Number(track.value)).toBe(toPosition(20, { label: "", min: 1, max: 1000, step: 1, log: true }));
});

test("a typed number outside the range is brought inside, and nonsense too", () => {
  const { got, find } = draw(STEPS);
  const field = find<HTMLInputElement>("input[type=number]");
  for (const typed of ["5000", "-3", ""]) {
    field.value = typed;
    fire(field, "change");
  }
  expect(got).toEqual([1000, 1, 1]);
});

test("an arrow key moves by one step", () => {
  const { got, find } = draw(NOISE);
  const track = find<HTMLInputElement>("input[type=range]");
  key(track, "ArrowRight");
  key(track, "ArrowLeft");
  key(track, "ArrowLeft");
  expect(got).toEqual([0.16, 0.15, 0.14]);
});

test("an arrow key always moves a logarithmic slider, at its small end too", () => {
  const { control, got, find } = draw(STEPS);
  control.set(1);
  key(find("input[type=range]"), "ArrowRight");
  expect(got).toEqual([2]);
});

test("a choice is a select of its choices", () => {
  const { got, find } = draw({
    name: "b",
    kind: "choice",
    label: "Baseline",
    default: "blur",
    choices: ["black", "blur", "two_colours"],
  });
  const select = find<HTMLSelectElement>("select");
  expect([select.value, [...select.options].map((o) => o.value)]).toEqual(["blur", ["black", "blur", "two_colours"]]);
  expect([...select.options].map((o) => o.text)).toEqual(["Black", "Blur", "Two colours"]);
  select.value = "black";
  fire(select, "change");
  expect(got).toEqual(["black"]);
});

test("a very small number is written with its power of ten, and may be typed so", () => {
  const { control, got, find } = draw({ ...NOISE, min: 1e-9, max: 1, log: true });
  control.set(1e-6);
  const field = find<HTMLInputElement>("input[type=number]");
  expect(field.value).toBe("1e-6");
  field.value = "2e-7";
  fire(field, "change");
  expect([field.value, got]).toEqual(["2e-7", [2e-7]]);
});

test("a bool is a checkbox", () => {
  const { got, find } = draw({ name: "x", kind: "bool", label: "Antithetic", default: true });
  const box = find<HTMLInputElement>("input[type=checkbox]");
  expect(box.checked).toBe(true);
  box.checked = false;
  fire(box, "change");
  expect(got).toEqual([false]);
});

test.each([STEPS, NOISE, { ...STEPS, kind: "choice", choices: ["a"] }] as Param[])(
  "every field of a $kind has a name",
  (param) => {
    const { control } = draw(param);
    for (const field of control.el.querySelectorAll<HTMLInputElement>("input, select")) {
      const named =
        field.getAttribute("aria-label") ?? control.el.querySelector(`label[for="${field.id}"]`)?.textContent;
      expect(named).toBe(param.label);
    }
  },
);
