// "Take away": which map the kernel is asked for, when, and what becomes of its answers. What is drawn is for real browsers.
import { afterEach, describe, expect, test, vi } from "vitest";
import { fileName, panelSize, wrap } from "../src/poster.ts";
import type { SessionState } from "../src/state.ts";
import { REST } from "../src/takeaway.ts";
import type { Message } from "./harness.ts";
import { mount, type Page, withPages } from "./mount.ts";

withPages();
afterEach(() => vi.restoreAllMocks());

const part = (page: Page): HTMLDetailsElement => page.root().querySelector("details.sw-takeaway") as HTMLDetailsElement;
const button = (page: Page, name: string): HTMLButtonElement =>
  [...part(page).querySelectorAll("button")].find((b) => b.textContent === name) as HTMLButtonElement;
const box = (page: Page): string => part(page).querySelector(".sw-code")?.textContent ?? "";
const files = (page: Page): Message[] => page.of("request").filter((m) => m["kind"] === "file");

function rest(page: Page): void {
  page.paint();
  vi.advanceTimersByTime(REST);
  page.paint();
}
function open(page: Page): void {
  part(page).open = true;
  part(page).dispatchEvent(new Event("toggle"));
  rest(page);
}
/** A finished map of the first class. */
function mapped(): Page {
  const page = mount();
  page.click("style", 0);
  page.accept(1);
  page.frame(1, 1, true);
  page.paint();
  return page;
}
function answer(page: Page, job: number, text: string, name = "a.py"): void {
  const asked = files(page).at(-1) as Message;
  const { what } = asked["args"] as Message;
  page.model.receive({ type: "accepted", job, req: asked["req"], kind: "file", args: {} });
  page.model.receive({ type: "file", job, what, name }, [new TextEncoder().encode(text)]);
  page.model.receive({ type: "end", job, req: asked["req"], status: "complete", code: null, message: null, ms: 1 });
  page.paint();
}
function refuse(page: Page, message: string): void {
  const asked = files(page).at(-1) as Message;
  page.model.receive({
    type: "end",
    job: null,
    req: asked["req"],
    status: "error",
    code: "bad_parameter",
    message,
    ms: 0,
  });
  page.paint();
}

describe("the code", () => {
  test("is asked for once the part is open, for the very map on screen and as it is drawn", () => {
    const page = mapped();
    rest(page);
    expect(files(page)).toEqual([]);
    open(page);
    expect(files(page)).toHaveLength(1);
    const map = page.root().dataset["target"];
    expect(files(page)[0]?.["args"]).toMatchObject({ what: "code", target: map, sign: "signed", smooth: 1 });
    answer(page, 2, "import saliency_widget as sw\n");
    expect(box(page)).toBe("import saliency_widget as sw\n");
    expect(button(page, "Copy").disabled).toBe(false);
    rest(page);
    expect(files(page)).toHaveLength(1);
  });

  test("is asked for again when the display has rested, once, and the old one cannot be copied meanwhile", () => {
    const page = mapped();
    open(page);
    answer(page, 2, "old");
    for (const sign of ["absolute", "positive"]) {
      page.choose("sign", sign);
      page.paint();
    }
    expect(button(page, "Copy").disabled).toBe(true);
    rest(page);
    expect(files(page).map((m) => (m["args"] as Message)["sign"])).toEqual(["signed", "positive"]);
    answer(page, 3, "new");
    expect([box(page), button(page, "Copy").disabled]).toEqual(["new", false]);
  });

  test("of a map that was there before is not shown under the next one", () => {
    const page = mapped();
    open(page);
    const late = files(page)[0] as Message;
    page.click("style", 1);
    page.accept(3);
    page.frame(3, 2, false);
    page.paint();
    page.model.receive({ type: "accepted", job: 2, req: late["req"], kind: "file", args: {} });
    page.model.receive({ type: "file", job: 2, what: "code", name: "a.py" }, [new TextEncoder().encode("late")]);
    page.paint();
    expect(box(page)).not.toContain("late");
    expect([button(page, "Copy").disabled, button(page, "Download NPZ").disabled]).toEqual([true, true]);
  });

  test("that cannot be had is explained where it would stand", () => {
    const page = mapped();
    open(page);
    refuse(page, "this map is not in the kernel any more");
    expect(box(page)).toBe("this map is not in the kernel any more");
    expect(button(page, "Copy").disabled).toBe(true);
    expect(page.root().dataset["state"]).toBe("idle");
    rest(page);
    expect(files(page)).toHaveLength(1);
    open(page); // and may be had when the part is opened again
    expect(files(page)).toHaveLength(2);
  });

  test("needs a finished map", () => {
    const page = mount();
    open(page);
    expect(files(page)).toEqual([]);
    expect(box(page)).toContain("finished map");
  });

  test("of two pages that ask at one moment is asked for again by the one that was overtaken", () => {
    const page = mapped();
    open(page);
    const asked = files(page)[0] as Message;
    page.model.receive({ type: "accepted", job: 2, req: asked["req"], kind: "file", args: {} });
    page.model.receive({
      type: "end",
      job: 2,
      req: asked["req"],
      status: "superseded",
      code: null,
      message: null,
      ms: 1,
    });
    rest(page);
    expect(files(page)).toHaveLength(2);
    answer(page, 4, "mine");
    expect(box(page)).toBe("mine");
  });
});

