// Experiments: what the kernel found is taken apart rightly, plotted with round numbers, and asked for as it was chosen.
import { describe, expect, test } from "vitest";
import catalogue from "../../tests/fixtures/protocol/catalogue.json";
import found from "../../tests/fixtures/protocol/finding.json";
import { createChart, ticks, valueAt } from "../src/chart.ts";
import { type Curve, findingOf } from "../src/found.ts";
import type { Told } from "../src/protocol.ts";
import { type Message, traits } from "./harness.ts";
import { mount, type Page, withPages } from "./mount.ts";

withPages();

const [last, running, grown] = found.good;
const bytes = (): Uint8Array => Uint8Array.from(atob(last?.buffer ?? ""), (c) => c.charCodeAt(0));
const told = (more: Message = {}): Told => ({ ...last?.message, data: bytes(), ...more }) as unknown as Told;

const curve = (x: (number | null)[], y: (number | null)[], more: Partial<Curve> = {}): Curve => ({
  ...{ label: "score", x, y, x_unit: "distance", y_unit: "logit", panel: "", role: "main" },
  ...more,
});

describe("a finding", () => {
  test("has the maps and pictures of each place, cut from one buffer in their order", () => {
    const finding = findingOf(told());
    const [place] = finding?.places ?? [];
    expect([...(place?.maps[0]?.map.values ?? [])]).toEqual([2, -2]);
    expect(place?.maps[0]?.map.scale).toBe(0.5);
    expect([...(place?.pictures[0]?.rgb ?? [])]).toEqual([1, 2, 3]);
    expect([...(finding?.seen?.rgb ?? [])]).toEqual([4, 5, 6]);
  });
  test("of Python keeps the pixels of places that were sent before, and is nothing where they were missed", () => {
    const positions = (last?.message.found.positions ?? []).map((one) => ({ ...one, key: 1 }));
    const before = findingOf(told({ job: null, found: { ...last?.message.found, positions } }));
    const more = (buffer = grown?.buffer ?? ""): Told => {
      const data = Uint8Array.from(atob(buffer), (c) => c.charCodeAt(0));
      return { ...grown?.message, data } as unknown as Told;
    };
    const next = findingOf(more(), before);
    expect(next?.places.map(({ label, maps }) => [label, maps[0]?.map.scale])).toEqual([
      ["step 0", 0.5],
      ["step 1", 0.5],
    ]);
    expect(next?.places[0]?.maps).toBe(before?.places[0]?.maps);
    expect(next?.seen).toBe(before?.seen);
    expect(findingOf(more())).toBeNull();
    expect(findingOf(more(), findingOf(told()))).toBeNull();
  });
  test("is nothing where its pixels are too few", () => {
    expect(findingOf(told({ data: bytes().slice(0, 8) }))).toBeNull();
    expect(findingOf(told({ data: null }))).toBeNull();
  });
});

