// Several models in one widget: which is chosen, what is asked of which, and that no map of one passes as another's.
import { describe, expect, test } from "vitest";
import { cellsOf, leftOut } from "../src/cells.ts";
import { shownPicture } from "../src/state.ts";
import { GOTHIC, type Message, meta, open, traits } from "./harness.ts";
import { mount, type Page, withPages } from "./mount.ts";

withPages();

const SEEN = { a: { box: [0, 0, 224, 224], input: [224, 224] }, b: { box: [28, 28, 196, 196], input: [299, 299] } };

/** Two models that see different parts of the picture; LRP is nothing for the second. */
function several(more: Message = {}): Message {
  const given = traits();
  const card = {
    ...(given["card"] as Message),
    revision: "rev-a",
    models: [
      { name: "a", revision: "rev-a", refused: {} },
      { name: "b", revision: "rev-b", refused: { lrp: "no rule for its layers" } },
    ],
  };
  const images = (given["images"] as Message[]).map((image) => ({ ...image, seen: SEEN }));
  return { ...given, card, images, model: "a", target: "style:gothic", ...more };
}

/** The arguments of the newest request. */
const newest = (of: (type: string) => Message[]): Message => of("request").at(-1)?.["args"] as Message;

const values = (): DataView[] => [new DataView(Int16Array.of(3, -3).buffer)];

describe("a session of several models", () => {
  test("says in each request which model is meant, and of one model nothing", () => {
    const { session, of } = open(several());
    session.select(GOTHIC);
    expect(newest(of)["model"]).toBe("a");
    session.set({ model: "b", layer: null });
    expect(newest(of)["model"]).toBe("b");
    const alone = open({ target: "style:gothic" });
    alone.session.select(GOTHIC);
    expect(alone.of("request").at(-1)?.["args"]).not.toHaveProperty("model");
  });

  test("keeps the maps of each apart, by its own weights, whoever is chosen", () => {
    const page = open(several());
    const { session, model } = page;
    session.select(GOTHIC);
    page.accept(1);
    page.frame(1, { final: true, key: "of-a" });
    const args = { ...page.asked, model: "b" };
    expect(session.library.find(args, page.state.card)).toBeUndefined();
    model.receive({ type: "cache", image: "img-0", args, ...meta({ final: true, key: "of-b" }) }, values());
    expect(session.library.find(args, page.state.card)?.model).toBe("b");
    session.set({ model: "b", layer: null });
    expect(page.asked.have).toBe("of-b");
    expect(page.state.map?.key).toBe("of-b");
    session.set({ model: "a", layer: null });
    expect(page.state.map?.key).toBe("of-a");
  });

  test("forgets a map of another model once that one's weights are others", () => {
    const page = open(several());
    page.session.select(GOTHIC);
    const args = { ...page.asked, model: "b" };
    page.model.receive({ type: "cache", image: "img-0", args, ...meta({ final: true }) }, values());
    const card = page.state.card;
    const models = card.models?.map((one) => (one.name === "b" ? { ...one, revision: "rev-b2" } : one)) ?? [];
    expect(page.session.library.find(args, { ...card, models })).toBeUndefined();
  });

  test("shows what the chosen one sees of the picture", () => {
    const page = open(several());
    expect(shownPicture(page.state)?.box).toEqual([0, 0, 224, 224]);
    page.session.set({ model: "b", layer: null });
    expect(shownPicture(page.state)?.box).toEqual([28, 28, 196, 196]);
    expect(shownPicture(page.state)).toBe(shownPicture(page.state));
  });
});

describe("all models side by side", () => {
  test("are one run each, of the same target and method", () => {
    const { state } = open(several());
    const cells = cellsOf("models", state);
    expect(cells.map(({ title, args }) => [title, args.model])).toEqual([
      ["a", "a"],
      ["b", "b"],
    ]);
    expect(new Set(cells.map(({ args }) => JSON.stringify([args.method, args.targets]))).size).toBe(1);
    expect(leftOut(state)).toBe("");
  });

  test("are without those to which the method does not apply, and say so", () => {
    const { state } = open(several({ method: "lrp", params: {} }));
    expect(cellsOf("models", state).map(({ title }) => title)).toEqual(["a"]);
    expect(leftOut(state)).toBe("Not for b: no rule for its layers.");
  });
});

describe("the page", () => {
  const press = (page: Page, name: string): void => {
    const all = [...page.root().querySelectorAll<HTMLButtonElement>(".sw-gallery button")];
    all.find((one) => one.textContent === name)?.click();
    page.paint();
  };
  const select = (page: Page): HTMLSelectElement | null => page.root().querySelector("[data-field=model]");

  test("has a choice of models only where there are several", () => {
    expect(mount().root().querySelector<HTMLElement>(".sw-models")?.hidden).toBe(true);
    const page = mount(several());
    expect([...(select(page)?.options ?? [])].map((o) => o.value)).toEqual(["a", "b"]);
    expect(select(page)?.value).toBe("a");
    page.choose("model", "b");
    expect(newest(page.of)["model"]).toBe("b");
  });

  test("says of a value what each model gives, in its unit, and calls the models as they were called", () => {
    const base = several();
    const card = { ...(base["card"] as Message), heads: [{ name: "age", kind: "value", unit: "years" }] };
    const page = mount({ ...base, card, target: "age", predictions: { image: "img-0", heads: { age: { value: 8 } } } });
    press(page, "All models");
    const { cells } = newest(page.of) as { cells: Message[] };
    const target = { head: "age", index: null, versus: null };
    const about = meta({ target, method: cells[1]?.["method"] as string, final: true });
    page.model.receive({ type: "cache", image: "img-0", args: cells[1], ...about, scores: [8.74] }, values());
    page.paint();
    const notes = [...page.root().querySelectorAll(".sw-tile-note")].map((note) => note.textContent);
    expect(notes).toEqual(["", "8.74 years"]);
    expect(page.root().querySelector<HTMLElement>(".sw-model")?.hidden).toBe(true);
  });

  test("greys a model to which the chosen method does not apply, with the reason", () => {
    const page = mount(several({ method: "lrp", params: {} }));
    const [, b] = [...(select(page)?.options ?? [])];
    expect(b?.disabled).toBe(true);
    expect(b?.title).toBe("no rule for its layers");
  });

  test("draws the map of each model as it comes, and a click on one chooses that model", () => {
    const page = mount(several());
    press(page, "All models");
    const { cells } = newest(page.of) as { cells: Message[] };
    expect(cells.map((cell) => cell["model"])).toEqual(["a", "b"]);
    const about = meta({ method: cells[1]?.["method"] as string, final: true });
    page.model.receive({ type: "cache", image: "img-0", args: cells[1], ...about }, values());
    page.paint();
    const tiles = [...page.root().querySelectorAll<HTMLElement>(".sw-tile")];
    expect(tiles.map((tile) => tile.dataset["final"])).toEqual(["", "true"]);
    tiles[1]?.querySelector<HTMLElement>(".sw-tile-name")?.click();
    expect(newest(page.of)["model"]).toBe("b");
  });
});
