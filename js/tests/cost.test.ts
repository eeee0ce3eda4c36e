// What a run will cost: counted from the card, timed by what this machine was seen to take, written as a person rounds.
import { describe, expect, test } from "vitest";
import { method as listed } from "../dev/card.ts";
import { Clock, roughly, unitsOf } from "../src/cost.ts";
import type { MapData } from "../src/maps.ts";
import type { Cost, Method } from "../src/protocol.ts";
import { mount, withPages } from "./mount.ts";

withPages();

const method = (cost: Cost | null, more: Partial<Method> = {}): Method =>
  listed("m", "M", "", "", { family: "paths", cost, ...more });
const STEPS = method({ base: 0, factor: 2, by: ["steps", "samples"], slides: false });
const WINDOWS = method(
  { base: 1, factor: 1, by: ["window", "stride"], slides: true },
  { unit: "forwards", name: "windows" },
);
const ONE = method({ base: 1, factor: 0, by: [], slides: false });
const SIZE = [224, 224];

const ran = (more: Partial<MapData>): MapData =>
  ({
    final: true,
    key: `${Math.random()}`,
    job: 1,
    unit: "gradients",
    method: "m",
    done: 50,
    ms: 2500,
    ...more,
  }) as MapData;

describe("the count", () => {
  test.each([
    ["one gradient", ONE, {}, SIZE, 1],
    ["twice the product of two parameters", STEPS, { steps: 50, samples: 3 }, SIZE, 300],
    ["the places of a window", WINDOWS, { window: 32, stride: 16 }, SIZE, 1 + 13 * 13],
    ["an input that is no square", WINDOWS, { window: 32, stride: 16 }, [64, 32], 1 + 3],
    ["a window that is larger than the input", WINDOWS, { window: 300, stride: 400 }, SIZE, 2],
    ["a stride that is larger than the window", WINDOWS, { window: 100, stride: 200 }, SIZE, 1 + 9],
  ] as const)("of %s", (_what, of, params, input, units) => {
    expect(unitsOf(of, params, input)).toBe(units);
  });
  test("of a method whose cost has no closed form, or of an older kernel's, is not guessed", () => {
    const { cost: _, ...older } = ONE;
    expect([unitsOf(method(null), {}, SIZE), unitsOf(older as Method, {}, SIZE)]).toEqual([null, null]);
    expect(new Clock().cost(method(null), {}, SIZE, false)).toEqual(["", ""]);
  });
});

test.each([
  [3, "under 0.1 s"],
  [99, "under 0.1 s"],
  [100, "about 0.1 s"],
  [2412, "about 2.4 s"],
  [2010, "about 2 s"],
  [9960, "about 10 s"],
  [24_400, "about 24 s"],
  [59_400, "about 59 s"],
  [59_600, "about 1 min"],
  [90_000, "about 1.5 min"],
  [170_000, "about 3 min"],
  [3_590_000, "about 1 h"],
  [5_400_000, "about 1.5 h"],
])("%d ms are said as %s", (ms, text) => {
  expect(roughly(ms)).toBe(text);
});

