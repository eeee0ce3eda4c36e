// The part "Live" of the page: what is said when a source cannot be had, and what its buttons show.
import { afterEach, describe, expect, test, vi } from "vitest";
import { mount, type Page, withPages } from "./mount.ts";

withPages();
afterEach(() => {
  vi.unstubAllGlobals();
});

const button = (page: Page, name: string): HTMLButtonElement =>
  [...page.root().querySelectorAll<HTMLButtonElement>(".sw-live button")].find(
    (one) => one.textContent === name,
  ) as HTMLButtonElement;
const said = (page: Page): string => {
  const alert = page.root().querySelector<HTMLElement>(".sw-live [role=alert]");
  return alert === null || alert.hidden ? "" : (alert.textContent ?? "");
};
const settle = async (page: Page): Promise<void> => {
  await vi.advanceTimersByTimeAsync(20);
  page.paint();
};

function withCamera(getUserMedia: unknown): void {
  vi.stubGlobal("navigator", { ...navigator, mediaDevices: getUserMedia === null ? undefined : { getUserMedia } });
}

test("it is closed at first, and says what it does with the pictures", () => {
  const part = mount().root().querySelector<HTMLDetailsElement>("details.sw-live");
  expect(part?.open).toBe(false);
  expect(part?.textContent).toContain("none is kept");
});

describe("a camera that cannot be had is explained in one sentence, and nothing is asked of the kernel", () => {
  const refuse = (name: string) => () => Promise.reject(Object.assign(new Error("no"), { name }));
  test.each([
    ["a page without https", null, "https or localhost"],
    ["a person who refuses", refuse("NotAllowedError"), "was refused"],
    ["no camera", refuse("NotFoundError"), "No camera was found"],
    ["a camera in use", refuse("NotReadableError"), "in use by another program"],
    ["anything else", refuse("OddError"), "cannot be used: no"],
  ])("%s", async (_who, getUserMedia, words) => {
    withCamera(getUserMedia);
    const page = mount();
    button(page, "Webcam").click();
    await settle(page);
    expect(said(page)).toContain(words);
    expect(page.of("request")).toEqual([]);
    expect(page.root().dataset["state"]).toBe("idle");
  });
});

test("a crop needs a picture, and the sentence goes when another source is tried", async () => {
  withCamera(() => new Promise(() => {}));
  const page = mount();
  button(page, "Moving crop").click();
  await settle(page);
  expect(said(page)).toContain("no picture yet");
  button(page, "Webcam").click();
  expect(said(page)).toBe("");
});

describe("with a camera", () => {
  const stop = vi.fn();
  async function running(): Promise<Page> {
    stop.mockClear();
    const track = Object.assign(new EventTarget(), { stop });
    withCamera(() => Promise.resolve({ getTracks: () => [track] }));
    vi.spyOn(HTMLMediaElement.prototype, "play").mockResolvedValue();
    Object.defineProperty(HTMLMediaElement.prototype, "srcObject", { writable: true, configurable: true, value: null });
    const page = mount();
    button(page, "Webcam").click();
    await settle(page);
    return Object.assign(page, { track });
  }

  test("the button is pressed, and Stop is offered; both end it and let the camera go", async () => {
    for (const way of ["Webcam", "Stop live"]) {
      const page = await running();
      expect(page.of("request").at(-1)?.["kind"]).toBe("live");
      expect(button(page, "Webcam").getAttribute("aria-pressed")).toBe("true");
      expect(button(page, "Stop live").hidden).toBe(false);
      button(page, way).click();
      page.paint();
      expect(stop).toHaveBeenCalledTimes(1);
      expect(button(page, "Webcam").getAttribute("aria-pressed")).toBe("false");
      expect(button(page, "Stop live").hidden).toBe(true);
      expect(page.of("request").at(-1)?.["kind"]).toBe("explain");
      stop.mockClear();
    }
  });

  test("a camera that is unplugged ends it and says so", async () => {
    const page = (await running()) as Page & { track: EventTarget };
    page.track.dispatchEvent(new Event("ended"));
    page.paint();
    expect(said(page)).toContain("unplugged");
    expect(page.of("request").at(-1)?.["kind"]).toBe("explain");
  });

  test("a view that goes takes its camera with it", async () => {
    const page = await running();
    page.hosts[0]?.view.abort();
    expect(stop).toHaveBeenCalledTimes(1);
  });

  test("a camera that opens after another source was chosen is let go again", async () => {
    let open: (stream: unknown) => void = () => {};
    withCamera(() => new Promise((done) => (open = done)));
    const page = mount();
    button(page, "Webcam").click();
    button(page, "Moving crop").click();
    const late = vi.fn();
    open({ getTracks: () => [Object.assign(new EventTarget(), { stop: late })] });
    await settle(page);
    expect(late).toHaveBeenCalledTimes(1);
    expect(page.of("request")).toEqual([]);
  });
});
