// Heads by mouse and keyboard, with few classes, a thousand, and none.
import { beforeEach, describe, expect, test, vi } from "vitest";
import { card, predictions } from "../dev/card.ts";
import { underPicture } from "../src/arrange.ts";
import { createHeads } from "../src/heads.ts";
import type { Head, Predictions, Target } from "../src/protocol.ts";

const until = new AbortController().signal;

function draw(scenario: string, target: Target | null = null) {
  const { heads } = card(scenario);
  const chosen: Target[] = [];
  const part = createHeads((t) => chosen.push(t), until);
  document.body.replaceChildren(part.el);
  const told = { image: "i", heads: predictions(heads, 0) } as Predictions;
  const update = (next: Target | null, p: Predictions = told, h: readonly Head[] = heads) =>
    part.update({ heads: h, predictions: p, target: next, old: false });
  update(target);
  const options = (): HTMLElement[] => [...part.el.querySelectorAll<HTMLElement>("[role=option]")];
  const row = (head: string, cls: number): HTMLElement => {
    const found = part.el.querySelector<HTMLElement>(`[data-head="${head}"][data-class="${cls}"]`);
    if (found === null) {
      throw new Error(`no ${head}:${cls}`);
    }
    return found;
  };
  return { part, chosen, update, options, row, told };
}
const press = (name: string, on: Element | null = document.activeElement): void => {
  on?.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }));
};

beforeEach(() => document.body.replaceChildren());

test("each class of each head is an option, and a click chooses it", () => {
  const { options, row, chosen } = draw("done");
  expect(options()).toHaveLength(5);
  row("perspective", 1).click();
  expect(chosen).toEqual([{ head: "perspective", index: 1, versus: null }]);
});

test("one class of all heads is selected", () => {
  const { options, update } = draw("done");
  update({ head: "perspective", index: 0, versus: null });
  const selected = options().filter((o) => o.getAttribute("aria-selected") === "true");
  expect(selected.map((o) => [o.dataset["head"], o.dataset["class"]])).toEqual([["perspective", "0"]]);
});

test("arrows, Home and End walk a head and stop at its ends", () => {
  const { row, chosen } = draw("done");
  row("style", 0).focus();
  for (const name of ["ArrowDown", "ArrowDown", "ArrowDown", "Home", "End", "ArrowUp"]) {
    press(name);
  }
  expect(chosen.map((t) => t.index)).toEqual([1, 2, 0, 2, 1]);
  expect(document.activeElement).toBe(row("style", 1));
});

test("other keys are left alone, Tab above all", () => {
  const { row, chosen } = draw("done");
  row("style", 0).focus();
  const tab = new KeyboardEvent("keydown", { key: "Tab", bubbles: true, cancelable: true });
  document.activeElement?.dispatchEvent(tab);
  expect([tab.defaultPrevented, chosen]).toEqual([false, []]);
});

test("each head is one tab stop: its chosen class, or its first", () => {
  const { options } = draw("done", { head: "style", index: 2, versus: null });
  const stops = options().filter((o) => o.tabIndex === 0);
  expect(stops.map((o) => [o.dataset["head"], o.dataset["class"]])).toEqual([
    ["style", "2"],
    ["perspective", "0"],
  ]);
});

test("new predictions change bars and numbers, and keep the focus", () => {
  const { row, update, told } = draw("done");
  row("style", 1).focus();
  const before = row("style", 0).textContent;
  const style = { logits: [9, 0, 0], probabilities: [0.5, 0.25, 0.25] };
  update(null, { ...told, heads: { ...told.heads, style } });
  expect(row("style", 0).textContent).not.toBe(before);
  expect(row("style", 0).textContent).toContain("50.0 %");
  expect(document.activeElement).toBe(row("style", 1));
});

test("of a thousand classes the ten likeliest are drawn, likeliest first", () => {
  const { options, told } = draw("long");
  const scores = told.heads?.["object"] as { probabilities: number[] };
  const shown = options().map((o) => scores.probabilities[Number(o.dataset["class"])] as number);
  expect(shown).toHaveLength(10);
  expect(shown).toEqual([...scores.probabilities].sort((a, b) => b - a).slice(0, 10));
});

test("the chosen one of a thousand is always there", () => {
  const { options, row } = draw("long", { head: "object", index: 777, versus: null });
  expect(options()).toHaveLength(11);
  expect(row("object", 777).getAttribute("aria-selected")).toBe("true");
});

test("a search finds by part of the name, and Esc ends the search", () => {
  const { part, options, row } = draw("long");
  const filter = part.el.querySelector<HTMLInputElement>("input[type=search]");
  if (filter === null) {
    throw new Error("no search field");
  }
  filter.value = "SOLVEYLO 389";
  filter.dispatchEvent(new Event("input"));
  expect(options()).toHaveLength(1);
  press("ArrowDown", filter);
  expect(document.activeElement).toBe(row("object", 389));
  filter.value = "lo";
  filter.dispatchEvent(new Event("input"));
  expect(options().length).toBeLessThanOrEqual(40);
  press("Escape", filter);
  expect([filter.value, options().length]).toEqual(["", 10]);
});

