// Kernels that are busy, silent, lost or back: what the page says, and what stays on screen.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { TIMES } from "../src/session.ts";
import { GOTHIC, open, ROMAN } from "./harness.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
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
    expect(page.state).toMatchObject({ phase: "disconnected", stale: false });
    expect(page.state.map?.job).toBe(1);
    expect(page.state.choice.target).toEqual(GOTHIC);
    vi.advanceTimersByTime(1000);
    expect(page.state.phase).toBe("disconnected");
    page.recover();
    page.session.select(ROMAN);
    page.accept(2);
    page.frame(2, { target: ROMAN });
    expect(page.state).toMatchObject({ phase: "running", stale: false });
  });

  test("a kernel that is lost before the first frame of a job leaves the map before, and its choice", () => {
    const page = open();
    page.session.select(GOTHIC);
    page.accept(1);
    page.frame(1, { final: true });
    page.session.setMethod("gradient");
    page.accept(2);
    page.lose();
    vi.advanceTimersByTime(TIMES.silence);
    expect(page.state).toMatchObject({ phase: "disconnected", stale: false });
    expect(page.state.choice).toMatchObject({ method: "integrated_gradients", params: { steps: 50 } });
  });

  test("the end of the job before does not hide that the page's own request is queued", () => {
    const page = open();
    page.session.select(GOTHIC);
    page.accept(1);
    page.frame(1);
    page.session.select(ROMAN);
    vi.advanceTimersByTime(TIMES.queued);
    page.frame(1, { final: true });
    page.end(1, "complete");
    expect(page.state.phase).toBe("queued");
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
