// Pictures that Python shows one by one: each is drawn with the map that came with it, until Python, a person or a camera ends it.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { liveView } from "../src/live.ts";
import { liveOf } from "../src/livemaps.ts";
import { GOTHIC, type Message, meta, open, ROMAN } from "./harness.ts";

const closed: unknown[] = [];

beforeEach(() => {
  closed.length = 0;
  vi.stubGlobal("createImageBitmap", async (blob: Blob) => {
    const bitmap = { bytes: [...new Uint8Array(await blob.arrayBuffer())], close: () => closed.push(bitmap) };
    return bitmap;
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const ARGS = {
  image: "img-0",
  targets: [GOTHIC],
  method: "gradient",
  params: {},
  score: "logit",
  layer: null,
  seed: 0,
};

function watching() {
  const page = open();
  page.session.flow.show({}, true);
  let seq = 50;
  return Object.assign(page, {
    live: liveOf(page.session),
    begin: (job: number, req: Message | null = null) =>
      page.model.receive({ type: "accepted", job, req, kind: "live", args: { ...ARGS, tolerance: null } }),
    give: async (job: number, n: number) => {
      seq += 1;
      const size = { size: [298, 224], box: [37, 0, 261, 224], input: [224, 224] };
      const shot = { page: "", n, ...size, heads: { style: { logits: [n, 0] } }, picture: 2 };
      const values = new Uint8Array([...new Uint8Array(Int16Array.of(n, -n).buffer), 7, n]);
      page.model.receive({ type: "frame", job, seq, shot, ...meta({ method: "gradient" }) }, [
        new DataView(values.buffer),
      ]);
      await new Promise((resolve) => setTimeout(resolve, 5));
      return seq;
    },
  });
}

const picture = (page: ReturnType<typeof watching>): number[] | undefined =>
  (page.state.live?.shown?.bitmap as unknown as { bytes: number[] } | undefined)?.bytes;

describe("a picture that Python shows", () => {
  test("is drawn with the map, the bars and the geometry that came with it, and acknowledged once painted", async () => {
    const page = watching();
    page.begin(1);
    expect(page.state.phase).toBe("live");
    const seq = await page.give(1, 3);
    expect(picture(page)).toEqual([7, 3]);
    const shown = liveView(page.state);
    expect([...(shown.map?.values ?? [])]).toEqual([3, -3]);
    expect(shown.images[0]).toMatchObject({ label: "From Python", width: 298, box: [37, 0, 261, 224] });
    expect(shown.predictions.heads?.["style"]).toEqual({ logits: [3, 0] });
    page.session.flow.painted();
    expect(page.of("ack").at(-1)?.["seq"]).toBe(seq);
    expect(page.of("request")).toEqual([]);
  });

  test("is followed by the next ones, with the frames a second, and only the last few are kept", async () => {
    const page = watching();
    page.begin(1);
    for (let n = 1; n <= 12; n++) {
      await page.give(1, n);
    }
    expect(picture(page)).toEqual([7, 12]);
    expect(page.state.live?.rate).toBeGreaterThan(0);
    expect(closed.length).toBeGreaterThanOrEqual(8);
  });

  test("goes on under another class that is clicked here or on another page", async () => {
    const page = watching();
    page.begin(1);
    await page.give(1, 1);
    page.session.select(ROMAN);
    const { kind, req } = page.of("request").at(-1) as Message;
    expect(kind).toBe("live");
    page.begin(2, req as Message);
    await page.give(2, 2);
    page.begin(3, { page: "other", n: 9 });
    await page.give(3, 3);
    expect([picture(page), page.state.phase]).toEqual([[7, 3], "live"]);
  });

  test.each(["complete", "cancelled", "error"])("is gone when the job ends: %s", async (status) => {
    const page = watching();
    page.begin(1);
    await page.give(1, 1);
    page.end(1, status);
    expect([page.state.live, page.live.on]).toEqual([null, false]);
  });

  test("is gone when Python goes back to the chosen picture", async () => {
    const page = watching();
    page.begin(1);
    await page.give(1, 1);
    page.start(2, GOTHIC);
    expect([page.state.live, page.state.phase]).toEqual([null, "running"]);
  });

  test("is stopped by a person, who gets the chosen picture's map", async () => {
    const page = watching();
    page.begin(1);
    await page.give(1, 1);
    page.session.cancel();
    expect(page.state.live).toBeNull();
    expect(page.of("request").at(-1)?.["kind"]).toBe("explain");
  });
});