test("Enter in the search chooses the likeliest class that it found; in an empty one it chooses nothing", () => {
  const { part, options, chosen } = draw("long");
  const filter = part.el.querySelector<HTMLInputElement>("input[type=search]") as HTMLInputElement;
  press("Enter", filter);
  expect(chosen).toEqual([]);
  filter.value = "lo";
  filter.dispatchEvent(new Event("input"));
  const first = options()[0] as HTMLElement;
  press("Enter", filter);
  expect(chosen).toEqual([{ head: "object", index: Number(first.dataset["class"]), versus: null }]);
  filter.value = "no class is called so";
  filter.dispatchEvent(new Event("input"));
  press("Enter", filter);
  expect(chosen).toHaveLength(1);
});

test("what a search finds is marked as the model's answer only if it is", () => {
  const { part, options } = draw("long");
  const best = (): number => part.el.querySelectorAll(".sw-best").length;
  const filter = part.el.querySelector<HTMLInputElement>("input[type=search]") as HTMLInputElement;
  const [answer, second] = options().map((o) => o.querySelector(".sw-option-name")?.textContent ?? "");
  for (const [name, marked] of [
    [answer, 1],
    [second, 0],
  ] as const) {
    filter.value = name as string;
    filter.dispatchEvent(new Event("input"));
    expect([options().length, best()]).toEqual([1, marked]);
  }
});

test("where probabilities are equal to the last bit, the logits say which class is the model's answer", () => {
  const { options, update, told, part } = draw("long");
  const logits = Array.from({ length: 1000 }, (_, i) => (i === 421 ? 3e-17 : 0));
  update(null, { ...told, heads: { ...told.heads, object: { logits, probabilities: logits.map(() => 0.001) } } });
  expect(options()[0]?.dataset["class"]).toBe("421");
  expect(part.el.querySelector<HTMLElement>(".sw-best")?.dataset["class"]).toBe("421");
});

test("of a long list the chosen class is scrolled into sight, and a hand that scrolls is left alone", () => {
  const { part, update } = draw("long");
  const list = part.el.querySelector<HTMLElement>(".sw-many");
  const filter = part.el.querySelector<HTMLInputElement>("input[type=search]");
  if (list === null || filter === null) {
    throw new Error("no long list");
  }
  // happy-dom lays nothing out: rows of 30 px, and ten of them in sight.
  Object.defineProperty(list, "clientHeight", { value: 300 });
  const pitch = vi.spyOn(HTMLElement.prototype, "offsetTop", "get");
  pitch.mockImplementation(function (this: HTMLElement) {
    return 30 * [...list.children].indexOf(this);
  });
  vi.spyOn(HTMLElement.prototype, "offsetHeight", "get").mockReturnValue(30);
  const last = (): Target => {
    const index = Number((list.lastElementChild as HTMLElement).dataset["class"]);
    return { head: "object", index, versus: null };
  };
  filter.value = "lo";
  filter.dispatchEvent(new Event("input"));
  update(last());
  expect([list.children.length, list.scrollTop]).toEqual([40, 900]);
  list.scrollTop = 100;
  update(last());
  expect(list.scrollTop).toBe(100);
  filter.value = "ka";
  filter.dispatchEvent(new Event("input"));
  expect(list.scrollTop).toBe(0);
});

test.each([
  ["a wide picture in a wide cell", "done", 342, true],
  ["a square one in a wide cell", "done", 512, false],
  ["a square one in a narrower cell", "done", 380, true],
  ["a square one beside a thousand classes", "long", 512, true],
])("%s: Display stands where there is room", (_name, scenario, height, under) => {
  expect(underPicture(card(scenario).heads, height)).toBe(under);
});

test("a thousand classes take few elements", () => {
  const { part } = draw("long");
  expect(part.el.querySelectorAll("*").length).toBeLessThan(100);
});

test("a regression head is one row with value and unit, chosen by click or Enter", () => {
  const { part, chosen } = draw("regression");
  const row = part.el.querySelector<HTMLElement>('[data-head="age"]');
  expect(row?.textContent).toContain("7.2 years");
  row?.click();
  press("Enter", row);
  expect(chosen).toEqual([
    { head: "age", index: null, versus: null },
    { head: "age", index: null, versus: null },
  ]);
});

test("of labels several are likely at once, and their numbers need not add up", () => {
  const { part, row, told } = draw("labels");
  expect([...part.el.querySelectorAll(".sw-best")].map((o) => o.getAttribute("data-class"))).toEqual(["0", "1"]);
  expect([0, 1, 2, 3].map((cls) => row("seen", cls).textContent)).toEqual([
    "tower98.2 %",
    "window99.3 %",
    "people21.8 %",
    "sky1.0 %",
  ]);
  const scores = told.heads?.["seen"] as { probabilities: number[] };
  expect(row("seen", 2).querySelector<HTMLElement>(".sw-bar-fill")?.style.transform).toBe(
    `scaleX(${scores.probabilities[2]})`,
  );
});

