// What a card says of methods, layers and controls, what their results are called, and pictures in place of maps.
import { describe, expect, test } from "vitest";
import { card } from "../dev/card.ts";
import type { Target } from "../src/protocol.ts";
import { GOTHIC, type Message, meta, traits } from "./harness.ts";
import { mount, type Page, withPages } from "./mount.ts";

withPages();

test("methods that do not apply cannot be chosen and say why", () => {
  const page = mount();
  const option = page.root().querySelector<HTMLOptionElement>('option[value="attention_rollout"]');
  expect([option?.disabled, option?.title]).toEqual([true, "The network has no attention"]);
  const rows = [...page.root().querySelectorAll(".sw-about tr")].map((row) => row.textContent);
  expect(rows).toContain("Attention rolloutDoes not apply: the network has no attention");
  expect(rows).toContain("Guided backpropNo ReLU to change: would equal Gradient");
  expect(rows).toHaveLength(3);
});

test("methods stand under their family, in the card's order", () => {
  const page = mount();
  const groups = [...page.root().querySelectorAll<HTMLOptGroupElement>("[data-field=method] optgroup")];
  expect(groups.map((group) => [group.label, group.children.length])).toEqual([
    ["Gradients", 2],
    ["Paths", 2],
    ["Noise", 2],
    ["CAM", 2],
    ["Relevance", 1],
    ["Attention", 1],
    ["Class model", 1],
    ["Controls", 3],
  ]);
});

test("a method that equals a simpler one can be chosen, and says so", () => {
  const page = mount();
  const reserve = page.root().querySelector<HTMLElement>("[aria-label=Method] .sw-reserve");
  expect(reserve?.hidden).toBe(true);
  expect(page.root().querySelector<HTMLOptionElement>('option[value="guided_backprop"]')?.disabled).toBe(false);
  page.choose("method", "guided_backprop");
  page.paint();
  expect(page.of("request").at(-1)?.["args"]).toMatchObject({ method: "guided_backprop" });
  expect([reserve?.hidden, reserve?.textContent]).toEqual([false, "No ReLU to change: would equal Gradient."]);
});

describe("a run that stops by itself", () => {
  const box = (page: Page): HTMLInputElement | undefined =>
    [...page.root().querySelectorAll<HTMLInputElement>("input[type=checkbox]")].find(
      (input) => input.closest("label")?.textContent === "Stop when precise",
    );
  const hidden = (page: Page): boolean => box(page)?.closest<HTMLElement>(".sw-row")?.hidden === true;
  const asked = (page: Page): unknown => ((page.of("request").at(-1) as Message)["args"] as Message)["tolerance"];

  test("is offered where the method can, and asked for with the kernel's own tolerance", () => {
    const page = mount({ tolerance: 0.02 });
    expect([hidden(page), box(page)?.checked]).toEqual([false, true]);
    page.click("style", 1);
    expect(asked(page)).toBe(0.02);
    box(page)?.click();
    expect(asked(page)).toBeNull();
    page.paint();
    expect(box(page)?.checked).toBe(false);
    box(page)?.click();
    expect(asked(page)).toBe(0.02);
    page.choose("method", "gradient");
    page.paint();
    expect(hidden(page)).toBe(true);
  });

  test("is switched on at five per cent where the kernel names none", () => {
    const page = mount();
    expect(box(page)?.checked).toBe(false);
    box(page)?.click();
    expect(asked(page)).toBe(0.05);
  });

  test("says where it stopped, and leaves no bar behind", () => {
    const page = mount({ tolerance: 0.05 });
    page.click("style", 0);
    page.accept(1);
    const text = "stopped by itself: estimated error 3.1 %";
    const told = {
      ...meta({ final: true }),
      done: 21,
      quality: [[{ name: "estimated_error", value: 0.031, text, bad: false }]],
    };
    const values = new DataView(Int16Array.of(3, -3).buffer);
    page.model.receive({ type: "frame", job: 1, seq: 1, ...told }, [values]);
    page.paint();
    expect(page.root().querySelector(".sw-status-facts")?.textContent).toContain(`21 of 50 gradients`);
    expect(page.root().querySelector(".sw-status-facts")?.textContent).toContain(text);
    expect(page.root().dataset["final"]).toBe("true");
    const bar = page.root().querySelector<HTMLElement>(".sw-progress");
    expect([bar?.classList.contains("sw-busy"), bar?.getAttribute("aria-valuenow")]).toEqual([false, null]);
    expect(page.root().querySelector(".sw-root > [role=status]")?.textContent).toContain(text);
  });
});

