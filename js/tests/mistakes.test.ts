// The list of mistakes: which pictures of each kind of head, in which order, in which words, and what a click explains.
import { describe, expect, test, vi } from "vitest";
import sample from "../../tests/fixtures/protocol/survey.json";
import { card } from "../dev/card.ts";
import { type Found, judgeOf, usualError } from "../src/judge.ts";
import type { Head, Told } from "../src/protocol.ts";
import { type Row, type Said, surveyOf } from "../src/told.ts";
import type { Message } from "./harness.ts";
import { mount, type Page, withPages } from "./mount.ts";

withPages();

const one = { label: "", width: 224, height: 224, box: [0, 0, 224, 224], input: [224, 224] };
const DATASET = {
  images: [
    { id: "d-0", at: 0, ...one },
    { id: "d-40", at: 40, ...one },
  ],
  image: 40,
  gallery: { count: 5000, labelled: true, name: "d", unread: 5000 },
  predictions: { image: "d-40", heads: {} },
};
const requests = (page: Page, kind: string): Message[] => page.of("request").filter((m) => m["kind"] === kind);

const found = (at: number, said: Said): Found => ({ row: { at, image: `d-${at}`, problem: null, heads: {} }, said });
const places = (list: Found[]): number[] => list.map(({ row }) => row.at);
const wanted = (filter: string, pick = "", limit = 0) => ({ filter, pick, limit });

describe("of classes", () => {
  const judge = judgeOf({ name: "style", kind: "classes", classes: ["gothic", "roman", "greek"] });
  const classes = (truth: number | null, top: number, next: number, ...p: [number, number, number]): Said => ({
    true: truth,
    top,
    next,
    p,
  });
  const FOUND = [
    classes(0, 0, 1, 0.9, 0.1, 0.9),
    classes(0, 1, 0, 0.65, 0.35, 0.35),
    classes(2, 1, 0, 0.99, 0.01, 0),
    classes(0, 1, 2, 0.5, 0.4, 0.1),
    classes(null, 2, 0, 0.41, 0.4, 0.41),
  ].map((said, at) => found(at, said));

  test("come with the surest first, what is unsure with the closest first", () => {
    expect(places(judge.listed(FOUND, wanted("wrong")))).toEqual([2, 3, 1]);
    expect(places(judge.listed(FOUND, wanted("unsure")))).toEqual([4, 3]);
    expect(places(judge.listed(FOUND, wanted("all")))).toEqual([0, 1, 2, 3, 4]);
  });

  test("can be of one confusion, and the most frequent comes first", () => {
    expect(judge.kinds(FOUND)).toEqual([
      ["0>1", "gothic taken for roman", 2],
      ["2>1", "greek taken for roman", 1],
    ]);
    expect(places(judge.listed(FOUND, wanted("wrong", "0>1")))).toEqual([3, 1]);
  });
});

const THINGS = ["tree", "car", "dog"];
const LABELS: Head = { name: "things", kind: "labels", classes: THINGS };
const labels = (truth: number[] | null, p: Record<number, number>): Said => ({
  true: truth,
  labels: Object.keys(p).map(Number),
  p: Object.values(p),
});