describe("the time", () => {
  const params = { steps: 25, samples: 1 };
  const said = (clock: Clock, of = STEPS): string => clock.cost(of, params, SIZE, false)[1];

  test("is not said before anything is known of this machine", () => {
    expect(new Clock().cost(STEPS, params, SIZE, false)).toEqual(["", "50 gradients"]);
  });
  test("comes from the first forward at first, a gradient as three of them", () => {
    const clock = new Clock();
    clock.hear(null, 20);
    expect(said(clock)).toBe("50 gradients, about 3 s here");
    expect(clock.cost(WINDOWS, { window: 32, stride: 16 }, SIZE, false)[1]).toBe("170 forwards, about 3.4 s here");
  });
  test("comes from runs once there are any, for forwards as well", () => {
    const clock = new Clock();
    clock.hear(ran({ ms: 3000 }), 20);
    expect(said(clock, { ...STEPS, name: "other" })).toBe("50 gradients, about 3 s here");
    expect(clock.cost(WINDOWS, { window: 32, stride: 16 }, SIZE, false)[0]).toBe("about 3.4 s");
    clock.hear(ran({ method: "rise", unit: "forwards", done: 100, ms: 1000 }));
    expect(clock.cost(WINDOWS, { window: 32, stride: 16 }, SIZE, false)[0]).toBe("about 1.7 s");
  });
  test("of a method that was run is its own", () => {
    const clock = new Clock();
    clock.hear(ran({ method: "quick", done: 1, ms: 4 }));
    clock.hear(ran({ method: "m", done: 50, ms: 5000 }));
    expect(said(clock)).toBe("50 gradients, about 5 s here");
  });
  test("follows what the newest runs took, and a run of one gradient does not throw it off", () => {
    const clock = new Clock();
    clock.hear(ran({ ms: 5000 }));
    clock.hear(ran({ done: 1, ms: 400 }));
    expect(said(clock)).toBe("50 gradients, about 5.6 s here");
    clock.hear(ran({ ms: 1000 }));
    clock.hear(ran({ ms: 1000 }));
    expect(said(clock)).toBe("50 gradients, about 1.4 s here");
  });
  test("is not learned from running maps, from those that came beside others, nor twice from one", () => {
    const clock = new Clock();
    for (const odd of [{ final: false }, { job: 0 }, { key: null }, { ms: 0 }]) {
      clock.hear(ran(odd));
    }
    expect(said(clock)).toBe("50 gradients");
    const kept = ran({ job: 0, ms: 90_000 });
    clock.hear(kept);
    clock.hear({ ...kept, job: 7 });
    expect(said(clock)).toBe("50 gradients");
    expect(clock.turn).toBe(0);
  });
  test("of a run that may stop by itself is the most that it takes", () => {
    const clock = new Clock();
    clock.hear(ran({}));
    expect(clock.cost({ ...STEPS, stops: true }, params, SIZE, true)[1]).toBe("At most 50 gradients, about 2.5 s here");
    expect(clock.cost(STEPS, params, SIZE, true)[1]).toBe("50 gradients, about 2.5 s here");
  });
  test("of what asks the model nothing is not said", () => {
    const clock = new Clock();
    clock.hear(ran({}));
    expect(clock.cost({ ...ONE, unit: "pixels" }, {}, SIZE, false)).toEqual(["", ""]);
  });
});

describe("on the page", () => {
  const priced = () => {
    const page = mount();
    const card = page.model.get("card") as { methods: Method[] };
    const methods = card.methods.map((m) => ({
      ...m,
      cost: m.params.some((p) => p.name === "steps") ? { base: 0, factor: 1, by: ["steps"], slides: false } : ONE.cost,
    }));
    page.model.update({
      card: { ...card, methods },
      predictions: { ...(page.model.get("predictions") as object), ms: 40 },
    });
    page.paint();
    return page;
  };
  const line = (page: ReturnType<typeof priced>): string => page.root().querySelector(".sw-cost")?.textContent ?? "";
  const option = (page: ReturnType<typeof priced>, name: string): string | undefined =>
    page.root().querySelector<HTMLOptionElement>(`option[value="${name}"]`)?.text;

  test("it stands under the chosen method and follows its slider while it moves", () => {
    const page = priced();
    expect(line(page)).toBe("50 gradients, about 6 s here");
    const track = page.root().querySelector<HTMLInputElement>('.sw-range[aria-label="Steps"]') as HTMLInputElement;
    track.value = "0";
    track.dispatchEvent(new Event("input"));
    page.paint();
    expect(line(page)).toBe("1 gradient, about 0.1 s here");
    expect(page.of("request")).toEqual([]);
  });
  test("it stands in the list beside each other method that applies, and beside none that does not", () => {
    const page = priced();
    expect(option(page, "gradient")).toBe("Gradient · about 0.1 s");
    expect(option(page, "integrated_gradients")).toBe("Integrated gradients");
    expect(option(page, "attention_rollout")).toBe("Attention rollout");
    page.choose("method", "gradient");
    page.paint();
    expect([option(page, "gradient"), option(page, "integrated_gradients")]).toEqual([
      "Gradient",
      "Integrated gradients · about 6 s",
    ]);
  });
});
