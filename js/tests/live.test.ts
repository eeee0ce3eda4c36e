// Live maps as the page plays its part: how fast it sends, which picture a map is laid over, and what ends it.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import request from "../../tests/fixtures/protocol/request.json";
import shot from "../../tests/fixtures/protocol/shot.json";
import { grab } from "../src/grab.ts";
import { liveView } from "../src/live.ts";
import { liveOf } from "../src/livemaps.ts";
import type { Source } from "../src/source.ts";
import { GOTHIC, INSIDE, type Message, meta, open, ROMAN } from "./harness.ts";

vi.mock("../src/grab.ts", async (original) => ({ ...(await original<object>()), grab: vi.fn() }));

interface Bitmap {
  closed: boolean;
  close(): void;
}

let bitmaps: Bitmap[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  bitmaps = [];
  vi.mocked(grab).mockImplementation((source, sized) => {
    const [width, height] = sized([...source.size()]);
    const bitmap: Bitmap = {
      closed: false,
      close: () => {
        bitmap.closed = true;
      },
    };
    bitmaps.push(bitmap);
    return Promise.resolve({ bitmap: bitmap as unknown as ImageBitmap, data: Uint8Array.of(1, 2), width, height });
  });
});
afterEach(() => {
  vi.useRealTimers();
});

function camera() {
  const source = { kind: "camera" as const, label: "Webcam", el: null, moving: true, closed: false };
  return Object.assign(source, {
    size: () => [640, 480] as const,
    moved: () => source.moving,
    draw: () => {},
    close: () => {
      source.closed = true;
    },
  }) satisfies Source;
}

/** A page on screen whose person has pressed "Webcam"; `maps` answers the page's picture of that number. */
function live() {
  const page = open();
  const view = {};
  page.session.flow.show(view, true);
  const source = camera();
  liveOf(page.session).start(source);
  let seq = 100;
  return Object.assign(page, {
    source,
    view,
    shots: () => page.of("shot").map((m) => m["n"] as number),
    frames: async (ms = 20) => {
      await vi.advanceTimersByTimeAsync(ms);
    },
    takeLive: (job: number) => {
      const { args, req } = page.of("request").at(-1) as Message;
      page.model.receive({ type: "accepted", job, req, kind: "live", args });
    },
    maps: (job: number, n: number, more: Message = {}, ms = 10) => {
      seq += 1;
      const size = { size: [298, 224], box: [37, 0, 261, 224], input: [224, 224] };
      const heads = { style: { logits: [n, 0], probabilities: [0.9, 0.1] } };
      const shot = { page: page.page, n, ...size, heads, ...more };
      const values = new DataView(Int16Array.of(n, -n).buffer);
      page.model.receive({ type: "frame", job, seq, shot, ...meta({ method: "gradient" }), ms }, [values]);
      return seq;
    },
  });
}

describe("the pace", () => {
  test("no picture is sent before the kernel has taken the job, and two are under way at most", async () => {
    const page = live();
    expect(page.of("request").at(-1)?.["kind"]).toBe("live");
    await page.frames(200);
    expect(page.shots()).toEqual([]);
    page.takeLive(1);
    await page.frames(500);
    expect(page.shots()).toEqual([1, 2]);
  });

  test("a painted map lets the next picture go, and is acknowledged", async () => {
    const page = live();
    page.takeLive(1);
    await page.frames(60);
    const seq = page.maps(1, 1);
    expect(page.of("ack")).toEqual([]);
    page.session.flow.painted();
    expect(page.of("ack").at(-1)?.["seq"]).toBe(seq);
    await page.frames(60);
    expect(page.shots()).toEqual([1, 2, 3]);
  });

  test("the map of a newer picture settles the older ones, which the kernel passed over", async () => {
    const page = live();
    page.takeLive(1);
    await page.frames(60);
    page.maps(1, 2);
    await page.frames(60);
    expect(page.shots()).toEqual([1, 2, 3, 4]);
    expect(bitmaps[0]?.closed).toBe(true);
  });

  test("where a map takes long, one picture is under way: a second one would be old when its turn comes", async () => {
    const page = live();
    page.takeLive(1);
    await page.frames(60);
    await page.frames(900);
    page.maps(1, 1);
    page.maps(1, 2);
    await page.frames(200);
    expect(page.shots()).toEqual([1, 2, 3]);
  });

  test("on a slow connection pictures are sent as JPEGs, and that is said; a slow kernel is no reason", async () => {
    const formats = async (kernel: number): Promise<[Set<unknown>, boolean | undefined]> => {
      const page = live();
      page.takeLive(1);
      for (let n = 1; n <= 12; n++) {
        await page.frames(900);
        page.maps(1, n, {}, kernel);
      }
      return [new Set(page.of("shot").map((m) => m["format"])), page.state.live?.lossy];
    };
    expect(await formats(20)).toEqual([new Set(["rgb", "jpeg"]), true]);
    expect(await formats(850)).toEqual([new Set(["rgb"]), false]);
  });

  test("a picture that got lost does not stop live for good", async () => {
    const page = live();
    page.takeLive(1);
    await page.frames(60);
    await page.frames(3200);
    expect(page.shots()).toEqual([1, 2, 3]);
    await page.frames(90_000);
    page.maps(1, page.shots().at(-1) as number);
    expect(page.state.live?.shown?.map.values[0]).toBe(page.shots().at(-1));
    expect(bitmaps.filter(({ closed }) => !closed).length).toBeLessThanOrEqual(5);
  });

  test("a picture that does not move, and a page that is off screen, send nothing", async () => {
    const page = live();
    page.takeLive(1);
    await page.frames(60);
    page.source.moving = false;
    page.maps(1, 1);
    page.maps(1, 2);
    await page.frames(500);
    expect(page.shots()).toEqual([1, 2]);
    page.source.moving = true;
    page.session.flow.show(page.view, false);
    await page.frames(500);
    expect(page.shots()).toEqual([1, 2]);
    page.session.flow.show(page.view, true);
    await page.frames(60);
    expect(page.shots()).toEqual([1, 2, 3, 4]);
  });

  test("of an hour of pictures only the last few are kept", async () => {
    const page = live();
    page.takeLive(1);
    for (let n = 1; n <= 200; n++) {
      await page.frames(40);
      page.maps(1, n);
    }
    expect(bitmaps.length).toBeGreaterThan(190);
    expect(bitmaps.filter(({ closed }) => !closed).length).toBeLessThanOrEqual(6);
  });
});