test("what was found out about a head stands under its name, of every kind", () => {
  const { part, update } = draw("regression");
  const heads = card("regression").heads.map((head) => ({ ...head, noted: `${head.name} ends in something` }));
  update(null, undefined, heads);
  const said = [...part.el.querySelectorAll(".sw-head")].map((head) => head.children[1]?.textContent);
  expect(said).toEqual(["Style ends in something", "Perspective ends in something", "Age ends in something"]);
});

describe("all outputs of a head", () => {
  const all = (part: { el: HTMLElement }): HTMLElement[] => [...part.el.querySelectorAll<HTMLElement>(".sw-all")];

  test("are one quiet row at the end of a head with several classes, and none of a value", () => {
    const { part, chosen } = draw("regression");
    expect(all(part).map((row) => row.getAttribute("aria-label"))).toEqual([
      "All outputs of style",
      "All outputs of perspective",
    ]);
    all(part)[1]?.click();
    expect(chosen).toEqual([{ head: "perspective", index: -1, versus: null }]);
  });

  test("are marked when they are chosen, and then no class is", () => {
    const { part, options, update } = draw("done");
    update({ head: "style", index: -1, versus: null });
    expect(all(part).map((row) => row.getAttribute("aria-pressed"))).toEqual(["true", "false"]);
    expect(options().filter((o) => o.getAttribute("aria-selected") === "true")).toEqual([]);
    // There is no class that another one could be set against.
    const fields = [...part.el.querySelectorAll<HTMLElement>("[data-field=versus]")];
    expect(fields.map((field) => field.parentElement?.hidden)).toEqual([true, true]);
  });

  test("are no class: a head with one has none", () => {
    const { part, update } = draw("done");
    update(null, {}, [{ name: "one", kind: "labels", classes: ["only"] }]);
    expect(all(part)).toEqual([]);
  });
});

describe("one class rather than another", () => {
  const GOTHIC: Target = { head: "style", index: 0, versus: null };
  const field = (part: { el: HTMLElement }, nth = 0): HTMLSelectElement =>
    part.el.querySelectorAll<HTMLSelectElement>("[data-field=versus]")[nth] as HTMLSelectElement;
  const shiftClick = (on: HTMLElement): boolean =>
    on.dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey: true }));

  test("is asked by Shift and a click, and ended by a click", () => {
    const { row, chosen, update } = draw("done", GOTHIC);
    shiftClick(row("style", 2));
    update({ ...GOTHIC, versus: 2 });
    row("style", 1).click();
    expect(chosen).toEqual([
      { head: "style", index: 0, versus: 2 },
      { head: "style", index: 1, versus: null },
    ]);
  });

  test.each([
    ["the chosen class itself", GOTHIC, "style", 0],
    ["a class of another head", GOTHIC, "perspective", 1],
    ["a class while nothing is chosen", null, "style", 2],
    ["a class while all outputs are chosen", { ...GOTHIC, index: -1 }, "style", 2],
  ])("%s is simply chosen by it", (_name, target, head, cls) => {
    const { row, chosen } = draw("done", target);
    shiftClick(row(head, cls));
    expect(chosen).toEqual([{ head, index: cls, versus: null }]);
  });

  test("does not mark text on the way", () => {
    const { row } = draw("done", GOTHIC);
    const down = (shiftKey: boolean): boolean =>
      row("style", 2).dispatchEvent(new MouseEvent("mousedown", { bubbles: true, cancelable: true, shiftKey }));
    expect([down(true), down(false)]).toEqual([false, true]);
  });

  test("is asked by keyboard or touch in a field of the chosen class's head", () => {
    const { part, chosen, update } = draw("done", GOTHIC);
    expect([field(part, 0), field(part, 1)].map((f) => f.closest<HTMLElement>("span")?.hidden)).toEqual([false, true]);
    expect([...field(part).options].map((o) => o.text)).toEqual([
      "rather than …",
      "rather than greek_roman",
      "rather than neoclassical",
    ]);
    field(part).value = "1";
    field(part).dispatchEvent(new Event("change"));
    update({ ...GOTHIC, versus: 1 });
    expect(field(part).value).toBe("1");
    field(part).value = "";
    field(part).dispatchEvent(new Event("change"));
    expect(chosen).toEqual([
      { ...GOTHIC, versus: 1 },
      { ...GOTHIC, versus: null },
    ]);
  });

  test("shows both in the list", () => {
    const { row } = draw("done", { ...GOTHIC, versus: 2 });
    expect(row("style", 0).getAttribute("aria-selected")).toBe("true");
    expect([1, 2].map((cls) => row("style", cls).getAttribute("aria-description"))).toEqual([null, "compared against"]);
    expect(row("style", 2).getAttribute("aria-selected")).toBe("false");
  });

  test("both of a thousand are there, and only those drawn are offered", () => {
    const { part, options } = draw("long", { head: "object", index: 777, versus: 888 });
    expect(options()).toHaveLength(12);
    expect(field(part).options).toHaveLength(12);
    expect(field(part).value).toBe("888");
  });
});

test("before the first prediction no number is invented", () => {
  const { row, update } = draw("done");
  update(null, {});
  expect(row("style", 0).textContent).toContain("–");
});
