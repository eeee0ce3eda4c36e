// Pictures in: which there are, which are in sight, what is sent and what is refused, what is marked.
import { describe, expect, test, vi } from "vitest";
import { areaOf, edge, type Mask, unpack } from "../src/masks.ts";
import { kindOf, prepared } from "../src/picture_file.ts";
import type { Picture, Told } from "../src/protocol.ts";
import { shares } from "../src/region.ts";
import { pictureAt, placeOf } from "../src/state.ts";
import { addedOf, surveyOf, thumbsOf } from "../src/told.ts";
import { type Message, open, traits } from "./harness.ts";
import { mount, type Page, withPages } from "./mount.ts";

withPages();

const one = { label: "", width: 224, height: 224, box: [0, 0, 224, 224], input: [224, 224] };
const DATASET = {
  images: [
    { id: "d-0", at: 0, ...one, label: "first.jpg" },
    { id: "d-40", at: 40, ...one },
    { id: "mine", at: 5000, ...one, label: "mine.png" },
  ],
  image: 40,
  gallery: { count: 5001, labelled: true, name: "d", unread: 5000 },
  predictions: { image: "d-40", heads: {} },
};

describe("a data set", () => {
  test("is as long as it is, whatever of it is known", () => {
    const { state } = open(DATASET);
    expect([state.album.count, state.at, state.images.length]).toEqual([5001, 40, 3]);
    expect(state.images[state.image]?.id).toBe("d-40");
    expect(state.choice.image).toBe("d-40");
  });

  test("names its pictures before anybody has looked at them", () => {
    const { state } = open(DATASET);
    expect([0, 41, 4999, 5000].map((place) => pictureAt(state, place))).toEqual(["d-0", "d-41", "d-4999", "mine"]);
    expect([-1, 5001, 0.5].map((place) => pictureAt(state, place))).toEqual([null, null, null]);
    expect(["d-0", "d-41", "mine", "e-3", "none"].map((id) => placeOf(state, id))).toEqual([0, 41, 5000, null, null]);
  });

  test("is stepped through by the arrows over the picture", () => {
    const page = open(DATASET);
    page.session.setImage(41);
    expect(page.asked).toMatchObject({ image: "d-41", targets: [] });
    page.session.setImage(5001);
    expect(page.of("request")).toHaveLength(1);
  });

  test("an older kernel says nothing of it: then the pictures are those that it names", () => {
    const { state } = open();
    expect(state.album).toEqual({ count: 2, labelled: false, name: "", unread: 0 });
    expect(state.images.map(({ at }) => at)).toEqual([0, 1]);
    expect(pictureAt(state, 1)).toBe("img-1");
  });
});

const frames = (page: Page): HTMLElement[] => [...page.root().querySelectorAll<HTMLElement>(".sw-frame")];
const requests = (page: Page, kind: string): Message[] => page.of("request").filter((m) => m["kind"] === kind);

const imageOf = (page: Page): unknown => ((requests(page, "explain").at(-1) as Message)["args"] as Message)["image"];

function finish(page: Page): void {
  page.click("style", 0);
  page.accept(1);
  page.frame(1, 1, true);
  page.paint();
}

describe("the strip", () => {
  test("draws what is in sight of five thousand, and asks for it after the first map", () => {
    const page = mount(DATASET);
    expect(frames(page).length).toBeLessThan(20);
    vi.advanceTimersByTime(1000);
    expect(page.of("thumbs")).toHaveLength(0);
    finish(page);
    vi.advanceTimersByTime(1000);
    const places = frames(page).map((frame) => Number(frame.dataset["picture"]));
    expect(page.of("thumbs").map((m) => m["pictures"])).toEqual([places]);
  });

  test("asks again where no answer comes", () => {
    const page = mount();
    finish(page);
    vi.advanceTimersByTime(30_000);
    expect(page.of("thumbs").map((m) => m["pictures"])).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  test("is not there for one picture alone", () => {
    const { images } = traits() as { images: unknown[] };
    const page = mount({ images: images.slice(0, 1) });
    expect(page.root().querySelector<HTMLElement>(".sw-strip")?.hidden).toBe(true);
  });

  test("shows a small picture once it has come, and its number until then", () => {
    const page = mount();
    finish(page);
    vi.advanceTimersByTime(100);
    expect(frames(page).map((frame) => frame.textContent)).toEqual(["1", "2"]);
    page.model.receive({ type: "thumbs", pictures: [0, 1], sizes: [4, 0] }, [new DataView(new ArrayBuffer(4))]);
    expect(frames(page).map((frame) => frame.firstElementChild?.tagName)).toEqual(["IMG", "SPAN"]);
    vi.advanceTimersByTime(60_000);
    expect(page.of("thumbs")).toHaveLength(1);
  });

  test("a click asks for that picture, and the arrow keys for the ones beside it", () => {
    const page = mount();
    finish(page);
    frames(page)[1]?.click();
    expect(imageOf(page)).toBe("img-1");
    page.paint();
    expect(frames(page).map((frame) => frame.getAttribute("aria-checked"))).toEqual(["false", "true"]);
    const rail = page.root().querySelector(".sw-rail");
    rail?.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true }));
    expect(imageOf(page)).toBe("img-0");
    expect(document.activeElement).toBe(frames(page)[0]);
  });
});

