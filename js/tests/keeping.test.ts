// Maps that the page has already: from its cache, from the kernel unasked, and from the traits after a reload.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { TIMES } from "../src/session.ts";
import { GOTHIC, INSIDE, meta, open, ROMAN } from "./harness.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("rule 9: maps that the page keeps", () => {
  const seen = () => {
    const page = open();
    page.session.select(GOTHIC);
    page.accept(1);
    page.frame(1, { final: true, key: "k-gothic" });
    page.end(1, "complete");
    page.session.select(ROMAN);
    page.accept(2);
    page.frame(2, { target: ROMAN, final: true, key: "k-roman" });
    page.end(2, "complete");
    return page;
  };

  test("a map seen before is painted at once and verified with its key", () => {
    const page = seen();
    page.session.select(GOTHIC);
    expect(page.state).toMatchObject({ stale: false, phase: "idle" });
    expect(page.state.map?.target).toEqual(GOTHIC);
    expect(page.asked.have).toBe("k-gothic");
  });

  test("unchanged keeps it, as the verifying job's", () => {
    const page = seen();
    page.session.select(GOTHIC);
    page.accept(3);
    expect(page.state).toMatchObject({ stale: false, phase: "idle" });
    page.end(3, "unchanged");
    expect(page.state.map).toMatchObject({ job: 3, final: true });
    expect([...(page.state.map?.values ?? [])]).toEqual([1, -1]);
  });

  test("unchanged counts even if its accepted was lost", () => {
    const page = seen();
    page.session.select(GOTHIC);
    page.end(3, "unchanged", { req: page.req(3) });
    vi.advanceTimersByTime(1000);
    expect(page.state).toMatchObject({ phase: "idle", stale: false });
  });

  test("a map that changed meanwhile is replaced", () => {
    const page = seen();
    page.session.select(GOTHIC);
    page.accept(3);
    page.frame(3, { values: [9, 9] });
    expect([...(page.state.map?.values ?? [])]).toEqual([9, 9]);
  });

  test.each([
    ["parameters", { params: { steps: 51, baseline: "black" } }],
    ["score", { score: "probability" }],
    ["seed", { seed: 1 }],
    ["tolerance", { tolerance: 0.05 }],
    ["layers", { layer: "features.4" }],
  ])("other %s are another map", (_name, change) => {
    const page = seen();
    page.model.update(change);
    page.session.select(GOTHIC);
    expect(page.asked.have).toBeNull();
    expect(page.state.stale).toBe(true);
  });

  test("a picture that is no map is kept as it is, and counts for its bytes", () => {
    const page = open({ method: "class_appearance", params: { steps: 50 } }, 6 + 512);
    const painted = { method: "class_appearance", final: true, key: "k-painted" };
    page.session.select(GOTHIC);
    page.accept(1);
    const rgb = Uint8Array.of(9, 8, 7, 6, 5, 4);
    page.model.receive({ type: "frame", job: 1, seq: 1, ...meta(painted), kind: "picture" }, [rgb]);
    page.end(1, "complete");
    expect([...(page.state.map?.picture ?? [])]).toEqual([9, 8, 7, 6, 5, 4]);
    expect(page.state.map).toMatchObject({ bytes: 6 + 512, values: new Int16Array(0) });
    page.session.select(ROMAN);
    page.session.select(GOTHIC);
    expect(page.asked.have).toBe("k-painted");
    expect([...(page.state.map?.picture ?? [])]).toEqual([9, 8, 7, 6, 5, 4]);
  });

  test("other weights are another map", () => {
    const page = seen();
    const card = page.state.card;
    page.model.set("card", { ...card, revision: "r2" });
    page.session.select(GOTHIC);
    expect(page.asked.have).toBeNull();
  });

  test("a sibling that the kernel sends is there when it is chosen", () => {
    const page = seen();
    const { have: _, ...args } = page.asked;
    const sibling = { ...args, targets: [ROMAN], method: "gradient", params: {} };
    const values = new DataView(Int16Array.of(7, 8).buffer);
    const told = meta({ target: ROMAN, method: "gradient", final: true, key: "k-sibling" });
    page.model.receive({ type: "cache", image: "img-0", args: sibling, ...told }, [values]);
    expect(page.state.map?.method).toBe("integrated_gradients");
    page.session.setMethod("gradient");
    expect(page.state.map?.method).toBe("gradient");
    expect(page.asked.have).toBe("k-sibling");
  });

  test("a slider that moved during the run does not file the map under its new value", () => {
    const page = open();
    page.session.select(GOTHIC);
    page.accept(1);
    page.session.setParams({ steps: 99 });
    page.frame(1, { final: true });
    vi.advanceTimersByTime(TIMES.debounce);
    expect(page.asked.params["steps"]).toBe(99);
    expect(page.asked.have).toBeNull();
  });

  test("a slider that moves before the answer stays under the hand, and its value is asked for next", () => {
    const page = open();
    page.session.select(GOTHIC);
    page.session.setParams({ steps: 99 });
    page.accept(1);
    expect(page.state.choice.params["steps"]).toBe(99);
    vi.advanceTimersByTime(TIMES.debounce);
    expect(page.asked).toMatchObject({ targets: [GOTHIC], params: { steps: 99 } });
  });

  test("a kept map can be looked at without a kernel, and is what the page goes back to", () => {
    const page = seen();
    page.lose();
    page.session.select(GOTHIC);
    expect(page.state).toMatchObject({ phase: "disconnected", stale: false, map: { target: GOTHIC } });
    page.session.select(INSIDE);
    expect(page.state).toMatchObject({ phase: "disconnected", stale: false, map: { target: GOTHIC } });
    expect(page.state.choice.target).toEqual(GOTHIC);
  });

  test("a kept map whose request is refused makes way for the one before", () => {
    const page = seen();
    page.session.select(GOTHIC);
    page.end(null, "error", { req: page.req(3), code: "closed", message: "closed" });
    expect(page.state).toMatchObject({ phase: "error", stale: false, map: { target: ROMAN } });
    expect(page.state.choice.target).toEqual(ROMAN);
  });

  test("what does not fit the cache is forgotten", () => {
    const page = open({}, 100);
    page.session.select(GOTHIC);
    page.accept(1);
    page.frame(1, { final: true });
    page.session.select(ROMAN);
    page.session.select(GOTHIC);
    expect(page.asked.have).toBeNull();
  });
});