describe("of labels", () => {
  const judge = judgeOf(LABELS);
  const FOUND = [
    labels([0], { 0: 0.9, 1: 0.3 }), // right
    labels([0, 2], { 0: 0.2, 1: 0.6, 2: 0.97 }), // misses the tree, invents a car
    labels([], { 1: 0.99 }), // invents a car
    labels([0], { 0: 0.45 }), // misses the tree by little
    labels(null, { 2: 0.52 }), // nobody knows
  ].map((said, at) => found(at, said));
  const plain = (text: string): string => text.replaceAll("\u00a0", " ");
  const verdict = (at: number, filter = "wrong", pick = "") => {
    const made = judge.verdict(FOUND[at]?.said as Said, wanted(filter, pick));
    return { ...made, said: plain(made.said), truth: plain(made.truth) };
  };

  test("a picture is wrong where one label at least is missed or invented, the surest first", () => {
    expect(places(judge.listed(FOUND, wanted("wrong")))).toEqual([2, 1, 3]);
    expect(places(judge.listed(FOUND, wanted("all")))).toEqual([0, 1, 2, 3, 4]);
    expect(judge.tally(FOUND)).toEqual([", 25.0 % right", "3 of 4 wrong"]);
    expect(judge.tally(FOUND.slice(4))).toEqual(["", ""]);
  });

  test("can be of one label that is missed, or of one that is invented", () => {
    expect(judge.kinds(FOUND)).toEqual([
      ["invented 1", "invented car", 2],
      ["missed 0", "missed tree", 2],
    ]);
    expect(places(judge.listed(FOUND, wanted("wrong", "missed 0")))).toEqual([1, 3]);
    expect(places(judge.listed(FOUND, wanted("wrong", "invented 1")))).toEqual([2, 1]);
    expect(places(judge.listed(FOUND, wanted("wrong", "invented 2")))).toEqual([]);
  });

  test("a probability near a half is unsure, whatever is true", () => {
    expect(places(judge.listed(FOUND, wanted("unsure")))).toEqual([4, 3, 1]);
    expect(verdict(1, "unsure")).toMatchObject({ said: "invented car 60.0 %", ask: "Explain car, which was invented" });
    expect(verdict(4, "unsure")).toMatchObject({ said: "dog 52.0 %", ask: "Explain dog" });
  });

  test("say what is missed and what is invented, and what there is", () => {
    expect(verdict(1)).toEqual({
      said: "missed tree 20.0 %",
      truth: "in truth tree, dog; also invented car 60.0 %",
      ask: "Explain tree, which was missed",
      target: { head: "things", index: 0, versus: null },
    });
    expect(verdict(2)).toMatchObject({ said: "invented car 99.0 %", truth: "in truth none" });
    expect(verdict(0, "all")).toMatchObject({ said: "tree 90.0 %", truth: "right", ask: "Explain tree" });
    expect(verdict(4, "all")).toMatchObject({ said: "dog 52.0 %", truth: "truth unknown" });
  });

  test("what is explained is the label that was chosen", () => {
    expect(verdict(1, "wrong", "invented 1")).toMatchObject({
      said: "invented car 60.0 %",
      truth: "in truth tree, dog; also missed tree 20.0 %",
      ask: "Explain car, which was invented",
      target: { head: "things", index: 1, versus: null },
    });
  });

  test("where the model says none, the likeliest is named", () => {
    const said = labels([], { 0: 0.3 });
    expect(judge.verdict(said, wanted("all"))).toMatchObject({ said: "none (tree 30.0\u00a0%)", truth: "right" });
  });
});

