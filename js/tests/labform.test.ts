// What an experiment is asked for with: other methods, another picture, and what it will take, said before it is run.
import { describe, expect, test } from "vitest";
import catalogue from "../../tests/fixtures/protocol/catalogue.json";
import found from "../../tests/fixtures/protocol/finding.json";
import { type Bill, billOf, billText, type Run } from "../src/bill.ts";
import type { Experiment } from "../src/found.ts";
import type { Method } from "../src/protocol.ts";
import { type Message, traits } from "./harness.ts";
import { mount, type Page, withPages } from "./mount.ts";

withPages();

const experiment = (name: string): Experiment =>
  catalogue.good[0]?.message.experiments.find((one) => one.name === name) as unknown as Experiment;
const [taylor, faithfulness, own] = [experiment("taylor"), experiment("faithfulness"), experiment("own")];
const method = (name: string, unit: string, base: number | null): Method =>
  ({ name, unit, cost: base === null ? null : { base, factor: 0, by: [], slides: false } }) as unknown as Method;
const run = (name: string, unit = "gradients", base: number | null = 1): Run => ({
  ...{ method: method(name, unit, base), params: {} },
});

describe("what an experiment takes", () => {
  test("is the catalogue's sums for the chosen parameters", () => {
    expect(billOf(taylor, { steps: 12 }, [], [])).toMatchObject({ forwards: 50, gradients: 1 });
    expect(billOf(taylor, { steps: 3 }, [], [])).toMatchObject({ forwards: 14, gradients: 1 });
  });
  test("grows with each method, by its curve and by its own maps, of which a choice makes more", () => {
    const params = { steps: 10, order: "absolute" };
    expect(billOf(faithfulness, params, [run("gradient")], [])).toMatchObject({ forwards: 80, gradients: 1 });
    const two = [run("gradient"), run("ig", "gradients", 20)];
    expect(billOf(faithfulness, params, two, [])).toMatchObject({ forwards: 100, gradients: 21 });
    expect(billOf(faithfulness, { steps: 10, order: "signed" }, two, [])).toMatchObject({ gradients: 42 });
    const three = [...two, run("rise", "forwards", 500)];
    expect(billOf(faithfulness, params, three, [])).toMatchObject({ forwards: 620, gradients: 21 });
  });
  test("counts a control that is the map's own method once", () => {
    const params = { steps: 10, order: "absolute" };
    expect(billOf(faithfulness, params, [run("edges", "pixels")], [])).toMatchObject({ forwards: 60, gradients: 0 });
  });
  test("is not known where the catalogue does not know it", () => {
    expect(billOf(own, {}, [run("gradient")], [])).toBeNull();
    expect(billText(null, 5)).toBe("");
  });
  test.each([
    [{ forwards: 100, gradients: 1 }, 0, "100 forwards and 1 gradient"],
    [{ forwards: 0, gradients: 40 }, 10, "40 gradients, about 1.2 s here"],
    [{ forwards: 1, gradients: 0, atMost: true }, 0, "At most 1 forward"],
    [{ forwards: 100, gradients: 1, more: true }, 10, "At least 100 forwards and 1 gradient"],
    [{ forwards: 0, gradients: 0 }, 10, ""],
  ])("reads %o at %i ms as “%s”", (some, pace, text) => {
    expect(billText({ atMost: false, more: false, ...some } as Bill, pace)).toBe(text);
  });
});

