// What is locked cannot be changed by any way on the page, and what is hidden is nowhere on it until it is revealed.
import { describe, expect, test, vi } from "vitest";
import { traits } from "./harness.ts";
import { mount, type Page, withPages } from "./mount.ts";

withPages();

const lock = (parts: string[], reveal: string[] = []) => ({ locked: { parts, reveal } });
const requests = (page: Page): unknown[] => page.of("request");
const button = (page: Page, name: string): HTMLButtonElement =>
  [...page.root().querySelectorAll("button")].find((one) => one.textContent === name) as HTMLButtonElement;
const shown = (element: Element | null): boolean => element !== null && element.closest("[hidden]") === null;
/** This document knows no `:disabled` of fieldsets. */
const disabled = (one: HTMLElement & { disabled: boolean }): boolean =>
  one.disabled || one.closest("fieldset")?.disabled === true;
const notes = (page: Page): string[] =>
  [...page.root().querySelectorAll(".sw-lock")].filter(shown).map((one) => one.textContent ?? "");
const field = (page: Page, name: string): HTMLSelectElement =>
  page.root().querySelector(`[data-field="${name}"]`) as HTMLSelectElement;
/** All that a person or a screen reader can find, hidden parts too. */
const everything = (page: Page): string =>
  [...page.root().querySelectorAll("*")]
    .flatMap((one) => [
      ...["aria-label", "aria-description", "aria-valuetext", "title"].map((name) => one.getAttribute(name) ?? ""),
      ...[...one.childNodes].filter((node) => node.nodeType === 3).map((node) => node.textContent ?? ""),
    ])
    .join("\n");
const percents = (page: Page): string[] =>
  [...page.root().querySelectorAll(".sw-option-number")].map((one) => one.textContent ?? "");
const row = (page: Page, head: string, cls: number): HTMLElement =>
  page.root().querySelector(`[data-head="${head}"][data-class="${cls}"]`) as HTMLElement;

/** Two pictures of which something is true: neoclassical, seen from outside; the model says greek_roman. */
function labelled(): Record<string, unknown> {
  const { images } = traits() as { images: Record<string, unknown>[] };
  return {
    images: images.map((one, i) => ({ ...one, label: `picture of class ${i}`, truth: { style: 2, perspective: 0 } })),
    gallery: { count: 2, labelled: true, name: "", unread: 0 },
    target: "style:gothic",
  };
}

test("nothing is locked and nothing hidden where the kernel says nothing, as an older one does", () => {
  const page = mount();
  expect(notes(page)).toEqual([]);
  expect(disabled(field(page, "method"))).toBe(false);
  expect(percents(page).some((text) => text.endsWith("%"))).toBe(true);
});

describe("a locked method", () => {
  const locked = { ...lock(["method"]), target: "style:gothic" };

  test("has its controls disabled, and says so with a lock", () => {
    const page = mount(locked);
    const section = page.root().querySelector('[aria-label="Method"]') as HTMLFieldSetElement;
    expect(section.disabled).toBe(true);
    expect(notes(page)).toEqual(["Locked for this question"]);
    expect((page.root().querySelector(".sw-compare") as HTMLFieldSetElement).disabled).toBe(true);
    expect(button(page, "All methods").disabled).toBe(true);
  });

  test("asks the kernel for nothing, also where a control is used all the same", () => {
    const page = mount(locked);
    page.choose("method", "gradient");
    page.choose("baseline", "white");
    page.choose("score", "probability");
    page.root().querySelector<HTMLElement>(".sw-chip")?.click();
    vi.advanceTimersByTime(1000); // sliders are waited for
    expect(requests(page)).toEqual([]);
    expect(page.root().textContent).toContain("Locked for this question");
  });

  test("leaves the class free", () => {
    const page = mount(locked);
    page.click("perspective", 1);
    expect(requests(page)).toHaveLength(1);
    page.click("perspective", 0);
    expect(requests(page)).toHaveLength(2);
  });

  test("is free again as soon as it is unlocked", () => {
    const page = mount(locked);
    page.model.set("locked", { parts: [], reveal: [] });
    page.paint();
    expect(notes(page)).toEqual([]);
    page.choose("method", "gradient");
    expect(requests(page)).toHaveLength(1);
  });
});