test("what is sent has the fields of the samples, and one buffer with each picture", async () => {
  const page = live();
  const answer = vi.spyOn(page.model, "answer");
  page.takeLive(1);
  await page.frames(60);
  const names = (m: object | undefined): string[] => Object.keys(m ?? {}).sort();
  const asked = page.of("request")[0] as { args: object };
  const sample = request.good.find((s) => s.message.kind === "live")?.message;
  expect([names(asked), names(asked.args)]).toEqual([names(sample), names(sample?.args)]);
  expect(names(page.of("shot")[0])).toEqual(names(shot.good[0]?.message));
  expect(answer.mock.calls.find(([m]) => m["type"] === "shot")?.[1]).toEqual([Uint8Array.of(1, 2)]);
});

describe("what is drawn", () => {
  test("a map lies over the very picture that it is of, with that picture's bars and geometry", async () => {
    const page = live();
    page.takeLive(1);
    await page.frames(60);
    page.maps(1, 1);
    const shown = liveView(page.state);
    expect(page.state.live?.shown?.bitmap).toBe(bitmaps[0]);
    expect([...(shown.map?.values ?? [])]).toEqual([1, -1]);
    expect(shown.map?.image).toBe(shown.images[0]?.id);
    expect(shown.images[0]).toMatchObject({ label: "Webcam", width: 298, height: 224, box: [37, 0, 261, 224] });
    expect(shown.predictions.heads?.["style"]).toEqual({ logits: [1, 0], probabilities: [0.9, 0.1] });
  });

  test("the chosen picture's own map stays as it was beneath", async () => {
    const page = open();
    page.session.flow.show({}, true);
    page.start(1, GOTHIC);
    page.frame(1, { final: true });
    const before = page.state.map;
    liveOf(page.session).start(camera());
    const { args, req } = page.of("request").at(-1) as Message;
    page.model.receive({ type: "accepted", job: 2, req, kind: "live", args });
    expect(page.state.map).toBe(before);
    expect(page.state.phase).toBe("live");
  });

  test("frames a second are those of the last two seconds, and the figure does not flicker", async () => {
    const page = live();
    page.takeLive(1);
    const said = new Set<number>();
    for (let n = 1; n <= 50; n++) {
      await page.frames(80 + 40 * (n % 2));
      page.maps(1, n);
      said.add(page.state.live?.rate ?? 0);
    }
    expect(page.state.live?.rate).toBeCloseTo(10, 0);
    expect(said.size).toBeLessThanOrEqual(12);
  });
});