describe("the part of the page", () => {
  const opened = (given: Message = {}): Page => {
    const page = mount({ ...traits(), target: "style:gothic", ...given });
    const shell = page.root().querySelector<HTMLDetailsElement>("details.sw-lab") as HTMLDetailsElement;
    shell.open = true;
    shell.dispatchEvent(new Event("toggle"));
    page.paint();
    const [asked] = page.of("experiments");
    page.model.receive({ ...catalogue.good[0]?.message, page: asked?.["page"] });
    page.paint();
    return page;
  };
  const part = (page: Page): HTMLElement => page.root().querySelector(".sw-lab") as HTMLElement;
  const press = (page: Page): void => {
    [...part(page).querySelectorAll("button")].find((one) => one.textContent === "Run")?.click();
    page.paint();
  };
  const args = (page: Page): Message => page.of("request").at(-1)?.["args"] as Message;
  const boxes = (page: Page): HTMLInputElement[] => [
    ...part(page).querySelectorAll<HTMLInputElement>(".sw-check[value]"),
  ];
  const box = (page: Page, name: string): HTMLInputElement =>
    boxes(page).find(({ value }) => value === name) as HTMLInputElement;
  const check = (page: Page, ...names: string[]): void => {
    for (const name of names) {
      box(page, name).click();
      page.paint();
    }
  };
  const shown = (element: Element | null | undefined): boolean =>
    element !== null && element !== undefined && element.closest("[hidden]") === null;
  const choose = (page: Page, field: string, value: string): void => {
    page.choose(field, value);
    page.paint();
  };

  test("names the first experiment, which is chosen when it is opened", () => {
    const select = part(opened()).querySelector('[data-field="experiment"]') as HTMLSelectElement;
    expect(select.value).toBe(catalogue.good[0]?.message.experiments[0]?.name);
  });

  test("offers methods where an experiment compares several, the map's own first and always", () => {
    const page = opened();
    expect(shown(boxes(page)[0])).toBe(false);
    choose(page, "experiment", "faithfulness");
    const [first] = boxes(page);
    expect(shown(first)).toBe(true);
    expect([first?.value, first?.checked, first?.disabled]).toEqual(["integrated_gradients", true, true]);
    expect(boxes(page).every((one) => one.closest("label")?.textContent !== "")).toBe(true);
    press(page);
    expect(args(page)).not.toHaveProperty("methods");
  });

  test("asks for those that are ticked beside it, and remembers them", () => {
    const page = opened();
    choose(page, "experiment", "faithfulness");
    check(page, "gradient", "smoothgrad");
    choose(page, "experiment", "taylor");
    choose(page, "experiment", "faithfulness");
    press(page);
    expect(args(page)).toMatchObject({ method: "integrated_gradients", methods: ["gradient", "smoothgrad"] });
    expect(page.root().querySelector(".sw-lab-region h3")?.textContent).toBe("Faithfulness: style: gothic · 3 methods");
  });

  test("offers none that makes a picture, and none that does not apply", () => {
    const page = opened();
    const { card } = traits() as unknown as { card: { methods: Method[] } };
    const left = card.methods.filter(({ kind, status }) => kind === "picture" || status === "no");
    expect(left.length).toBeGreaterThan(0);
    expect(left.map(({ name }) => box(page, name))).toEqual(left.map(() => undefined));
  });

  test("takes no more methods than can be told apart", () => {
    const page = opened();
    choose(page, "experiment", "faithfulness");
    const names = boxes(page).map(({ value }) => value);
    check(page, ...names.slice(1, 6));
    expect(boxes(page).filter(({ checked }) => checked)).toHaveLength(6);
    expect(box(page, names[6] as string).disabled).toBe(true);
    check(page, names[1] as string);
    expect(box(page, names[6] as string).disabled).toBe(false);
  });

  test("says before it is run what it will take, and how long once one was run", () => {
    const page = opened();
    expect(part(page).textContent).toContain("50 forwards and 1 gradient");
    choose(page, "experiment", "faithfulness");
    expect(part(page).textContent).toContain("164 forwards");
    check(page, "gradient");
    expect(part(page).textContent).toContain("212 forwards");
    choose(page, "experiment", "own");
    expect(part(page).textContent).not.toContain("forwards");
    choose(page, "experiment", "taylor");
    press(page);
    const { req } = page.of("request").at(-1) as Message;
    page.model.receive({ type: "accepted", job: 9, req, kind: "lab", args: {} });
    page.model.receive({ type: "end", job: 9, req, status: "complete", code: null, message: null, ms: 5300 });
    page.paint();
    expect(part(page).textContent).toContain("50 forwards and 1 gradient, about 5.3 s here");
  });

  test("asks towards another picture of the widget, by its name, and never towards the same", () => {
    const page = opened();
    const field = part(page).querySelector<HTMLSelectElement>("[data-field=other]") as HTMLSelectElement;
    const options = [...field.options].map(({ textContent, disabled }) => [textContent, disabled]);
    expect(options).toEqual([
      ["A black picture", false],
      ["1: one.jpg", true],
      ["2: two.jpg", false],
    ]);
    press(page);
    expect(args(page)).not.toHaveProperty("other");
    page.model.receive({
      type: "end",
      job: null,
      req: page.of("request").at(-1)?.["req"],
      status: "error",
      code: "x",
      message: "x",
      ms: 0,
    });
    choose(page, "other", "1");
    press(page);
    expect(args(page)).toMatchObject({ experiment: "taylor", image: "img-0", other: "img-1" });
    expect(page.root().querySelector(".sw-lab-region h3")?.textContent).toContain("towards 2: two.jpg");
  });

  test("keeps what is locked as it is", () => {
    const page = opened({ locked: { parts: ["method", "image"], reveal: [] } });
    expect(part(page).querySelector<HTMLSelectElement>("[data-field=other]")?.disabled).toBe(true);
    choose(page, "experiment", "faithfulness");
    expect(boxes(page).every(({ disabled }) => disabled)).toBe(true);
    expect(part(page).textContent).toContain("Locked for this question");
  });

  test("says why a picture's method has no map to be put to a test", () => {
    const page = opened({ method: "class_appearance", params: {} });
    choose(page, "experiment", "faithfulness");
    expect(part(page).textContent).toContain("makes a picture, not a map: choose another method.");
  });

  test("lists the figures of all maps, and a name takes the slider there", () => {
    const page = opened();
    choose(page, "experiment", "faithfulness");
    press(page);
    const [last] = found.good;
    const { req } = page.of("request").at(-1) as Message;
    page.model.receive({ type: "accepted", job: 9, req, kind: "lab", args: {} });
    const [one] = last?.message.found.positions ?? [];
    const figure = (name: string, text: string) => ({ name, value: 1, text, means: `what ${name} is`, unit: "" });
    const positions = [
      {
        ...one,
        label: "Gradient",
        value: 0,
        maps: [],
        pictures: [],
        numbers: [figure("gini", "0.5"), figure("mass", "0.7")],
      },
      { ...one, label: "random map", value: 1, maps: [], pictures: [], numbers: [figure("gini", "0.1")] },
    ];
    page.model.receive({ ...last?.message, found: { ...last?.message.found, slider: "map", positions, seen: null } });
    page.paint();
    const table = page.root().querySelector(".sw-lab-table") as HTMLElement;
    expect(shown(table)).toBe(true);
    const rows = [...table.querySelectorAll("tr")].map((row) => [...row.children].map((cell) => cell.textContent));
    expect(rows).toEqual([
      ["Map", "Gini", "Mass"],
      ["Gradient", "0.5", "0.7"],
      ["random map", "0.1", ""],
    ]);
    table.querySelectorAll<HTMLElement>("tbody button")[1]?.click();
    page.paint();
    expect(page.root().querySelector(".sw-lab-where")?.textContent).toBe("random map");
    expect(table.querySelector("[aria-current]")?.textContent).toContain("random map");
  });
});