describe("a locked target", () => {
  const locked = { ...lock(["target"]), target: "style:gothic" };

  test("cannot be changed by a click, with Shift, by a key, or in a field", () => {
    const page = mount(locked);
    row(page, "style", 1).click();
    row(page, "style", 1).dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey: true }));
    row(page, "style", 0).dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
    row(page, "perspective", 1).dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    page.root().querySelector<HTMLElement>("button[data-head=style]")?.click();
    page.choose("versus", "1");
    expect(requests(page)).toEqual([]);
    page.paint();
    expect(row(page, "style", 0).getAttribute("aria-selected")).toBe("true");
  });

  test("says it to everybody: rows, field and button are disabled", () => {
    const page = mount(locked);
    expect(row(page, "style", 1).getAttribute("aria-disabled")).toBe("true");
    expect(field(page, "versus").disabled).toBe(true);
    expect(page.root().querySelector<HTMLButtonElement>("button[data-head=style]")?.disabled).toBe(true);
    expect(button(page, "All classes").disabled).toBe(true);
  });
});

test("a locked picture stays: steps, strip, live and what a reader would add are disabled", () => {
  const page = mount(lock(["image"]));
  for (const name of ["Previous picture", "Next picture"]) {
    expect(page.root().querySelector<HTMLButtonElement>(`[aria-label="${name}"]`)?.disabled).toBe(true);
  }
  const rail = page.root().querySelector(".sw-rail") as HTMLElement;
  expect(rail.getAttribute("aria-disabled")).toBe("true");
  const frame = rail.querySelector<HTMLElement>('[data-picture="1"]');
  frame?.click();
  frame?.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
  expect(requests(page)).toEqual([]);
  expect(disabled(button(page, "Moving crop"))).toBe(true);
  expect(disabled(button(page, "Choose files…"))).toBe(true);
});

test("a locked display is disabled, and nothing of it is written", () => {
  const page = mount(lock(["display"]));
  expect(disabled(field(page, "colormap"))).toBe(true);
  const radio = page.root().querySelector<HTMLInputElement>('input[value="map"]') as HTMLInputElement;
  expect(radio.disabled).toBe(true);
  radio.dispatchEvent(new Event("change", { bubbles: true }));
  page.paint();
  expect(page.root().querySelector<HTMLInputElement>('input[value="overlay"]')?.checked).toBe(true);
});

describe("hidden predictions", () => {
  const hidden = { ...labelled(), ...lock(["predictions"], ["predictions"]) };

  test("are nowhere on the page, and a button stands in their place", () => {
    const page = mount(hidden);
    expect(new Set(percents(page))).toEqual(new Set(["–"]));
    expect(page.root().querySelector(".sw-best")).toBeNull();
    const bars = [...page.root().querySelectorAll<HTMLElement>(".sw-bar-fill")].map(({ style }) => style.transform);
    expect(new Set(bars)).toEqual(new Set(["scaleX(0)"]));
    expect(everything(page)).not.toMatch(/\d %/);
    expect(shown(button(page, "Reveal predictions"))).toBe(true);
  });

  test("take with them what would tell them: painting, experiments and the mistakes", () => {
    const page = mount(hidden);
    for (const part of ["paint", "lab", "mistakes"]) {
      expect(page.root().querySelector<HTMLElement>(`details.sw-${part}`)?.hidden).toBe(true);
    }
    button(page, "Reveal predictions").click();
    page.paint();
    for (const part of ["paint", "lab", "mistakes"]) {
      expect(page.root().querySelector<HTMLElement>(`details.sw-${part}`)?.hidden).toBe(false);
    }
  });

  test("are shown by the button, in both views, and stay through another map", () => {
    const page = mount(hidden, 2);
    button(page, "Reveal predictions").click();
    page.paint();
    expect(percents(page).some((text) => text.endsWith("%"))).toBe(true);
    expect(shown(button(page, "Reveal predictions"))).toBe(false);
    expect(page.root(1).querySelector(".sw-best")).not.toBeNull();
    expect(requests(page)).toEqual([]);
    page.click("style", 1);
    page.paint();
    expect(page.root().querySelector(".sw-best")).not.toBeNull();
  });

  test("are a question again with the next picture, and known again with the one before", () => {
    const page = mount(hidden);
    button(page, "Reveal predictions").click();
    page.root().querySelector<HTMLElement>('[aria-label="Next picture"]')?.click();
    page.paint();
    expect(page.root().querySelector(".sw-best")).toBeNull();
    page.root().querySelector<HTMLElement>('[data-picture="0"]')?.click();
    page.paint();
    expect(page.root().querySelector(".sw-best")).not.toBeNull();
  });

  test("have no button where the teacher keeps them back", () => {
    const page = mount({ ...hidden, ...lock(["predictions"]) });
    expect(shown(button(page, "Reveal predictions"))).toBe(false);
    expect(shown(page.root().querySelector(".sw-kept"))).toBe(true);
  });

  test("are hidden again when they are unlocked and locked once more", () => {
    const page = mount(hidden);
    button(page, "Reveal predictions").click();
    page.model.set("locked", { parts: [], reveal: [] });
    page.model.set("locked", { parts: ["predictions"], reveal: ["predictions"] });
    page.paint();
    expect(page.root().querySelector(".sw-best")).toBeNull();
  });
});