describe("of values", () => {
  const judge = judgeOf({ name: "age", kind: "value", unit: "years" });
  const values = (...pairs: [number | null, number][]): Found[] =>
    pairs.map(([truth, value], at) => found(at, { true: truth, value }));
  const FOUND = values([4.5, 5.7], [7, 6.9], [3, 1], [2, 2], [null, 9]);

  test("the largest error comes first, and what is unknown last", () => {
    expect(places(judge.listed(FOUND, wanted("all")))).toEqual([2, 0, 1, 3, 4]);
    expect(places(judge.listed(FOUND, wanted("off", "", 0.5)))).toEqual([2, 0]);
    expect(judge.tally(FOUND)).toEqual([", mean error 0.825 years", "mean error 0.825 years"]);
  });

  test("can be too high or too low, by more than a number", () => {
    expect(places(judge.listed(FOUND, wanted("high", "", 0)))).toEqual([0]);
    expect(places(judge.listed(FOUND, wanted("low", "", 0)))).toEqual([2, 1]);
    expect(places(judge.listed(FOUND, wanted("low", "", 0.5)))).toEqual([2]);
    expect(places(judge.listed(FOUND, wanted("high", "", 2)))).toEqual([]);
    expect(judge.filters["high"]).toEqual(["Too high", "None is too high by more than that."]);
  });

  test("say the value, the truth and the way from one to the other", () => {
    const words = FOUND.map(({ said }) => judge.verdict(said, wanted("all")));
    expect(words.map(({ said, truth }) => [said, truth])).toEqual([
      ["5.7 years", "in truth 4.5 years, 1.2 too high"],
      ["6.9 years", "in truth 7 years, 0.1 too low"],
      ["1 years", "in truth 3 years, 2 too low"],
      ["2 years", "in truth 2 years, right"],
      ["9 years", "truth unknown"],
    ]);
    expect(words[0]).toMatchObject({ ask: "Explain age", target: { head: "age", index: null, versus: null } });
  });

  test("off is what is more than the usual error, which nine in ten do not exceed", () => {
    const hundred = values(...Array.from({ length: 100 }, (_, i): [number, number] => [0, (i + 1) / 10]));
    expect(usualError(hundred)).toBe(9);
    expect(judge.listed(hundred, wanted("off", "", usualError(hundred)))).toHaveLength(10);
  });

  test.each([[[0.456]], [[0.5]], [[0.1, 0.9]], [[0.2, 0.3, 0.31]], [[12_345, 1]]])(
    "of a few pictures with errors of %j the worst is off",
    (errors) => {
      const few = values(...errors.map((error): [number, number] => [0, error]));
      expect(judge.listed(few, wanted("off", "", usualError(few))).length).toBeGreaterThan(0);
      expect(usualError(few)).toBe(Number(usualError(few).toPrecision(2)));
    },
  );

  test("where nothing is wrong nothing is off", () => {
    const right = values([1, 1], [2, 2]);
    expect(usualError(right)).toBe(0);
    expect(judge.listed(right, wanted("off", "", 0))).toEqual([]);
    expect([usualError([]), judge.tally([])]).toEqual([0, ["", ""]]);
  });
});