describe("a plot", () => {
  test("has round numbers at its axes", () => {
    expect(ticks([0, 1], 4)).toEqual([0, 0.5, 1]);
    expect(ticks([-0.02, 0.02], 4).map((v) => Number(v.toFixed(4)))).toEqual([-0.02, -0.01, 0, 0.01, 0.02]);
    expect(ticks([3, 47], 4)).toEqual([20, 40]);
  });
  test("tells the value between two points, and none where there is none", () => {
    expect(valueAt(curve([0, 1, 2], [0, 10, null]), 0.25)).toBe(2.5);
    expect(valueAt(curve([0, 1, 2], [0, 10, null]), 1.5)).toBeNull();
    expect(valueAt(curve([0, 1], [0, 10]), 3)).toBeNull();
  });
  test("breaks a line where a value is missing, and draws no NaN", () => {
    const chart = createChart("", new AbortController().signal);
    chart.update([curve([0, 1, 2, 3], [0, null, 2, 3])], 1);
    const path = chart.el.querySelector("path")?.getAttribute("d") ?? "";
    expect(path.match(/M/g)).toHaveLength(2);
    expect(chart.el.innerHTML).not.toContain("NaN");
  });
  test("tells six methods, both controls and what chance would give apart, in the legend as in the plot", () => {
    const chart = createChart("", new AbortController().signal);
    const names = ["a", "b", "c", "d", "e", "f"].map((label) => curve([0, 1], [0, 1], { label }));
    const controls = ["edges", "random"].map((label) => curve([0, 1], [0, 1], { label, role: "control" }));
    chart.update([...names, ...controls, curve([0, 1], [0, 1], { label: "chance", role: "reference" })], null);
    const looks = (selector: string): string[] =>
      [...chart.el.querySelectorAll(selector)].map((one) => one.getAttribute("class")?.match(/sw-ink-\S+/)?.[0] ?? "");
    const [drawn, told] = [looks(".sw-chart-plot > path"), looks(".sw-chart-swatch")];
    expect(new Set(drawn).size).toBe(9);
    expect(told).toEqual(drawn);
  });
  test("of lines that never change, or have no points, draws no NaN either", () => {
    const chart = createChart("", new AbortController().signal);
    for (const curves of [[curve([0, 1], [5, 5])], [curve([2], [0])], [curve([], [])]]) {
      chart.update(curves, 0);
      expect(chart.el.innerHTML).not.toMatch(/NaN|Infinity/);
    }
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
  const button = (page: Page): HTMLButtonElement =>
    [...page.root().querySelectorAll<HTMLButtonElement>(".sw-lab button")].find((b) =>
      ["Run", "Stop"].includes(b.textContent ?? ""),
    ) as HTMLButtonElement;
  const region = (page: Page): HTMLElement => page.root().querySelector(".sw-lab-region") as HTMLElement;

  test("asks for what is chosen, with the map's own method, and shows what comes", () => {
    const page = opened();
    button(page).click();
    const request = page.of("request").at(-1) as Message;
    expect(request["kind"]).toBe("lab");
    expect(request["args"]).toMatchObject({
      ...{ experiment: "taylor", params: { steps: 12 }, image: "img-0", method: "integrated_gradients" },
      target: { head: "style", index: 0, versus: null },
    });
    page.model.receive({ type: "accepted", job: 9, req: request["req"], kind: "lab", args: {} });
    page.model.receive({ ...running?.message });
    page.paint();
    expect(region(page).dataset["final"]).toBe("false");
    expect(region(page).textContent).toContain("1 of 3 evaluations");
    page.model.receive({ ...last?.message }, [new DataView(bytes().buffer)]);
    const end = { status: "complete", code: null, message: null, ms: 1 };
    page.model.receive({ type: "end", job: 9, req: request["req"], ...end });
    page.paint();
    expect(region(page).dataset["final"]).toBe("true");
    expect(region(page).querySelector(".sw-lab-reading")?.textContent).toBe("It holds.");
    expect(region(page).querySelector(".sw-lab-caveat")?.textContent).toBe("Here.");
    expect(region(page).querySelector(".sw-lab-said")?.textContent).toBe("style: gothic 90.0 %");
  });

  test("stops at the same button, and says why nothing was found", () => {
    const page = opened();
    button(page).click();
    page.paint();
    const request = page.of("request").at(-1) as Message;
    page.model.receive({ type: "accepted", job: 9, req: request["req"], kind: "lab", args: {} });
    expect(button(page).textContent).toBe("Stop");
    button(page).click();
    expect(page.of("cancel").map((m) => m["job"])).toEqual([9]);
    const end = { status: "error", code: "not_applicable", message: "no such thing", ms: 1 };
    page.model.receive({ type: "end", job: 9, req: request["req"], ...end });
    page.paint();
    expect(region(page).querySelector("[role=alert]")?.textContent).toBe("no such thing");
  });

  const shownBy = (page: Page, labels: readonly string[], first: number): void => {
    const [one] = last?.message.found.positions ?? [];
    const positions = labels.map((label, i) => ({ ...one, key: first + i, label, value: i }));
    const pixels = bytes();
    const places = labels.flatMap(() => [...pixels.slice(0, 7)]);
    const data = Uint8Array.from([...places, ...pixels.slice(7)]);
    const message = {
      ...last?.message,
      job: null,
      found: { ...last?.message.found, experiment: "training", positions },
    };
    page.model.receive(message, [new DataView(data.buffer)]);
    page.paint();
  };
  const where = (page: Page): string => region(page).querySelector(".sw-lab-where")?.textContent ?? "";

  test("shows unasked what Python shows, at its newest place, unless the slider stands at an older one", () => {
    const page = opened();
    shownBy(page, ["step 0"], 1);
    expect(region(page).hidden).toBe(false);
    expect(region(page).dataset["experiment"]).toBe("training");
    shownBy(page, ["step 0", "step 1"], 1);
    expect(where(page)).toBe("step 1");
    const slider = region(page).querySelector(".sw-lab-slider") as HTMLInputElement;
    slider.value = "0";
    slider.dispatchEvent(new Event("input"));
    shownBy(page, ["step 0", "step 1", "step 2"], 1);
    expect(where(page)).toBe("step 0");
    expect(page.of("request")).toEqual([]);
  });

  test("stays closed once it was closed, until Python shows another one", () => {
    const page = opened();
    shownBy(page, ["step 0"], 1);
    [...region(page).querySelectorAll("button")].find((b) => b.textContent === "Close")?.click();
    shownBy(page, ["step 0", "step 1"], 1);
    expect(region(page).hidden).toBe(true);
    shownBy(page, ["step 0"], 7);
    expect(region(page).hidden).toBe(false);
  });

  test("asks for all of it where it missed a part", () => {
    const page = opened();
    const asked = page.of("experiments").length;
    page.model.receive({ ...grown?.message }, [new DataView(bytes().buffer)]);
    page.paint();
    expect(page.of("experiments")).toHaveLength(asked + 1);
    expect(region(page).hidden).toBe(true);
  });
});