describe("layers", () => {
  const field = (page: Page): HTMLSelectElement => page.root().querySelector("[data-field=layer]") as HTMLSelectElement;
  const hidden = (page: Page): boolean => field(page).closest<HTMLElement>(".sw-row")?.hidden === true;
  const asked = (page: Page): unknown => ((page.of("request").at(-1) as Message)["args"] as Message)["layer"];

  test("are offered to methods that work at one, with their sizes and the default", () => {
    const page = mount();
    expect(hidden(page)).toBe(true);
    page.choose("method", "grad_cam");
    page.paint();
    expect([hidden(page), field(page).value, asked(page)]).toEqual([false, "features.29", null]);
    expect([...field(page).options].map((option) => option.text)).toEqual([
      "features.4 (112 × 112, 64 channels)",
      "features.16 (28 × 28, 256 channels)",
      "features.29 (14 × 14, 512 channels), the default",
      "blocks.11.norm1 (14 × 14 tokens, 768 channels)",
    ]);
  });

  test("a chosen one is asked for, stays for the next such method, and goes with the others", () => {
    const page = mount({ method: "grad_cam", params: {} });
    page.choose("layer", "features.16");
    expect(asked(page)).toBe("features.16");
    page.choose("method", "hires_cam");
    expect(asked(page)).toBe("features.16");
    page.choose("method", "gradient");
    expect(asked(page)).toBeNull();
    page.choose("method", "grad_cam");
    page.choose("layer", "features.29");
    expect(asked(page)).toBeNull();
  });

  test("the kernel's is shown", () => {
    const page = mount({ method: "grad_cam", params: {}, layer: "features.4" });
    expect(field(page).value).toBe("features.4");
    page.model.update({ layer: null });
    page.paint();
    expect(field(page).value).toBe("features.29");
  });
});

describe("controls", () => {
  const chips = (page: Page): HTMLElement[] => [...page.root().querySelectorAll<HTMLElement>(".sw-chip")];
  const asked = (page: Page): Message => page.of("request").at(-1)?.["args"] as Message;

  test("are one click away, and a second click goes back to the method with its parameters", () => {
    const page = mount({ params: { steps: 7, baseline: "white" } });
    expect(chips(page).map((chip) => chip.textContent)).toEqual(["Edge detector", "Random map", "Plain input"]);
    chips(page)[0]?.click();
    page.paint();
    expect(asked(page)).toMatchObject({ method: "edges", params: {} });
    expect(chips(page).map((chip) => chip.getAttribute("aria-pressed"))).toEqual(["true", "false", "false"]);
    chips(page)[0]?.click();
    page.paint();
    expect(asked(page)).toMatchObject({ method: "integrated_gradients", params: { steps: 7, baseline: "white" } });
    expect(chips(page).map((chip) => chip.getAttribute("aria-pressed"))).toEqual(["false", "false", "false"]);
  });

  test("the way back leads past other controls, to the layer too", () => {
    const page = mount({ method: "grad_cam", params: {}, layer: "features.16" });
    const back = page.root().querySelector<HTMLElement>(".sw-back");
    expect(back?.hidden).toBe(true);
    chips(page)[1]?.click();
    page.paint();
    chips(page)[2]?.click();
    page.paint();
    expect([back?.hidden, back?.textContent]).toEqual([false, "Back to Grad-CAM"]);
    back?.click();
    page.paint();
    expect(asked(page)).toMatchObject({ method: "grad_cam", layer: "features.16" });
    expect(back?.hidden).toBe(true);
  });

  test("after a reload on a control a second click goes to a method that explains", () => {
    const page = mount({ method: "random", params: {} });
    chips(page)[1]?.click();
    expect(asked(page)).toMatchObject({ method: "gradient" });
  });

  test("a model without any has no row for them", () => {
    const card = traits()["card"] as { methods: { family: string }[] };
    const page = mount({ card: { ...card, methods: card.methods.filter((m) => m.family !== "controls") } });
    expect(page.root().querySelector<HTMLElement>(".sw-compare")?.hidden).toBe(true);
  });
});

test("what is known of the model is told when asked, and counted before", () => {
  const page = mount();
  const about = page.root().querySelector<HTMLDetailsElement>(".sw-about");
  expect([about?.open, about?.querySelector("summary")?.textContent]).toEqual([false, "About this model1 note"]);
  expect(about?.textContent).toContain("Pictures are resized to 256");
  expect(about?.textContent).toContain("4 layers to look at; features.29 is the default.");
  expect(about?.querySelector("caption")?.textContent).toBe(
    "2 of 14 methods do not apply, 1 would equal a simpler one",
  );
});

