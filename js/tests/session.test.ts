// The rules of docs/protocol.md as the page keeps them, told as what a person sees.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { TIMES } from "../src/session.ts";
import { GOTHIC, INSIDE, meta, open, ROMAN } from "./harness.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("rule 1 and 6: which job is painted", () => {
  test("of fifty fast clicks only the last one is painted", () => {
    const page = open();
    for (let n = 1; n <= 50; n++) {
      page.session.select(n % 2 === 0 ? GOTHIC : ROMAN);
    }
    for (let n = 1; n <= 50; n++) {
      page.accept(n, n);
      page.frame(n, { target: n % 2 === 0 ? GOTHIC : ROMAN });
      expect(page.state.map?.job ?? 0).toBe(n === 50 ? 50 : 0);
      page.end(n, n === 50 ? "complete" : "superseded", { req: page.req(n) });
    }
    expect(page.state.map?.target).toEqual(GOTHIC);
    expect(page.state.phase).toBe("idle");
  });

  test("a late frame of an older job is not painted", () => {
    const page = open();
    page.session.select(GOTHIC);
    page.accept(1);
    page.frame(1);
    page.session.select(ROMAN);
    page.accept(2);
    page.frame(2, { target: ROMAN });
    page.frame(1, { done: 50, final: true });
    expect(page.state.map?.job).toBe(2);
  });

  test("after a click nothing of the old job is painted, even before the new one is accepted", () => {
    const page = open();
    page.session.select(GOTHIC);
    page.accept(1);
    page.frame(1, { done: 10 });
    page.session.select(ROMAN);
    page.frame(1, { done: 20 });
    expect(page.state.map?.done).toBe(10);
    expect(page.state.stale).toBe(true);
  });

  test("a job that Python started is followed, and moves the choice", () => {
    const page = open();
    page.start(3, INSIDE);
    expect(page.state.choice.target).toEqual(INSIDE);
    expect(page.state.choice.method).toBe("gradient");
    page.frame(3, { target: INSIDE });
    expect(page.state.map?.job).toBe(3);
  });

  test("a job that Python started is not followed while the page waits for its own", () => {
    const page = open();
    page.session.select(GOTHIC);
    page.start(3, INSIDE);
    page.frame(3, { target: INSIDE });
    expect(page.state.map).toBeNull();
    expect(page.state.choice.target).toEqual(GOTHIC);
    page.accept(4);
    page.frame(4);
    expect(page.state.map?.job).toBe(4);
  });

  test("if the page's own request is refused, the job that was held back is shown", () => {
    const page = open();
    page.session.select(GOTHIC);
    page.start(3, INSIDE);
    page.frame(3, { target: INSIDE, final: true });
    page.end(null, "error", { req: page.req(1), code: "unknown_image", message: "no such picture" });
    expect(page.state.map?.job).toBe(3);
    expect(page.state.choice.target).toEqual(INSIDE);
    expect(page.state.error).toBe("no such picture");
  });

  test("a request of another page with the same number is not taken for the own one", () => {
    const page = open();
    page.session.select(GOTHIC);
    page.start(7, INSIDE, { page: "another", n: 1 });
    page.frame(7, { target: INSIDE });
    expect(page.state.map).toBeNull();
  });
});

