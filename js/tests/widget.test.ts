// The whole page over a model without a kernel: what anywidget calls, what a person does, what is left afterwards.
import { describe, expect, test, vi } from "vitest";
import { FakeModel } from "../dev/fake_model.ts";
import createWidget from "../src/widget.ts";
import { type Message, meta, traits } from "./harness.ts";
import { mount, withPages } from "./mount.ts";

withPages();

test("a click is asked for, streamed and marked on the root", () => {
  const page = mount();
  page.click("style", 0);
  page.accept(5);
  page.frame(5, 1);
  page.paint();
  expect(page.root().dataset).toMatchObject({ state: "running", job: "5", seq: "1", final: "false" });
  page.frame(5, 2, true);
  page.paint();
  expect(page.root().dataset).toMatchObject({
    state: "idle",
    seq: "2",
    final: "true",
    target: "style:gothic",
    method: "integrated_gradients",
  });
  expect(page.root().querySelector(".sw-status")?.textContent).toContain("completeness error 0.2 %");
});

test("a frame is acknowledged after the paint, once for two views", () => {
  const page = mount({}, 2);
  page.click("style", 0);
  page.accept(1);
  page.frame(1, 1);
  expect(page.of("ack")).toHaveLength(0);
  page.paint();
  expect(page.of("ack")).toHaveLength(1);
  expect(page.root(1).dataset["seq"]).toBe("1");
});

test("two views agree on choice and display", () => {
  const page = mount({}, 2);
  page.click("style", 1);
  page.paint();
  const other = page.root(1).querySelector('[data-head="style"][data-class="1"]');
  expect(other?.getAttribute("aria-selected")).toBe("true");
});

describe("keys", () => {
  const press = (on: Element, key: string) => {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
    on.dispatchEvent(event);
    return event;
  };

  test("Esc cancels the running job, and is nobody's while nothing runs", () => {
    const page = mount();
    expect(press(page.root(), "Escape").defaultPrevented).toBe(false);
    page.click("style", 0);
    page.accept(7);
    press(page.root(), "Escape");
    expect(page.of("cancel")).toEqual([{ v: 1, type: "cancel", job: 7 }]);
  });

  test("plain keys do not reach the notebook, Tab does", () => {
    const page = mount();
    const heard: string[] = [];
    document.addEventListener("keydown", (event) => heard.push(event.key));
    for (const key of ["d", "a", "ArrowDown", "Tab"]) {
      press(page.root(), key);
    }
    expect(heard).toEqual(["Tab"]);
  });
});

test("an error is shown, can be dismissed, and leaves the page usable", () => {
  const page = mount();
  page.click("style", 0);
  page.accept(1);
  page.model.receive({ type: "end", job: 1, req: null, status: "error", code: "not_finite", message: "NaN!", ms: 1 });
  page.paint();
  const alert = page.root().querySelector<HTMLElement>(".sw-alert");
  expect([alert?.hidden, alert?.textContent]).toEqual([false, expect.stringContaining("NaN!")]);
  alert?.querySelector("button")?.click();
  page.paint();
  expect(alert?.hidden).toBe(true);
  page.click("style", 1);
  expect(page.of("request")).toHaveLength(2);
});

test("a second click on a class that is being computed does not start it again", () => {
  const page = mount();
  page.click("style", 0);
  page.accept(1);
  page.click("style", 0);
  expect(page.of("request")).toHaveLength(1);
});

test("a map of which the sign leaves nothing says so", () => {
  const page = mount({ display: { sign: "positive" } });
  page.click("style", 0);
  page.accept(1);
  const values = new DataView(Int16Array.of(-3, -3).buffer);
  page.model.receive({ type: "frame", job: 1, seq: 1, ...meta({ final: true }) }, [values]);
  page.paint();
  const empty = page.root().querySelector<HTMLElement>(".sw-empty");
  expect([empty?.hidden, empty?.textContent]).toEqual([false, expect.stringContaining("Nothing speaks for it")]);
});

test("display controls do not ask the kernel", () => {
  const page = mount();
  const before = page.of("request").length;
  const sign = page.root().querySelector<HTMLSelectElement>('[data-field="sign"]');
  if (sign === null) {
    throw new Error("no sign");
  }
  sign.value = "absolute";
  sign.dispatchEvent(new Event("change"));
  vi.advanceTimersByTime(1000);
  expect(page.of("request")).toHaveLength(before);
  expect(page.model.get("display")).toMatchObject({ sign: "absolute" });
});