describe("a hidden truth", () => {
  const hidden = { ...labelled(), ...lock(["truth"], ["truth"]) };

  test("is not told by rows, notes, the picture's name or the list of mistakes", () => {
    const page = mount(hidden);
    expect(everything(page)).not.toContain("in truth");
    expect(everything(page)).not.toContain("picture of class");
    expect(page.root().querySelector(".sw-true, .sw-wrong")).toBeNull();
    expect(page.root().querySelector<HTMLElement>("details.sw-mistakes")?.hidden).toBe(true);
  });

  test("stands beside the model's answer once it is revealed, which is then seen to be right or wrong", () => {
    const page = mount(hidden);
    button(page, "Reveal truth").click();
    page.paint();
    expect(row(page, "style", 2).getAttribute("aria-description")).toBe("true");
    expect(row(page, "style", 1).getAttribute("aria-description")).toBe("not true");
    expect(row(page, "perspective", 0).classList.contains("sw-true")).toBe(true);
    expect(page.root().textContent).toContain("in truth neoclassical");
    expect(page.root().textContent).toContain("picture of class 0");
    expect(page.root().querySelector<HTMLElement>("details.sw-mistakes")?.hidden).toBe(false);
  });

  test("turns the masks of the picture on when it is revealed", () => {
    const masks = { image: "img-0", masks: [{ name: "door", width: 2, height: 2, runs: 3 }] };
    const page = mount({ ...hidden, masks, masks_data: new DataView(Uint16Array.of(1, 2, 1).buffer) });
    expect(page.root().querySelector("[data-mask=door]")).toBeNull();
    button(page, "Reveal truth").click();
    page.paint();
    expect(page.root().querySelector("[data-mask=door]")?.getAttribute("aria-pressed")).toBe("true");
  });

  test("is not offered where nothing is known to be true", () => {
    const page = mount({ target: "style:gothic", ...lock(["truth"], ["truth"]) });
    expect(shown(button(page, "Reveal truth"))).toBe(false);
  });
});

test("a refusal of the kernel is said in its words, and the choice goes back", () => {
  const page = mount({ target: "style:gothic" });
  page.click("style", 1);
  const message = "the target of this widget is locked, so the page cannot change it";
  const req = page.of("request")[0]?.["req"];
  page.model.receive({ type: "end", job: null, req, status: "error", code: "locked", message, ms: 0 });
  page.paint();
  expect(page.root().querySelector(".sw-alert-text")?.textContent).toContain("target of this widget is locked");
  expect(row(page, "style", 0).getAttribute("aria-selected")).toBe("true");
});