const mask: Mask = { name: "door", width: 4, height: 2, inside: Uint8Array.of(0, 1, 1, 0, 0, 1, 1, 0) };
const about = { name: "door", width: 4, height: 2, runs: 5 };
const runs = (...lengths: number[]): Uint8Array => new Uint8Array(Uint16Array.from(lengths).buffer);

describe("masks", () => {
  test("are unpacked one after the other", () => {
    const full = { name: "all", width: 3, height: 1, runs: 2 };
    const found = unpack({ masks: [about, full], data: runs(1, 2, 2, 2, 1, 0, 3) });
    expect(found).toEqual([mask, { name: "all", width: 3, height: 1, inside: Uint8Array.of(1, 1, 1) }]);
  });

  test.each([
    ["too few runs", { masks: [about], data: runs(1, 2) }],
    ["runs that do not fill it", { masks: [about], data: runs(1, 2, 2, 2, 0) }],
    ["no bytes", { masks: [about], data: null }],
    ["nothing", { data: null }],
  ])("make no sense with %s", (_, masks) => {
    expect(unpack(masks)).toEqual([]);
  });

  const picture = { ...one, id: "p", width: 8, height: 4, box: [0, 0, 8, 4], input: [4, 2] } as unknown as Picture;

  test("say which cells of what the model saw lie inside", () => {
    expect([...areaOf(mask, picture).inside(4, 2)]).toEqual([...mask.inside]);
    expect([...areaOf(mask, picture).inside(2, 1)]).toEqual([1, 0]);
    const part = { ...picture, box: [4, 0, 8, 4] } as Picture;
    expect([...areaOf(mask, part).inside(2, 1)]).toEqual([1, 0]);
    const wider = { ...picture, box: [-4, 0, 12, 4] } as Picture;
    expect([...areaOf(mask, wider).inside(8, 1)]).toEqual([0, 0, 0, 1, 1, 0, 0, 0]);
  });

  test("a map's share inside is what lies in those cells", () => {
    const values = Int16Array.of(1, 2, 3, -4, 0, 2, -4, 0);
    expect(shares({ values, width: 4, height: 2 }, areaOf(mask, picture).inside(4, 2))).toEqual({
      positive: 7 / 8,
      negative: 4 / 8,
      area: 0.5,
    });
  });

  test("have an edge in the picture's own pixels", () => {
    const box: Mask = { name: "b", width: 4, height: 4, inside: new Uint8Array(16).fill(1, 5, 7).fill(1, 9, 11) };
    const path = edge(box, { ...picture, width: 8, height: 8 });
    const numbers = [...path.matchAll(/[\d.]+/g)].map(Number);
    expect([Math.min(...numbers), Math.max(...numbers)]).toEqual([2, 6]);
    expect(path.startsWith("M") && path.endsWith("Z")).toBe(true);
    expect(edge({ ...box, inside: new Uint8Array(16) }, picture)).toBe("");
  });

  test("are drawn when they are chosen, and their shares stand under the picture", () => {
    const page = mount({
      masks: { image: "img-0", masks: [about] },
      masks_data: new DataView(runs(1, 2, 2, 2, 1).buffer),
    });
    finish(page);
    const lines = (): string[] =>
      [...page.root().querySelectorAll(".sw-figure .sw-ink.sw-mark-mask")].map((path) => path.getAttribute("d") ?? "");
    const button = page.root().querySelector<HTMLElement>('button[data-mask="door"]');
    expect([lines(), button?.getAttribute("aria-pressed")]).toEqual([[], "false"]);
    button?.click();
    page.paint();
    expect(lines().map((d) => d.slice(0, 1))).toEqual(["M"]);
    expect(page.root().querySelector('.sw-shares[data-mask="door"]')?.getAttribute("data-area")).toBe("0.5");
    page.root().querySelector<HTMLElement>('button[data-mask="door"]')?.click();
    page.paint();
    expect([lines().length, page.root().querySelector('.sw-shares[data-mask="door"]')]).toEqual([0, null]);
  });

  test("of another picture are not shown", () => {
    const page = mount({
      masks: { image: "img-1", masks: [about] },
      masks_data: new DataView(runs(1, 2, 2, 2, 1).buffer),
    });
    finish(page);
    expect(page.root().querySelector("button[data-mask]")).toBeNull();
  });
});

const JPEG = Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 1, 2, 3, 4, 5, 6, 7, 8);
const file = (bytes: BlobPart, size = 0): Blob => {
  const blob = new Blob([bytes]);
  return size === 0 ? blob : Object.defineProperty(blob, "size", { value: size });
};