describe("rule 2 and 7: ends", () => {
  test("a refused request says why, and the choice goes back to the kernel's", () => {
    const page = open({ target: "style:gothic" });
    page.session.setParams({ steps: 0 });
    vi.advanceTimersByTime(TIMES.debounce);
    page.end(null, "error", { req: page.req(1), code: "bad_parameter", message: "steps must be at least 1" });
    expect(page.state).toMatchObject({ phase: "error", error: "steps must be at least 1" });
    expect(page.state.choice.params["steps"]).toBe(50);
    page.session.dismiss();
    expect(page.state).toMatchObject({ phase: "idle", error: null });
  });

  test("after an error the page can ask again", () => {
    const page = open();
    page.session.select(GOTHIC);
    page.accept(1);
    page.end(1, "error", { code: "model_error", message: "broken" });
    expect(page.state.phase).toBe("error");
    page.session.select(GOTHIC);
    expect(page.state).toMatchObject({ phase: "running", error: null });
  });

  test("a lost end is harmless: the final frame ends the run", () => {
    const page = open();
    page.session.select(GOTHIC);
    page.accept(1);
    page.frame(1, { final: true });
    expect(page.state).toMatchObject({ phase: "idle", progress: null, startedAt: null });
    expect(page.state.notice).toBe("Integrated gradients for style: gothic, done, completeness error 0.2 %");
  });

  test("if final frame and end are both lost, a greeting finds out", () => {
    const page = open();
    page.welcome();
    page.session.select(GOTHIC);
    page.accept(1);
    page.frame(1);
    vi.advanceTimersByTime(TIMES.silence);
    expect(page.of("hello")).toHaveLength(2);
    page.welcome(1, false);
    expect(page.state.phase).toBe("idle");
  });

  test("a map that was lost as a frame is taken from the result", () => {
    const page = open();
    page.session.select(GOTHIC);
    page.accept(1);
    page.frame(1);
    const result = { ...meta({ final: true }), job: 1, image: "img-0" };
    page.model.update({ result, result_data: new DataView(Int16Array.of(5, 6).buffer) });
    expect(page.state.map).toMatchObject({ final: true, job: 1 });
    expect(page.state.phase).toBe("idle");
  });

  test("a lost request is sent again once a greeting shows that it was lost", () => {
    const page = open();
    page.session.select(GOTHIC);
    vi.advanceTimersByTime(TIMES.silence);
    page.welcome(0, false);
    expect(page.of("request")).toHaveLength(2);
    expect(page.of("request")[1]).toEqual(page.of("request")[0]);
  });

  test("a lost accepted does not lose the map: the frame of a newer job is followed", () => {
    const page = open();
    page.frame(5, { target: ROMAN });
    expect(page.state.map?.job).toBe(5);
    expect(page.state.choice.target).toEqual(ROMAN);
  });
});

describe("cancelling", () => {
  test("cancels the running job and keeps what is drawn", () => {
    const page = open();
    page.session.select(GOTHIC);
    page.accept(1);
    page.frame(1, { done: 20 });
    page.session.cancel();
    expect(page.of("cancel")).toEqual([{ v: 1, type: "cancel", job: 1 }]);
    page.end(1, "cancelled");
    expect(page.state).toMatchObject({ phase: "idle", cancelled: true, stale: false });
    expect(page.state.map?.done).toBe(20);
  });

  test("before the job has a number, cancels it as soon as it has one", () => {
    const page = open();
    page.session.select(GOTHIC);
    page.session.cancel();
    expect(page.of("cancel")).toHaveLength(0);
    page.accept(9);
    expect(page.of("cancel")).toEqual([{ v: 1, type: "cancel", job: 9 }]);
  });
});