describe("copying", () => {
  async function copied(clipboard: unknown, old: () => boolean): Promise<string> {
    vi.stubGlobal("navigator", { ...navigator, clipboard });
    document.execCommand = old;
    const page = mapped();
    open(page);
    answer(page, 2, "the code");
    button(page, "Copy").click();
    await vi.advanceTimersByTimeAsync(1);
    const told = part(page).querySelector("[aria-live]")?.textContent ?? "";
    vi.unstubAllGlobals();
    return told;
  }

  test("takes the clipboard", async () => {
    const writeText = vi.fn(() => Promise.resolve());
    expect(await copied({ writeText }, () => false)).toBe("Copied");
    expect(writeText).toHaveBeenCalledWith("the code");
  });
  test.each([
    ["is forbidden", { writeText: () => Promise.reject(new Error("no")) }],
    ["is not there", undefined],
  ])("goes the old way where the clipboard %s", async (_why, clipboard) => {
    expect(await copied(clipboard, () => true)).toBe("Copied");
    expect(await copied(clipboard, () => false)).toContain("Ctrl C");
  });
});

test("the numbers are asked of the kernel and saved under the name that it gives", () => {
  const saved: string[] = [];
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    saved.push(this.download);
  });
  const page = mapped();
  button(page, "Download NPZ").click();
  expect((files(page)[0] as Message)["args"]).toMatchObject({ what: "npz" });
  answer(page, 2, "PK", "demo_style-gothic_gradient.npz");
  expect(saved).toEqual(["demo_style-gothic_gradient.npz"]);
  button(page, "Download NPZ").click();
  refuse(page, "gone");
  expect(part(page).querySelector("[role=alert]")?.textContent).toBe("gone");
});

test("without a picture there is no PNG, and the page says so", () => {
  const page = mapped();
  button(page, "Download PNG").click();
  expect(part(page).querySelector("[role=alert]")?.textContent).toContain("no picture");
});

test("there is no button for what does not work yet", () => {
  const page = mapped();
  const names = [...part(page).querySelectorAll("button")].map((b) => b.textContent);
  expect(names).toEqual(["Copy", "Download PNG", "Download NPZ"]);
});

test("a picture of its own is magnified by a whole number, or made smaller", () => {
  expect([panelSize(224, 224), panelSize(32, 20), panelSize(640, 480), panelSize(4096, 1024)]).toEqual([
    [448, 448],
    [448, 280],
    [640, 480],
    [2048, 512],
  ]);
});

test("words are set in lines that fit, and a long one stands alone", () => {
  const lines = wrap("a long_long_word b c", 5, (text) => text.length);
  expect(lines).toEqual(["a", "long_long_word", "b c"]);
});

test("a file's name says model, target and method", () => {
  const state = { card: { model: "../demo/vgg" }, map: { name: "style:gothic versus roman", method: "gradient" } };
  expect(fileName(state as SessionState, "png")).toBe("demo-vgg_style-gothic-versus-roman_gradient.png");
});
