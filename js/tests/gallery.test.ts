// Maps side by side: which there are, how alike two of them are, and that what is missing is asked for.
import { describe, expect, test } from "vitest";
import { cellsOf, runsOf, targetsOf } from "../src/cells.ts";
import type { MapData } from "../src/maps.ts";
import { difference, similarity } from "../src/similar.ts";
import type { SessionState } from "../src/state.ts";
import { type Message, meta, open } from "./harness.ts";
import { mount, type Page, withPages } from "./mount.ts";

withPages();

const map = (values: number[], width: number, more: Partial<MapData> = {}): MapData =>
  ({
    values: Int16Array.from(values),
    width,
    height: values.length / width,
    scale: 0.5,
    name: "a",
    scoreUnit: "logit",
    ...more,
  }) as MapData;

describe("two maps", () => {
  const one = map([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], 4);
  test("are wholly alike where they are the same, whatever their scales", () => {
    expect(similarity(one, { ...one, scale: 3 })).toEqual({ linear: 1, rank: 1, shared: 1 });
  });
  test("are opposites where one is the other's negative", () => {
    const found = similarity(
      one,
      map(
        [...one.values].map((v) => -v),
        4,
      ),
    );
    expect(found.linear).toBeCloseTo(-1);
    expect(found.rank).toBeCloseTo(-1);
  });
  test("agree in ranks where one bends the other", () => {
    const found = similarity(
      one,
      map(
        [...one.values].map((v) => v ** 3),
        4,
      ),
    );
    expect(found.rank).toBe(1);
    expect(found.linear).toBeLessThan(0.95);
  });
  test("ties share the mean of their ranks, as Spearman has it", () => {
    // scipy.stats.spearmanr([1, 2, 2, 3, 5, 0], [2, 1, 4, 4, 4, 0])
    expect(similarity(map([1, 2, 2, 3, 5, 0], 3), map([2, 1, 4, 4, 4, 0], 3)).rank).toBeCloseTo(0.8008534, 6);
  });
  test("of which one is the same everywhere have no correlation", () => {
    expect(similarity(one, map(Array(12).fill(7), 4))).toMatchObject({ linear: null, rank: null });
  });
  test("on different grids are compared on the finer one", () => {
    const coarse = map([0, 100], 2);
    const fine = map([0, 0, 100, 100, 0, 0, 100, 100], 4);
    expect(similarity(coarse, fine).linear).toBeGreaterThan(0.9);
  });
  test("in one unit are subtracted as they are", () => {
    const less = difference(
      one,
      map(
        [...one.values].map((v) => v - 2),
        4,
      ),
      [1, 1],
    );
    expect([...less.values].map((v) => v * less.scale)).toEqual(Array(12).fill(expect.closeTo(1, 4)));
    expect(less.scoreUnit).toBe("logit");
  });
  test("in different units are subtracted by their places on their own scales", () => {
    const apart = difference(one, { ...one, scale: 50 }, [6, 600]);
    expect(apart.empty).toContain("the same everywhere");
    expect(apart.scoreUnit).toContain("own scale");
  });
});