describe("a value", () => {
  const AGE: Target = { head: "age", index: null, versus: null };
  const labels = (page: Page): string[] =>
    [...page.root().querySelectorAll<HTMLOptionElement>("[data-field=sign] option")].map((option) => option.text);

  test("is increased, decreased or kept; a class has evidence", () => {
    const page = mount({ card: card("regression"), target: "age" });
    expect(labels(page)).toEqual(["Signed", "Increase the value", "Decrease the value", "Keep the value (either way)"]);
    page.click("style", 0);
    page.paint();
    expect(labels(page)).toEqual(["Signed", "Absolute", "Positive only", "Negative only"]);
  });

  test.each([
    ["signed", "years per unit of input"],
    ["positive", "increases the value · years per unit of input"],
    ["negative", "decreases the value · years per unit of input"],
    ["absolute", "moves the value either way · years per unit of input"],
  ])("with the sign %s has its unit in caption and colour bar", (sign, unit) => {
    const told = { ...meta({ target: AGE, names: ["age"], final: true }), score_unit: "years per unit of input" };
    const page = mount({
      card: card("regression"),
      target: "age",
      display: { sign },
      result: { ...told, job: 1, image: "img-0" },
      result_data: new DataView(Int16Array.of(3, -3).buffer),
    });
    expect(page.root().querySelector(".sw-scale-unit")?.textContent).toBe(unit);
    expect(page.root().querySelector(".sw-status-title")?.textContent).toBe("Integrated gradients · age (years)");
  });
});

describe("a picture in place of a map", () => {
  const painted = { target: GOTHIC, names: ["style:gothic"], method: "class_appearance" };
  const rgb = (): DataView => new DataView(Uint8Array.of(255, 0, 0, 0, 128, 255).buffer);
  const shown = (page: Page): boolean[] =>
    [".sw-scale", ".sw-display", ".sw-segments"].map(
      (part) => page.root().querySelector<HTMLElement>(part)?.hidden === true,
    );

  test("streams, says what it is, and has no controls of a map", () => {
    const page = mount({ method: "class_appearance", params: { steps: 50 } });
    expect(shown(page)).toEqual([false, false, false]);
    page.click("style", 0);
    page.accept(1);
    page.model.receive({ type: "frame", job: 1, seq: 1, ...meta(painted), kind: "picture" }, [rgb()]);
    page.paint();
    expect(page.root().dataset).toMatchObject({ method: "class_appearance", seq: "1", final: "false" });
    expect(shown(page)).toEqual([true, true, true]);
    const final = { ...meta({ ...painted, final: true }), quality: [[]], kind: "picture" };
    page.model.receive({ type: "frame", job: 1, seq: 2, ...final }, [rgb()]);
    page.paint();
    const caption = "A picture that the model would call gothic, not an attribution";
    expect(page.root().querySelector(".sw-status-facts")?.textContent).toBe(`${caption} · 50 gradients · 100 ms`);
    expect(page.root().querySelector(".sw-canvas")?.getAttribute("aria-label")).toBe(caption);
  });

  test("is there again after a reload, and gives way to the next map", () => {
    const page = mount({
      method: "class_appearance",
      params: { steps: 50 },
      target: "style:gothic",
      result: { ...meta({ ...painted, final: true }), kind: "picture", job: 1, image: "img-0" },
      result_data: rgb(),
    });
    expect(shown(page)).toEqual([true, true, true]);
    page.choose("method", "integrated_gradients");
    page.accept(2);
    page.frame(2, 5);
    page.paint();
    expect(shown(page)).toEqual([false, false, false]);
  });

  test.each([
    [{ head: "style", index: -1, versus: null }, "A picture that raises all outputs of style, not an attribution"],
    [
      { head: "age", index: null, versus: null },
      "A picture in which the model would see a high age, not an attribution",
    ],
    [
      { head: "style", index: 0, versus: 2 },
      "A picture that the model would call gothic rather than neoclassical, not an attribution",
    ],
  ])("says of %j what it is of", (target, caption) => {
    const page = mount({
      card: card("regression"),
      result: { ...meta({ ...painted, target, final: true }), kind: "picture", job: 1, image: "img-0" },
      result_data: rgb(),
    });
    expect(page.root().querySelector(".sw-canvas")?.getAttribute("aria-label")).toBe(caption);
  });
});

test("a run whose frames are parts says so while it runs, and no longer at its end", () => {
  const page = mount({ method: "guided_ig", params: { steps: 50 } });
  const facts = (): string | null | undefined => page.root().querySelector(".sw-status-facts")?.textContent;
  page.click("style", 0);
  page.accept(1);
  page.frame(1, 1);
  page.paint();
  expect(facts()).toMatch(/^10 of 50 gradients · .* · partial: not an estimate of the final map$/);
  page.frame(1, 2, true);
  page.paint();
  expect(facts()).not.toContain("partial");
});

test("an error begins with a capital letter, unless it begins with a name of code", () => {
  const page = mount();
  const text = (message: string): string | null | undefined => {
    page.click("style", page.of("request").length % 2);
    const req = page.of("request").at(-1)?.["req"];
    page.model.receive({ type: "end", job: null, req, status: "error", code: "internal", message, ms: 1 });
    page.paint();
    return page.root().querySelector(".sw-alert-text")?.textContent;
  };
  expect(text("the map holds NaN")).toBe("The map holds NaN");
  expect(text("preprocess= gave nothing")).toBe("preprocess= gave nothing");
  expect(text("guided_ig needs more steps")).toBe("guided_ig needs more steps");
});