describe("a page that was loaded anew", () => {
  const saved = {
    target: "style:gothic",
    result: { ...meta({ final: true, key: "k-1" }), job: 4, image: "img-0" },
    result_data: new DataView(Int16Array.of(3, -3).buffer),
  };

  test("shows the last map without asking for it", () => {
    const page = open(saved);
    page.welcome(4);
    vi.advanceTimersByTime(60_000);
    expect(page.state).toMatchObject({ phase: "idle", stale: false });
    expect([...(page.state.map?.values ?? [])]).toEqual([3, -3]);
    expect(page.of("request")).toHaveLength(0);
  });

  test("says so when no kernel answers", () => {
    const page = open(saved);
    vi.advanceTimersByTime(TIMES.welcome);
    expect(page.state.phase).toBe("saved");
    page.welcome(4);
    expect(page.state.phase).toBe("idle");
  });

  test("verifies the restored map instead of computing it when it is clicked", () => {
    const page = open(saved);
    page.session.select(GOTHIC);
    expect(page.asked.have).toBe("k-1");
  });

  test("numbers its requests under a new page name", () => {
    expect(open().page).not.toBe(open().page);
  });

  test("follows a job that runs", () => {
    const page = open(saved);
    page.welcome(9, true);
    page.start(9, ROMAN);
    expect(page.state).toMatchObject({ phase: "running", stale: true });
    page.frame(9, { target: ROMAN });
    expect(page.state).toMatchObject({ stale: false });
  });

  test("drops frames of jobs older than the welcome's", () => {
    const page = open();
    page.welcome(9);
    page.frame(8);
    expect(page.state.map).toBeNull();
  });

  test("does not paint a result of another picture", () => {
    expect(open({ ...saved, image: 1 }).state.map).toBeNull();
  });
});