describe("rule 8: busy and lost kernels", () => {
  test("says queued after 300 ms, and not before", () => {
    const page = open();
    page.session.select(GOTHIC);
    vi.advanceTimersByTime(299);
    expect(page.state.phase).toBe("running");
    vi.advanceTimersByTime(1);
    expect(page.state.phase).toBe("queued");
    page.accept(1);
    expect(page.state.phase).toBe("running");
  });

  test("an answered request never becomes queued", () => {
    const page = open();
    page.session.select(GOTHIC);
    page.accept(1);
    page.frame(1, { final: true });
    vi.advanceTimersByTime(TIMES.silence);
    expect(page.state.phase).toBe("idle");
  });

  test("says disconnected when sending throws, keeps the map, and recovers", () => {
    const page = open();
    page.session.select(GOTHIC);
    page.accept(1);
    page.frame(1, { final: true });
    page.lose();
    page.session.select(ROMAN);
    expect(page.state.phase).toBe("disconnected");
    expect(page.state.map?.job).toBe(1);
    vi.advanceTimersByTime(1000);
    expect(page.state.phase).toBe("disconnected");
    page.recover();
    page.session.select(ROMAN);
    page.accept(2);
    page.frame(2, { target: ROMAN });
    expect(page.state).toMatchObject({ phase: "running", stale: false });
  });

  test("a kernel that comes back is greeted, and its answer ends the disconnection", () => {
    const page = open();
    page.lose();
    page.session.select(GOTHIC);
    page.recover();
    page.model.tell("comm_live_update");
    expect(page.of("hello")).toHaveLength(2);
    page.welcome();
    expect(page.state.phase).toBe("idle");
  });
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
  ])("other %s are another map", (_name, change) => {
    const page = seen();
    page.model.update(change);
    page.session.select(GOTHIC);
    expect(page.asked.have).toBeNull();
    expect(page.state.stale).toBe(true);
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

describe("rule 11: the greeting", () => {
  test("is repeated until it is answered, three times at most", () => {
    const page = open();
    const at = [299, 1, 700, 2000, 60_000].map((ms) => {
      vi.advanceTimersByTime(ms);
      return page.of("hello").length;
    });
    expect(at).toEqual([1, 2, 3, 4, 4]);
  });

  test("is not repeated after its answer", () => {
    const page = open();
    page.welcome();
    vi.advanceTimersByTime(60_000);
    expect(page.of("hello")).toHaveLength(1);
  });

  test("answered late or twice disturbs no running job and repeats no request", () => {
    const page = open();
    page.session.select(GOTHIC);
    page.welcome(0, false);
    page.accept(1);
    page.frame(1);
    page.welcome(0, false);
    expect(page.state.phase).toBe("running");
    expect(page.of("request")).toHaveLength(1);
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

describe("asking", () => {
  test("a moving slider asks once, when it rests", () => {
    const page = open({ target: "style:gothic" });
    for (const steps of [60, 70, 80]) {
      page.session.setParams({ steps });
      vi.advanceTimersByTime(TIMES.debounce - 1);
    }
    expect(page.of("request")).toHaveLength(0);
    vi.advanceTimersByTime(1);
    expect(page.of("request")).toHaveLength(1);
    expect(page.asked.params).toEqual({ steps: 80, baseline: "black" });
  });

  test("another method is asked for with its own defaults", () => {
    const page = open({ target: "style:gothic" });
    page.session.setMethod("smoothgrad");
    expect(page.asked).toMatchObject({ method: "smoothgrad", params: { samples: 50, noise: 0.15, antithetic: false } });
  });

  test("another picture keeps target and method", () => {
    const page = open({ target: "style:gothic" });
    page.session.setImage(1);
    expect(page.asked).toMatchObject({ image: "img-1", targets: [GOTHIC], method: "integrated_gradients" });
    page.session.setImage(2);
    expect(page.of("request")).toHaveLength(1);
  });

  test("without a target the kernel takes the top class, and the page follows its answer", () => {
    const page = open();
    page.session.setScore("probability");
    expect(page.asked.targets).toEqual([]);
    const { have: _, ...args } = page.asked;
    const targets = [ROMAN];
    page.model.receive({ type: "accepted", job: 1, req: page.req(1), kind: "explain", args: { ...args, targets } });
    expect(page.state.choice.target).toEqual(ROMAN);
  });
});

describe("display", () => {
  test("never asks the kernel, and is saved once the hand rests", () => {
    const page = open();
    page.welcome();
    const sent = page.sent.length;
    page.session.setDisplay({ opacity: 0.4 });
    page.session.setDisplay({ opacity: 0.5 });
    expect(page.state.display.opacity).toBe(0.5);
    expect(page.model.get("display")).toEqual({});
    vi.advanceTimersByTime(1000);
    expect(page.model.get("display")).toMatchObject({ opacity: 0.5, colormap: "red-blue" });
    expect(page.sent).toHaveLength(sent);
  });

  test("is the only trait that the page writes", () => {
    const page = open();
    const before = { ...page.model.traits };
    page.session.select(GOTHIC);
    page.accept(1);
    page.frame(1, { final: true });
    page.session.setDisplay({ opacity: 0.5 });
    vi.advanceTimersByTime(20_000);
    const changed = Object.keys(before).filter((key) => before[key] !== page.model.traits[key]);
    expect(changed).toEqual(["display"]);
  });

  test("follows another page, but not while this one is being changed", () => {
    const page = open();
    page.model.set("display", { opacity: 0.1 });
    expect(page.state.display.opacity).toBe(0.1);
    page.session.setDisplay({ opacity: 0.9 });
    page.model.set("display", { opacity: 0.2 });
    expect(page.state.display.opacity).toBe(0.9);
  });
});

test("leaving says goodbye and stops all timers", () => {
  const page = open();
  page.session.select(GOTHIC);
  page.lifetime.abort();
  expect(page.sent.at(-1)).toMatchObject({ type: "bye", page: page.page });
  const sent = page.sent.length;
  vi.advanceTimersByTime(60_000);
  expect(page.sent).toHaveLength(sent);
  page.frame(1);
  expect(page.state.map).toBeNull();
});