describe("the list", () => {
  function looked(): Page {
    const page = mount(DATASET);
    const part = page.root().querySelector<HTMLDetailsElement>(".sw-mistakes");
    if (part !== null) {
      part.open = true;
      part.dispatchEvent(new Event("toggle"));
    }
    const [asked] = requests(page, "survey");
    page.model.receive({ type: "accepted", job: 3, req: asked?.["req"], kind: "survey", args: {} });
    const row = (at: number, style: object): Message => ({ at, image: `d-${at}`, problem: null, heads: { style } });
    const rows = [
      row(0, { true: 0, top: 0, next: 1, p: [0.9, 0.1, 0.9] }),
      row(7, { true: 0, top: 1, next: 0, p: [0.8, 0.15, 0.15] }),
    ];
    page.model.receive({ type: "survey", job: 3, revision: card("done").revision, rows, done: 2, total: 1000 });
    page.paint();
    return page;
  }

  /** A page of a model with a head of labels and one of a value, that has looked at pictures. */
  function both(rows: Row[], options = {}): { page: Page; part: HTMLElement } {
    const about = { ...card("done"), heads: [LABELS, { name: "age", kind: "value", unit: "years" }] };
    const page = mount({ ...DATASET, card: about, target: "age", ...options });
    const part = page.root().querySelector(".sw-mistakes") as HTMLDetailsElement;
    part.open = true;
    part.dispatchEvent(new Event("toggle"));
    const [asked] = requests(page, "survey");
    page.model.receive({ type: "accepted", job: 3, req: asked?.["req"], kind: "survey", args: {} });
    const told = { type: "survey", job: 3, revision: about.revision, rows, done: rows.length, total: rows.length };
    page.model.receive(told);
    page.paint();
    return { page, part };
  }
  const ROWS: Row[] = Array.from({ length: 12 }, (_, at) => ({
    at,
    image: `d-${at}`,
    problem: null,
    heads: {
      things: labels(at % 2 ? [1] : [0], { 0: at === 4 ? 0.1 : 0.8, 1: at % 2 ? 0.9 : 0.02 }),
      age: { true: 10, value: at < 6 ? 10 - at : 10 + at / 10 },
    },
  }));
  const listed = (part: HTMLElement): string[] =>
    [...part.querySelectorAll<HTMLElement>(".sw-row-open")].map((row) => row.dataset["picture"] ?? "");
  const tags = (part: HTMLElement): string[] =>
    [...part.querySelectorAll(".sw-tag")].map((tab) => tab.textContent ?? "");
  const field = <T extends HTMLElement>(part: HTMLElement, name: string): T =>
    part.querySelector(`[data-field="mistakes-${name}"]`) as T;
  const choose = (select: HTMLSelectElement, value: string): void => {
    select.value = value;
    select.dispatchEvent(new Event("change"));
  };

  test("does not call a head right of which nothing is known to be true", () => {
    const rows = ROWS.map((row) => ({ ...row, heads: { ...row.heads, things: labels(null, { 0: 0.9 }) } }));
    const { page, part } = both(rows);
    choose(field<HTMLSelectElement>(part, "head"), "things");
    page.paint();
    expect(part.textContent).toContain("What is true of things was not given.");
    expect(part.textContent).not.toContain("None is wrong");
  });

  test("knows labels: one kind of mistake can be chosen, and its label is explained", () => {
    const { page, part } = both(ROWS);
    expect(tags(part)).toEqual(["Wrong 7", "Unsure 0", "All 12"]);
    const kinds = field<HTMLSelectElement>(part, "pair");
    expect([...kinds.options].map((option) => option.text)).toEqual([
      "Every mistake",
      "invented tree (6)",
      "missed tree (1)",
    ]);
    choose(kinds, "missed 0");
    expect(listed(part)).toEqual(["4"]);
    part.querySelector<HTMLElement>('[data-why="4"]')?.click();
    expect(requests(page, "explain").at(-1)?.["args"]).toMatchObject({
      image: "d-4",
      targets: [{ head: "things", index: 0, versus: null }],
    });
  });

  test("knows values: how far off is far is said in the unit, and can be changed", () => {
    const { page, part } = both(ROWS);
    choose(field(part, "head"), "age");
    expect(part.querySelector("summary")?.textContent).toBe("Mistakesmean error 1.68 years");
    expect(part.querySelector(".sw-off")?.textContent).toBe("Off by more thanyears");
    const limit = field<HTMLInputElement>(part, "limit");
    expect(limit.value).toBe("3.8");
    const hint = [...part.querySelectorAll("p")].find((one) => one.textContent?.startsWith("Nine in ten"));
    expect([hint?.textContent, hint?.hidden]).toEqual(["Nine in ten are off by about 3.8 years or less.", false]);
    expect([tags(part), listed(part)]).toEqual([
      ["Off 2", "Too high 0", "Too low 2", "All 12"],
      ["5", "4"],
    ]);
    limit.value = "0.9";
    limit.dispatchEvent(new Event("input"));
    expect(tags(part)).toEqual(["Off 7", "Too high 2", "Too low 5", "All 12"]);
    expect(hint?.hidden).toBe(true);
    part.querySelector<HTMLElement>('[data-filter="high"]')?.click();
    expect(listed(part)).toEqual(["11", "10"]);
    part.querySelector<HTMLElement>('[data-why="11"]')?.click();
    expect(requests(page, "explain").at(-1)?.["args"]).toMatchObject({
      image: "d-11",
      targets: [{ head: "age", index: null, versus: null }],
    });
  });

  test.each(["", "-1"])("a limit of %j is none, and the usual one comes back", (text) => {
    const { part } = both(ROWS);
    choose(field(part, "head"), "age");
    const limit = field<HTMLInputElement>(part, "limit");
    limit.focus();
    limit.value = text;
    limit.dispatchEvent(new Event("input"));
    expect([limit.value, tags(part)[0]]).toEqual([text, "Off 2"]);
    limit.dispatchEvent(new Event("blur"));
    expect(limit.value).toBe("3.8");
  });

  test("begins with the first head of which something is known, until another is chosen", () => {
    const unknown = ROWS.map((row) => ({ ...row, heads: { ...row.heads, things: labels(null, { 0: 0.8 }) } }));
    const { part } = both(unknown);
    expect(field<HTMLSelectElement>(part, "head").value).toBe("age");
    choose(field(part, "head"), "things");
    expect(field<HTMLSelectElement>(part, "head").value).toBe("things");
    expect([part.querySelector("summary")?.textContent, tags(part)[0]]).toEqual(["Mistakes", "Wrong 0"]);
  });

  test("nothing is looked at before the part is opened, and then a bounded number", () => {
    const page = mount(DATASET);
    vi.advanceTimersByTime(10_000);
    expect(requests(page, "survey")).toHaveLength(0);
    expect(requests(looked(), "survey")[0]?.["args"]).toEqual({ first: 0, count: 1000 });
  });

  test("are counted, and each says what is true and what is said", () => {
    const part = looked().root().querySelector(".sw-mistakes");
    expect(part?.querySelector("summary")?.textContent).toBe("Mistakes1 of 2 wrong");
    expect([...(part?.querySelectorAll(".sw-tag") ?? [])].map((tab) => tab.textContent)).toEqual([
      "Wrong 1",
      "Unsure 0",
      "All 2",
    ]);
    const rows = [...(part?.querySelectorAll(".sw-row-text") ?? [])].map((row) => row.textContent);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatch(/80\.0 %in truth .* \(15\.0 %\)$/);
  });

  test("a click shows the picture, and one on the question explains predicted rather than true", () => {
    const page = looked();
    page.root().querySelector<HTMLElement>('.sw-row-open[data-picture="7"]')?.click();
    expect(requests(page, "explain").at(-1)?.["args"]).toMatchObject({ image: "d-7", targets: [] });
    page.root().querySelector<HTMLElement>('[data-why="7"]')?.click();
    expect(requests(page, "explain").at(-1)?.["args"]).toMatchObject({
      image: "d-7",
      targets: [{ head: "style", index: 1, versus: 0 }],
    });
  });

  test("are not offered where nobody knows what is true", () => {
    expect(mount().root().querySelector<HTMLElement>(".sw-mistakes")?.hidden).toBe(true);
    expect(mount(DATASET).root().querySelector<HTMLElement>(".sw-mistakes")?.hidden).toBe(false);
  });

  test("more can be looked at when the first thousand are done", () => {
    const page = looked();
    const req = requests(page, "survey")[0]?.["req"];
    page.model.receive({ type: "survey", job: 3, revision: card("done").revision, rows: [], done: 1000, total: 1000 });
    page.model.receive({ type: "end", job: 3, req, status: "complete", code: null, message: null, ms: 9 });
    const more = [...page.root().querySelectorAll<HTMLElement>(".sw-mistakes button")].find(
      (button) => button.textContent === "Look at more",
    );
    more?.click();
    expect(requests(page, "survey").at(-1)?.["args"]).toEqual({ first: 1000, count: 1000 });
  });
});

