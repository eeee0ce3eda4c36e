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

  test("a prediction for another page does not end or hide the job that it interrupts", () => {
    const page = open();
    page.start(3, INSIDE);
    page.frame(3, { target: INSIDE, done: 10 });
    const args = { image: "img-0" };
    page.model.receive({ type: "accepted", job: 4, req: { page: "another", n: 1 }, kind: "predict", args });
    page.end(4, "complete", { req: { page: "another", n: 1 } });
    page.welcome(4, true);
    page.frame(3, { target: INSIDE, done: 20 });
    expect(page.state).toMatchObject({ phase: "running", map: { job: 3, done: 20 } });
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

  test("a request that is refused while a job runs leaves that job running and chosen", () => {
    const page = open({ target: "style:gothic" });
    page.session.select(ROMAN);
    page.accept(1);
    page.frame(1, { target: ROMAN });
    page.session.select(INSIDE);
    page.end(null, "error", { req: page.req(2), code: "unknown_target", message: "no" });
    expect(page.state).toMatchObject({ phase: "running", error: "no", stale: false });
    expect(page.state.choice.target).toEqual(ROMAN);
    page.frame(1, { target: ROMAN, final: true });
    expect(page.state.map?.final).toBe(true);
  });

  test("a job that ends while a request waits to be refused is shown to its end", () => {
    const page = open();
    page.session.select(GOTHIC);
    page.accept(1);
    page.frame(1);
    page.session.select(INSIDE);
    page.frame(1, { final: true });
    const result = { ...meta({ final: true }), job: 1, image: "img-0" };
    page.model.update({ result, result_data: new DataView(Int16Array.of(5, 6).buffer) });
    page.end(1, "complete");
    page.end(null, "error", { req: page.req(2), code: "unknown_target", message: "no" });
    expect(page.state).toMatchObject({ phase: "error", stale: false, map: { final: true, job: 1 } });
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
    page.session.select(INSIDE);
    page.accept(2);
    page.session.select(GOTHIC);
    expect(page.asked.have).toBe("k");
    expect(page.state).toMatchObject({ stale: false, map: { final: true, job: 1 } });
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
    page.session.set({ score: "probability" });
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