describe("the person goes on clicking", () => {
  test("another class goes on live: its map comes without the camera being opened again", async () => {
    const page = live();
    page.takeLive(1);
    await page.frames(60);
    page.maps(1, 1);
    page.session.select(INSIDE);
    expect(page.of("request").at(-1)).toMatchObject({ kind: "live", args: { targets: [INSIDE] } });
    const before = page.state.live?.shown;
    page.maps(1, 2);
    expect(page.state.live?.shown).toBe(before);
    page.takeLive(2);
    page.end(1, "superseded");
    page.source.moving = false;
    await page.frames(60);
    expect(page.shots()).toEqual([1, 2, 3]);
    expect([page.state.phase, page.source.closed]).toEqual(["live", false]);
  });

  test("a method that is too slow is refused with the reason, and live goes on with the one before", async () => {
    const page = live();
    page.takeLive(1);
    await page.frames(60);
    const before = page.state.choice.method;
    page.session.setMethod("smoothgrad");
    page.end(null, "error", { req: page.req(2), code: "not_applicable", message: "it takes 50 gradients" });
    expect(page.state).toMatchObject({ phase: "live", error: "it takes 50 gradients" });
    expect(page.state.choice.method).toBe(before);
    page.maps(1, 1);
    expect(page.state.live?.shown?.map.job).toBe(1);
  });

  test("a start that is refused closes the camera", () => {
    const page = live();
    page.end(null, "error", { req: page.req(1), code: "not_applicable", message: "it takes 50 gradients" });
    expect([page.source.closed, page.state.live, page.state.phase]).toEqual([true, null, "error"]);
  });

  test("stop asks for the chosen picture's map again, and closes the camera", async () => {
    const page = live();
    page.takeLive(1);
    await page.frames(60);
    page.session.cancel();
    expect([page.source.closed, page.state.live]).toEqual([true, null]);
    expect(page.of("request").at(-1)?.["kind"]).toBe("explain");
    await page.frames(200);
    expect(page.shots()).toEqual([1, 2]);
    page.maps(1, 2);
    expect(page.state.live).toBeNull();
    expect(bitmaps.every(({ closed }) => closed)).toBe(true);
  });

  test("another source takes the place of the one before", async () => {
    const page = live();
    page.takeLive(1);
    const other = camera();
    liveOf(page.session).start(other);
    expect([page.source.closed, other.closed]).toEqual([true, false]);
    page.takeLive(2);
    await page.frames(60);
    expect(page.shots()).toEqual([1, 2]);
  });
});

describe("what ends it", () => {
  test.each([
    ["a job that Python started", (page: ReturnType<typeof live>) => page.start(2, ROMAN), "running"],
    [
      "an error",
      (page: ReturnType<typeof live>) => page.end(1, "error", { message: "the camera sent no picture" }),
      "error",
    ],
    ["its end, cancelled elsewhere", (page: ReturnType<typeof live>) => page.end(1, "cancelled"), "idle"],
    [
      "a kernel that is gone",
      (page: ReturnType<typeof live>) => {
        page.lose();
        page.session.flow.show(page.view, false);
      },
      "disconnected",
    ],
    ["the model that goes", (page: ReturnType<typeof live>) => page.lifetime.abort(), "live"],
  ])("%s", async (_what, happen, phase) => {
    const page = live();
    page.takeLive(1);
    await page.frames(60);
    page.maps(1, 1);
    happen(page);
    expect([page.source.closed, page.state.live, page.state.phase]).toEqual([true, null, phase]);
    const before = page.shots().length;
    await page.frames(500);
    expect(page.shots().length).toBe(before);
  });

  test("a pause does not: the kernel forgets the job after a minute, and the next picture asks for another", async () => {
    const page = live();
    page.takeLive(1);
    await page.frames(60);
    page.source.moving = false;
    page.end(1, "complete");
    expect(page.state.live).not.toBeNull();
    await page.frames(500);
    expect(page.of("request").length).toBe(1);
    page.source.moving = true;
    await page.frames(40);
    expect(page.of("request").length).toBe(2);
    page.takeLive(2);
    await page.frames(60);
    expect(page.shots()).toEqual([1, 2, 3, 4]);
  });

  test("a map of another page's picture of the same number is not laid over this page's", async () => {
    const page = live();
    page.takeLive(1);
    await page.frames(60);
    page.maps(1, 1, { page: "other" });
    expect(page.state.live?.shown).toBeNull();
    page.maps(1, 1);
    expect(page.state.live?.shown).not.toBeNull();
  });

  test("live maps of another page are acknowledged and not drawn", () => {
    const page = open();
    page.session.flow.show({}, true);
    const args = { image: "img-0", targets: [GOTHIC], method: "gradient", params: {}, score: "logit", seed: 0 };
    page.model.receive({ type: "accepted", job: 1, req: { page: "other", n: 1 }, kind: "live", args });
    const shot = { page: "other", n: 1, size: [2, 1], box: [0, 0, 2, 1], input: [2, 1], heads: {} };
    const values = new DataView(Int16Array.of(1, 2).buffer);
    page.model.receive({ type: "frame", job: 1, seq: 1, shot, ...meta() }, [values]);
    expect(page.of("ack").at(-1)?.["seq"]).toBe(1);
    expect([page.state.map, page.state.live, page.state.phase]).toEqual([null, null, "idle"]);
  });
});