test("rows that make no sense are dropped", () => {
  const told = (said: object): Told => {
    const rows = [{ at: 0, image: "a", problem: null, heads: { one: said } }];
    return { type: "survey", job: 1, data: null, revision: "r", rows, done: 1, total: 1 } as unknown as Told;
  };
  for (const bad of [
    { true: [0], labels: [0, 1], p: [0.5] },
    { true: 0, labels: [0], p: [0.5] },
    { true: [], labels: [], p: [] },
    { true: null, value: "1" },
    { true: [1], value: 1 },
  ]) {
    expect(surveyOf(told(bad))).toBeNull();
  }
  for (const good of [
    { true: [], labels: [0], p: [0.5] },
    { true: null, labels: [1], p: [0.5] },
    { true: null, value: 1 },
    { true: 2, value: -1.5 },
  ]) {
    expect(surveyOf(told(good))?.rows).toHaveLength(1);
  }
});

test("the kernel's own samples are understood, each by the judge of its head", () => {
  const surveys = sample.good.map(({ message }) => surveyOf({ ...message, data: null } as unknown as Told));
  const rows = surveys.flatMap((survey) => survey?.rows ?? []);
  expect(rows.map(({ at }) => at)).toEqual([0, 1, 2]);
  const things = rows[2]?.heads["things"];
  const judge = judgeOf(LABELS);
  expect(judge.takes(things) && judge.verdict(things, wanted("wrong")).ask).toBe("Explain tree, which was missed");
  expect(judgeOf({ name: "age", kind: "value" }).takes(rows[2]?.heads["age"])).toBe(true);
});
