// What is read at a point, in the picture's coordinates, and how the page's panels are driven: keys, mouse, regions.
import { beforeEach, describe, expect, test, vi } from "vitest";
import { FakeModel } from "../dev/fake_model.ts";
import { curveOf } from "../src/curve.ts";
import { stepped } from "../src/gestures.ts";
import type { Layer } from "../src/layer.ts";
import { cellAt, rankText, read, readingText, valueText, wholeText } from "../src/probe.ts";
import type { Picture } from "../src/protocol.ts";
import { readDisplay } from "../src/traits.ts";
import { meta, traits } from "./harness.ts";
import { mount, type Page, withPages } from "./mount.ts";

/** 400 x 300, of which the model saw the middle 200 x 200 as 4 x 4. */
const PICTURE: Picture = { id: "i", label: "", width: 400, height: 300, box: [100, 50, 300, 250], input: [4, 4] };
const VALUES = Float32Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? i : -i) / 10);
const layer = (values = VALUES): Layer => {
  const field = { values, width: 4, height: 4, nothing: false };
  return { field, curve: curveOf("linear", 1.5, field) } as unknown as Layer;
};

describe("a reading", () => {
  const at = (x: number, y: number, sign: "signed" | "negative" = "signed") =>
    read([x, y], PICTURE, { layer: layer(), bitmap: null, sign });

  test("is of the map's pixel under the picture's pixel", () => {
    expect(at(100, 50)).toMatchObject({ x: 100, y: 50, value: 0, seen: true });
    expect(at(149.9, 99.9)).toMatchObject({ x: 149, y: 99, value: 0 });
    expect(at(150, 99.9).value).toBeCloseTo(-0.1);
    expect(at(299.9, 249.9).value).toBeCloseTo(-1.5);
    expect(at(260.5, 120.2).value).toBeCloseTo(-0.7);
  });

  test("has its rank among the sizes of all pixels, and its place on the scale", () => {
    const last = at(299, 249);
    expect([last.rank, last.place]).toEqual([1, -1]);
    expect(at(100, 50).rank).toBe(1 / 16);
    expect(at(210, 55).place).toBeCloseTo(0.2 / 1.5);
  });

  test("names by its value what is drawn by its size", () => {
    expect(at(210, 55, "negative").value).toBeCloseTo(-0.2);
  });

  test("says what the model did not see", () => {
    expect(at(99.9, 100)).toMatchObject({ value: null, rank: null, seen: false });
    expect(at(300, 100).seen).toBe(false);
    expect(readingText(at(20, 10), "logit", "signed")).toBe("x 20, y 10, not seen by the model");
  });

  test("is said in words", () => {
    expect(readingText(at(210, 55), "logit", "signed")).toBe("x 210, y 55, +0.2 logit, rank 18.7 %");
  });
});

test("cells are found in the box alone", () => {
  expect(cellAt([100, 50], PICTURE.box, 4, 4)).toEqual([0, 0]);
  expect(cellAt([299.99, 249.99], PICTURE.box, 7, 7)).toEqual([6, 6]);
  expect(cellAt([300, 249], PICTURE.box, 7, 7)).toBeNull();
});

test("values have a sign where there may be either, and only the largest has the full rank", () => {
  expect([valueText(0.00312, "signed"), valueText(-2, "signed"), valueText(2, "absolute")]).toEqual([
    "+0.00312",
    "−2",
    "2",
  ]);
  expect([1, 0.99999, 0.5].map(rankText)).toEqual(["100 %", "99.9 %", "50.0 %"]);
});

test("the crosshair steps from the middle of a pixel of the input to the middle of the next, and stays inside", () => {
  expect(stepped([101, 51], [1, 0], PICTURE)).toEqual([175, 75]);
  expect(stepped([275, 225], [1, 10], PICTURE)).toEqual([275, 225]);
  expect(stepped([0, 0], [-1, 0], PICTURE)).toEqual([125, 75]);
});

test("a map is described by where it is strongest and how concentrated it is", () => {
  const values = new Float32Array(16).fill(0.1);
  values[3] = 8.5;
  expect(wholeText(layer(values))).toBe("strongest at upper right; 85 % of the evidence in 5 % of the pixels");
  expect(wholeText(null)).toBe("");
});

test("a display that was saved by an older page gets the new fields' defaults, and odd ones are not believed", () => {
  const saved = { opacity: 0.3, sign: "absolute", mode: "hologram", clip: "wide", mask: Number.NaN, levels: 6 };
  const display = readDisplay(new FakeModel({ ...traits(), display: saved }));
  expect(display).toMatchObject({ opacity: 0.3, sign: "absolute", levels: 6 });
  expect(display).toMatchObject({ mode: "overlay", clip: 99.5, mask: 90, curve: "linear", clip_by: "percentile" });
});