test("every control has a name", () => {
  const page = mount();
  for (const field of page.root().querySelectorAll<HTMLElement>("input, select, button, canvas, [role=listbox]")) {
    const by = field.getAttribute("aria-labelledby");
    const name =
      field.getAttribute("aria-label") ??
      (by ? document.getElementById(by)?.textContent : null) ??
      (field.id ? page.root().querySelector(`label[for="${field.id}"]`)?.textContent : null) ??
      field.closest("label")?.textContent ??
      field.textContent;
    expect(name, field.outerHTML).toMatch(/\w/);
  }
});

test("the page steps through its pictures", () => {
  const page = mount();
  page.root().querySelector<HTMLElement>('[aria-label="Next picture"]')?.click();
  expect(page.of("request").at(-1)?.["args"]).toMatchObject({ image: "img-1" });
});

test("a picture without a name takes no place for it", () => {
  const images = traits()["images"] as Record<string, unknown>[];
  const page = mount({ images: images.map((image, i) => (i === 1 ? image : { ...image, label: "" })) });
  const label = page.root().querySelector<HTMLElement>(".sw-picture-label");
  expect(label?.hidden).toBe(true);
  page.model.update({ image: 1, predictions: { image: "img-1", heads: {} } });
  page.paint();
  expect([label?.hidden, label?.textContent]).toEqual([false, "two.jpg"]);
});

test("Display goes under the picture where that is the shorter column, with what it holds", () => {
  // happy-dom lays nothing out: here the columns stand beside each other.
  vi.spyOn(HTMLElement.prototype, "getBoundingClientRect").mockImplementation(() => new DOMRect(0, 0, 400, 400));
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockImplementation(() => height);
  let height = 200;
  const page = mount();
  const place = (): string | undefined => page.root().querySelector(".sw-display")?.parentElement?.className;
  expect(place()).toBe("sw-stage");
  height = 512;
  page.model.update({ display: { opacity: 0.5 } });
  page.paint();
  expect(place()).toBe("sw-panel");
  expect(page.root().querySelector(".sw-display + .sw-notes")).not.toBeNull();
});

test("until another picture has come, the one before stays with its map", () => {
  const page = mount();
  page.click("style", 0);
  page.accept(1);
  page.frame(1, 1, true);
  page.root().querySelector<HTMLElement>('[aria-label="Next picture"]')?.click();
  page.model.update({ image: 1 });
  page.paint();
  const label = (): string | null => page.root().querySelector(".sw-canvas")?.getAttribute("aria-label") ?? null;
  expect(label()).toBe("Picture one.jpg with the Integrated gradients map for style: gothic, a previous map");
  page.model.update({ predictions: { image: "img-1", heads: {} }, base: new DataView(new ArrayBuffer(8)) });
  page.paint();
  expect(label()).toBe("Picture two.jpg, no map");
});

test("a view that goes leaves the session, and a model that goes takes its views", () => {
  const page = mount({}, 2);
  page.hosts[0]?.view.abort();
  expect(page.hosts[0]?.el.children).toHaveLength(0);
  expect(page.of("bye")).toHaveLength(0);
  page.life.abort();
  expect(page.hosts[1]?.el.children).toHaveLength(0);
  expect(page.of("bye")).toHaveLength(1);
});

test("initialize returns at once, and a host without signals may call what it returns", () => {
  const model = new FakeModel(traits());
  const sent: Message[] = [];
  model.answer = (message) => void sent.push(message);
  const widget = createWidget();
  const cleanup = widget.initialize({ model });
  expect(cleanup).toBeTypeOf("function");
  cleanup();
  expect(sent.map((m) => m["type"])).toEqual(["hello", "bye"]);
});

test("a saved notebook without a kernel shows its last map and says so", () => {
  const page = mount({
    target: "style:gothic",
    result: { ...meta({ final: true, names: ["style:gothic"] }), job: 4, seq: 9, image: "img-0" },
    result_data: new DataView(Int16Array.of(3, -3).buffer),
  });
  vi.advanceTimersByTime(3000);
  expect(page.root().dataset).toMatchObject({ state: "saved", job: "4", final: "true", target: "style:gothic" });
  expect(page.root().querySelector(".sw-status")?.textContent).toContain("Saved map");
});