describe("what stands side by side", () => {
  const state = (): SessionState => open({ target: "style:gothic" }).session.store.get();
  test("is every class of every head, in the model's order", () => {
    const cells = cellsOf("targets", state());
    const classes = state().card.heads.flatMap((head) => (head.kind === "value" ? [head.name] : head.classes));
    expect(cells).toHaveLength(classes.length);
    expect(runsOf(cells)).toHaveLength(1);
    expect(runsOf(cells)[0]?.targets).toHaveLength(classes.length);
  });
  test("of a thousand classes the likeliest dozen", () => {
    const classes = Array.from({ length: 1000 }, (_, i) => `c${i}`);
    const probabilities = classes.map((_, i) => (i < 20 ? 0.01 * (20 - i) : 0));
    const head = { name: "h", kind: "classes" as const, classes };
    const predictions = { heads: { h: { logits: probabilities, probabilities } } };
    const found = targetsOf(head, predictions);
    expect(found.map((t) => t.index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });
  test("of the methods those that apply, what explains nothing last, each with its own defaults", () => {
    const cells = cellsOf("methods", state());
    const { card } = state();
    const names = cells.map((cell) => cell.args.method);
    expect(names).not.toContain(card.methods.find((m) => m.status === "no")?.name);
    const families = names.map((name) => card.methods.find((m) => m.name === name)?.family);
    const first = families.indexOf("controls");
    expect(first).toBeGreaterThan(0);
    expect(new Set(families.slice(first))).toEqual(new Set(["controls"]));
    expect(runsOf(cells)).toHaveLength(cells.length);
  });
});

describe("the part of the page", () => {
  const press = (page: Page, name: string): void => {
    const all = [...page.root().querySelectorAll<HTMLButtonElement>(".sw-gallery button")];
    all.find((one) => one.textContent === name)?.click();
    page.paint();
  };
  const asked = (page: Page): { n: Message; cells: Message[] }[] =>
    page
      .of("request")
      .filter((m) => m["kind"] === "grid")
      .map((m) => ({ n: m["req"] as Message, cells: (m["args"] as { cells: Message[] }).cells }));
  const tiles = (page: Page): HTMLElement[] => [...page.root().querySelectorAll<HTMLElement>(".sw-tile")];
  const arrive = (page: Page, cell: Message, index: number): void => {
    const target = (cell["targets"] as Message[])[index] as never;
    const values = new DataView(Int16Array.of(3, -3 - index).buffer);
    const about = meta({ target, method: cell["method"] as string, final: true });
    page.model.receive({ type: "cache", image: cell["image"], args: { ...cell, targets: [target] }, ...about }, [
      values,
    ]);
    page.paint();
  };

  test("asks for all classes in one request, and draws each as it comes", () => {
    const page = mount();
    press(page, "All classes");
    const [request] = asked(page);
    expect(request?.cells).toHaveLength(1);
    const [cell] = (request?.cells ?? []) as [Message];
    const targets = cell["targets"] as Message[];
    expect(tiles(page)).toHaveLength(targets.length);
    arrive(page, cell, 0);
    expect(tiles(page).map((tile) => tile.dataset["final"])).toEqual(["true", ...Array(targets.length - 1).fill("")]);
  });

  test("asks again for what was lost on the way, and not for ever", async () => {
    const page = mount();
    press(page, "All classes");
    for (let turn = 1; turn <= 4; turn++) {
      const { n } = asked(page).at(-1) as { n: Message };
      page.model.receive({ type: "accepted", job: 10 + turn, req: n, kind: "grid", args: {} });
      page.model.receive({ type: "end", job: 10 + turn, req: n, status: "complete", code: null, message: null, ms: 1 });
      for (let i = 0; i < 20; i++) {
        page.paint();
      }
    }
    expect(asked(page)).toHaveLength(3);
  });

  test("asks for nothing that it has, and takes back what nobody looks at any more", () => {
    const page = mount();
    press(page, "All classes");
    const [{ n, cells }] = asked(page) as [{ n: Message; cells: Message[] }];
    const [cell] = cells as [Message];
    page.model.receive({ type: "accepted", job: 11, req: n, kind: "grid", args: {} });
    press(page, "All classes");
    expect(page.of("cancel").map((m) => m["job"])).toEqual([11]);
    (cell["targets"] as Message[]).forEach((_, i) => {
      arrive(page, cell, i);
    });
    press(page, "All classes");
    expect(asked(page)).toHaveLength(1);
    expect(tiles(page).every((tile) => tile.dataset["final"] === "true")).toBe(true);
  });

  test("a contrast that is chosen meanwhile joins them, and one that is taken away is not asked for again", () => {
    const page = mount({ target: "style:gothic" });
    press(page, "All classes");
    const before = tiles(page).length;
    page.model.set("target", "style:gothic versus greek_roman");
    page.paint();
    expect(tiles(page)).toHaveLength(before + 1);
    const last = tiles(page).at(-1);
    expect(last?.querySelector(".sw-tile-name")?.textContent).toBe("style: gothic rather than greek_roman");
    const requests = asked(page).length;
    [...(last?.querySelectorAll<HTMLButtonElement>("button") ?? [])].find((b) => b.textContent === "Remove")?.click();
    page.paint();
    expect(tiles(page)).toHaveLength(before);
    const newest = asked(page)
      .slice(requests - 1)
      .at(-1)
      ?.cells.flatMap((cell) => cell["targets"] as Message[]);
    expect(newest).not.toContainEqual({ head: "style", index: 0, versus: 2 });
    press(page, "All classes");
    press(page, "All classes");
    expect(tiles(page)).toHaveLength(before + 1);
  });

  test("only what stands beside the maps says whether they are on one scale: of methods they are not at first", () => {
    const page = mount();
    const text = (place: string): string => page.root().querySelector(place)?.textContent ?? "";
    const together = (): boolean | undefined =>
      page.root().querySelector<HTMLInputElement>(".sw-gallery-head input")?.checked;
    press(page, "All classes");
    expect(together()).toBe(true);
    press(page, "All methods");
    expect([together(), text(".sw-gallery").includes("one scale")]).toEqual([false, false]);
  });

  test("says what the kernel refused", () => {
    const page = mount();
    press(page, "All classes");
    const [{ n }] = asked(page) as { n: Message }[] as [{ n: Message }];
    page.model.receive({
      type: "end",
      job: null,
      req: n,
      status: "error",
      code: "bad_parameter",
      message: "no such",
      ms: 0,
    });
    page.paint();
    expect(page.root().querySelector(".sw-gallery-region [role=alert]")?.textContent).toBe("no such");
  });

  test("a click on a small map makes it the big one", () => {
    const page = mount();
    press(page, "All classes");
    tiles(page)[1]?.querySelector<HTMLElement>(".sw-tile-name")?.click();
    const last = page.of("request").at(-1) as Message;
    expect(last["kind"]).toBe("explain");
    expect((last["args"] as { targets: Message[] }).targets[0]).toMatchObject({ index: 1 });
  });
});