describe("a picture of one's own", () => {
  test.each([
    ["image/jpeg", [0xff, 0xd8, 0xff, 0xdb]],
    ["image/png", [0x89, 0x50, 0x4e, 0x47]],
    ["image/gif", [0x47, 0x49, 0x46, 0x38]],
    ["image/webp", [...new TextEncoder().encode("RIFF....WEBP")]],
    ["image/bmp", [0x42, 0x4d]],
    ["", [...new TextEncoder().encode("<svg>")]],
    ["", [...new TextEncoder().encode("RIFF....WAVE")]],
    ["", []],
  ])("is %s by its first bytes", (kind, bytes) => {
    expect(kindOf(Uint8Array.from(bytes))).toBe(kind);
  });

  test("goes as it is where it is not too large", async () => {
    expect(await prepared(file(JPEG), "a.jpg")).toEqual({ bytes: JPEG, note: "" });
  });

  test.each([
    ["empty", file(""), /"a\.b" is empty/],
    ["a text", file("hello, world, hello"), /not a picture of a kind that is taken: JPEG, PNG, WebP, GIF or BMP/],
    ["huge", file(JPEG, 65 * 2 ** 20), /is 65\.0 MB, more than the 64\.0 MB that are opened/],
    ["large and broken", file(JPEG, 9 * 2 ** 20), /\(9\.0 MB\) cannot be opened by this browser/],
  ])("is refused in words if it is %s", async (_, data, words) => {
    await expect(prepared(data, "a.b")).rejects.toThrow(words);
  });

  test("is sent when it is dropped on the picture, and shown when the kernel has it", async () => {
    const page = mount();
    vi.useRealTimers();
    const figure = page.root().querySelector(".sw-figure") as HTMLElement;
    const drop = Object.assign(new Event("drop", { bubbles: true, cancelable: true }), {
      dataTransfer: { types: ["Files"], files: [new File([JPEG], "church.jpg"), new File(["x"], "notes.txt")] },
    });
    figure.dispatchEvent(drop);
    expect(drop.defaultPrevented).toBe(true);
    await vi.waitFor(() => expect(page.of("image")).toHaveLength(1));
    const [sent] = page.of("image");
    expect(sent).toMatchObject({ name: "church.jpg" });
    page.model.receive({ type: "accepted", job: 5, req: sent?.["req"], kind: "image", args: {} });
    page.model.receive({ type: "added", job: 5, image: "new", notes: ["rotated as its EXIF data says"] });
    page.model.receive({
      type: "end",
      job: 5,
      req: sent?.["req"],
      status: "complete",
      code: null,
      message: null,
      ms: 9,
    });
    expect(imageOf(page)).toBe("new");
    const part = page.root().querySelector(".sw-pictures");
    await vi.waitFor(() => expect(part?.querySelector("[role=alert]")?.textContent).toContain('"notes.txt" is not'));
    expect(page.of("image")).toHaveLength(1);
    expect(part?.querySelector(".sw-added")?.textContent).toBe("Added church.jpg; rotated as its EXIF data says");
  });

  test("that the kernel refuses is said", async () => {
    const page = mount();
    vi.useRealTimers();
    const paste = Object.assign(new Event("paste", { bubbles: true, cancelable: true }), {
      clipboardData: { files: [new File([JPEG], "image.png")] },
    });
    await new Promise((done) => requestAnimationFrame(done));
    page.root().dispatchEvent(paste);
    await vi.waitFor(() => expect(page.of("image")).toHaveLength(1));
    const end = {
      type: "end",
      job: null,
      req: page.of("image")[0]?.["req"],
      status: "error",
      code: "unknown_image",
      ms: 1,
    };
    page.model.receive({ ...end, message: "'image.png' is too large" });
    const alert = page.root().querySelector(".sw-pictures [role=alert]");
    await vi.waitFor(() => expect(alert?.textContent).toBe("'image.png' is too large"));
  });
});

test("what makes no sense of what the kernel tells is dropped", () => {
  const told = (fields: object): Told => ({ type: "survey", job: 1, data: null, ...fields }) as Told;
  expect(thumbsOf(told({ pictures: [1], sizes: [4], data: new Uint8Array(3) }))).toBeNull();
  expect(thumbsOf(told({ pictures: [1, 2], sizes: [3], data: new Uint8Array(3) }))).toBeNull();
  expect(thumbsOf(told({ pictures: [1], sizes: [3], data: new Uint8Array(3) }))).toEqual([[1, new Uint8Array(3)]]);
  expect(addedOf(told({ image: 3, notes: [] }))).toBeNull();
  const row = { at: 0, image: "a", problem: null, heads: { style: { true: null, top: 1, next: 0, p: [1, 0] } } };
  expect(surveyOf(told({ revision: "r", rows: [row], done: 1, total: 1 }))).toBeNull();
  expect(surveyOf(told({ revision: "r", rows: [], done: 1, total: 1 }))?.rows).toEqual([]);
});