describe("on the page", () => {
  withPages();
  beforeEach(() => {
    // happy-dom lays nothing out: here each panel is 224 x 224, one CSS pixel for each of the picture.
    vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(224);
    vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(224);
    vi.spyOn(HTMLElement.prototype, "getBoundingClientRect").mockReturnValue(new DOMRect(0, 0, 224, 224));
  });
  const canvas = (page: Page): HTMLElement => page.root().querySelector(".sw-canvas") as HTMLElement;
  const key = (page: Page, name: string, more: KeyboardEventInit = {}): KeyboardEvent => {
    const event = new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...more });
    canvas(page).dispatchEvent(event);
    page.paint();
    return event;
  };
  const mouse = (page: Page, type: string, x: number, y: number): void => {
    const event = new MouseEvent(type, { bubbles: true, clientX: x, clientY: y, button: 0 });
    Object.assign(event, { pointerId: 1, pointerType: "mouse" });
    canvas(page).dispatchEvent(event);
    page.paint();
  };
  const readout = (page: Page): DOMStringMap => (page.root().querySelector(".sw-readout") as HTMLElement).dataset;
  const zoom = (page: Page): number => Number((page.root().querySelector(".sw-pane") as HTMLElement).dataset["zoom"]);
  /** A finished map of 1 x 2 values, +3 on the left and -3 on the right, in halves. */
  const drawn = (): Page => {
    const page = mount({ display: { smooth: 0 } });
    page.click("style", 0);
    page.accept(1);
    page.frame(1, 1, true);
    page.paint();
    return page;
  };

  test("the mouse reads the map in the picture's pixels, and nothing when it leaves", () => {
    const page = drawn();
    mouse(page, "pointermove", 20.4, 101.7);
    expect(readout(page)).toMatchObject({ x: "20", y: "101", value: "1.5" });
    mouse(page, "pointermove", 210, 7);
    expect(readout(page)).toMatchObject({ x: "210", y: "7", value: "-1.5", rank: "1" });
    mouse(page, "pointerleave", 0, 0);
    expect(readout(page)["x"]).toBeUndefined();
  });

  test("keys move the crosshair, are not the notebook's, and what is under it is said", () => {
    const page = drawn();
    const heard: string[] = [];
    document.addEventListener("keydown", (event) => heard.push(event.key));
    key(page, "ArrowRight");
    expect(readout(page)).toMatchObject({ x: "112", y: "112" });
    key(page, "ArrowDown", { shiftKey: true });
    key(page, "ArrowLeft");
    expect(readout(page)).toMatchObject({ x: "111", y: "122" });
    expect(heard).toEqual([]);
    vi.advanceTimersByTime(500);
    expect(page.root().textContent).toContain("x 111, y 122, ");
  });

  test("keys, buttons and the wheel zoom, 0 fits, and a reading stays in the picture's pixels", () => {
    const page = drawn();
    key(page, "+");
    expect(zoom(page)).toBe(1.5);
    page.root().querySelector<HTMLElement>('[aria-label="Zoom in"]')?.click();
    expect(zoom(page)).toBe(2.25);
    // The middle stays; 56 pixels left of it on the screen are 56 / 2.25 of the picture.
    mouse(page, "pointermove", 56, 112);
    expect(readout(page)["x"]).toBe(String(Math.floor(112 - 56 / 2.25)));
    const turn = (more: WheelEventInit): WheelEvent => {
      const event = new WheelEvent("wheel", { deltaY: -40, clientX: 0, clientY: 0, cancelable: true, ...more });
      // Where it is, happy-dom keeps for itself.
      Object.assign(event, { ctrlKey: more.ctrlKey ?? false });
      canvas(page).dispatchEvent(event);
      return event;
    };
    expect(turn({}).defaultPrevented).toBe(false);
    expect(zoom(page)).toBe(2.25);
    expect(turn({ ctrlKey: true }).defaultPrevented).toBe(true);
    expect(zoom(page)).toBeGreaterThan(2.25);
    key(page, "0");
    expect(zoom(page)).toBe(1);
  });

  test("zoom is the view's own, and nothing that is saved", () => {
    const page = mount({}, 2);
    key(page, "+");
    vi.advanceTimersByTime(1000);
    expect(page.root(1).querySelector<HTMLElement>(".sw-pane")?.dataset["zoom"]).toBe("1");
    expect(page.model.get("display")).toEqual({});
  });

  test("a box that is drawn has its shares, for the map on screen and for the other known ones", () => {
    const page = drawn();
    page.click("style", 1);
    page.accept(2);
    const values = new DataView(Int16Array.of(-1, 3).buffer);
    const options = { final: true, names: ["style:roman"], target: { head: "style", index: 1, versus: null } };
    page.model.receive({ type: "frame", job: 2, seq: 2, ...meta(options) }, [values]);
    page.paint();
    page.root().querySelector<HTMLElement>('[aria-label="Mark a box"]')?.click();
    mouse(page, "pointerdown", 0, 0);
    mouse(page, "pointermove", 224, 112);
    mouse(page, "pointerup", 224, 112);
    const region = page.root().querySelector<HTMLElement>(".sw-shares");
    expect([region?.hidden, region?.dataset["area"]]).toEqual([false, "0.5"]);
    const rows = [...(region?.querySelectorAll<HTMLElement>("[data-target]") ?? [])];
    expect(rows.map((row) => row.dataset["target"])).toEqual(["style:roman", "style:gothic"]);
    for (const row of rows) {
      // The upper half of a map that does not change downwards.
      expect(Number(row.dataset["positive"])).toBeCloseTo(0.5, 6);
    }
    page.root().querySelector<HTMLElement>('[aria-label="Clear the marked region"]')?.click();
    page.paint();
    expect(region?.hidden).toBe(true);
  });

  test("a box can be drawn with keys alone, and a slip of the hand draws none", () => {
    const page = drawn();
    const region = page.root().querySelector<HTMLElement>(".sw-shares");
    page.root().querySelector<HTMLElement>('[aria-label="Mark a box"]')?.click();
    mouse(page, "pointerdown", 50, 50);
    mouse(page, "pointerup", 50, 50);
    expect(region?.hidden).toBe(true);
    for (const name of ["ArrowLeft", "Enter", "ArrowRight", "ArrowDown"]) {
      key(page, name, { shiftKey: name !== "Enter" });
    }
    key(page, "Enter");
    // Ten pixels on each way, the first and the last among them.
    expect(Number(region?.dataset["area"])).toBeCloseTo(121 / 224 ** 2, 9);
    expect(key(page, "Escape").defaultPrevented).toBe(true);
    expect(key(page, "Escape").defaultPrevented).toBe(false);
    key(page, "Delete");
    expect(region?.hidden).toBe(true);
  });

  test("the picture alone is shown while its button or key is held", () => {
    const page = drawn();
    const label = (): string | null => canvas(page).getAttribute("aria-label");
    const eye = page.root().querySelector('[aria-label="Hold to see the picture alone"]') as HTMLElement;
    const with_map = label();
    eye.dispatchEvent(new Event("pointerdown"));
    page.paint();
    expect(label()).toContain("no map");
    window.dispatchEvent(new Event("pointerup"));
    page.paint();
    expect(label()).toBe(with_map);
    key(page, "p");
    expect(label()).toContain("no map");
    canvas(page).dispatchEvent(new KeyboardEvent("keyup", { key: "p", bubbles: true }));
    page.paint();
    expect(label()).toBe(with_map);
  });

  test("side by side is two panels with one cursor, and one again afterwards", () => {
    const page = drawn();
    const choose = (mode: string): void => {
      const radio = page.root().querySelector<HTMLInputElement>(`input[value="${mode}"]`) as HTMLInputElement;
      radio.checked = true;
      radio.dispatchEvent(new Event("change", { bubbles: true }));
      page.paint();
    };
    choose("beside");
    const panes = [...page.root().querySelectorAll(".sw-pane")];
    expect(panes).toHaveLength(2);
    mouse(page, "pointermove", 30, 40);
    // Under the mouse the pointer itself is the cross.
    const crosses = panes.map((pane) => pane.querySelector(".sw-mark-cross")?.getAttribute("d") !== "");
    expect(crosses).toEqual([false, true]);
    choose("overlay");
    expect(page.root().querySelectorAll(".sw-pane")).toHaveLength(1);
    vi.advanceTimersByTime(1000);
    expect(page.model.get("display")).toMatchObject({ mode: "overlay" });
  });

  test("Enter describes the map aloud", () => {
    const page = drawn();
    key(page, "Enter");
    vi.advanceTimersByTime(100);
    const said = [...page.root().querySelectorAll('[role="status"]')].map((el) => el.textContent).join(" ");
    expect(said).toContain("Integrated gradients · style: gothic: strongest at");
  });
});
