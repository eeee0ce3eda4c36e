// Painting over the picture, as a person uses the part: what is sent, what is shown, and what goes wrong.
import { expect, test } from "vitest";
import samples from "../../tests/fixtures/protocol/paint.json";
import type { Message } from "./harness.ts";
import { mount, withPages } from "./mount.ts";

withPages();

const before = { style: { logits: [2, 1, 0], probabilities: [0.665, 0.245, 0.09] } };
const after = { style: { logits: [0.5, 1, 0], probabilities: [0.308, 0.507, 0.185] } };

function setUp(given: Record<string, unknown> = {}) {
  const page = mount(given);
  const shell = page.root().querySelector<HTMLDetailsElement>("details.sw-paint") as HTMLDetailsElement;
  shell.open = true;
  shell.dispatchEvent(new Event("toggle"));
  page.paint();
  const canvas = page.root().querySelector<HTMLCanvasElement>(".sw-canvas") as HTMLCanvasElement;
  Object.defineProperty(canvas, "clientWidth", { value: 224 });
  Object.defineProperty(canvas, "clientHeight", { value: 224 });
  const button = (name: string): HTMLButtonElement =>
    [...shell.querySelectorAll("button")].find((one) => one.textContent === name) as HTMLButtonElement;
  const pointer = (type: string, x: number, y: number, pointerId = 1): void => {
    const event = new PointerEvent(type, { pointerId, clientX: x, clientY: y, button: 0, pointerType: "mouse" });
    canvas.dispatchEvent(event);
  };
  const key = (name: string, more: KeyboardEventInit = {}): KeyboardEvent => {
    const event = new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...more });
    canvas.dispatchEvent(event);
    return event;
  };
  const results = (): HTMLElement => page.root().querySelector(".sw-paint-results") as HTMLElement;
  const asked = (): Message[] => page.of("request").filter((m) => m["kind"] === "occlude");
  const masks = (): Message[] => page.of("paint");
  const number = (m: Message | undefined): number => (m?.["req"] as { n: number } | undefined)?.n ?? 0;
  let jobs = 0;
  /** The kernel accepts the newest request, and says what it says of the picture as it is. */
  const accept = (): number => {
    jobs += 1;
    const request = asked().at(-1);
    page.model.receive({ type: "accepted", job: jobs, req: request?.["req"], kind: "occlude", args: {} });
    answer(number(request), { painted: false, heads: before });
    return jobs;
  };
  const answer = (n: number, more: Message = {}): void => {
    const from = page.of("hello")[0]?.["page"];
    const scores = {
      type: "scores",
      job: jobs,
      page: from,
      n,
      image: "img-0",
      heads: after,
      painted: true,
      kept: null,
    };
    page.model.receive({ ...scores, ...more });
    page.paint();
  };
  const drag = (...xs: number[]): void => {
    pointer("pointerdown", xs[0] as number, 100);
    for (const x of xs.slice(1)) {
      pointer("pointermove", x, 100);
    }
    pointer("pointerup", xs.at(-1) as number, 100);
    page.paint();
  };
  return { page, shell, button, pointer, key, results, asked, masks, number, accept, answer, drag, canvas };
}
type Given = ReturnType<typeof setUp>;

const hidden = ({ results }: Given): number => Number(results().dataset["hidden"]);

test("opening the part asks nothing; taking the brush asks for the picture as it is", () => {
  const given = setUp();
  expect(given.asked()).toEqual([]);
  given.button("Paint").click();
  expect(given.asked().map((m) => m["args"])).toEqual([{ image: "img-0" }]);
  expect(given.button("Paint").getAttribute("aria-pressed")).toBe("false");
  given.page.paint();
  expect(given.button("Paint").getAttribute("aria-pressed")).toBe("true");
});

test("a drag sends masks as the samples have them, and the change stands in the heading", () => {
  const given = setUp();
  given.button("Paint").click();
  given.accept();
  given.drag(60, 100);
  const sent = given.masks().at(-1) as Message;
  expect(Object.keys(sent).sort()).toEqual(Object.keys(samples.good[0]?.message ?? {}).sort());
  expect(sent).toMatchObject({ image: "img-0", width: 224, height: 224, fill: "blur", seed: 0, keep: false });
  given.answer(given.number(sent));
  expect(given.results().hidden).toBe(false);
  expect(given.results().querySelector(".sw-paint-line")?.textContent).toBe("style: gothic −1.5 logit");
  expect(given.shell.querySelector("summary")?.textContent).toContain("style: gothic −1.5 logit");
  const row = given.results().querySelector<HTMLElement>('tr[data-head="style"][data-class="0"]');
  expect(row?.dataset["before"]).toBe("2");
  expect(row?.dataset["after"]).toBe("0.5");
  expect(row?.textContent).toContain("66.5 → 30.8 %");
  expect(given.page.of("request").filter((m) => m["kind"] !== "occlude")).toEqual([]);
});

test("at most three masks are under way; the newest goes out when an answer has come, or the hand lifts", () => {
  const given = setUp();
  given.button("Paint").click();
  given.accept();
  given.pointer("pointerdown", 20, 100);
  for (let x = 30; x < 150; x += 10) {
    given.pointer("pointermove", x, 100);
  }
  expect(given.masks()).toHaveLength(3);
  given.answer(given.number(given.masks()[0]));
  expect(given.masks()).toHaveLength(4);
  given.pointer("pointermove", 160, 100);
  given.pointer("pointerup", 160, 100);
  expect(given.masks()).toHaveLength(5);
});

test("an answer settles all masks before it", () => {
  const given = setUp();
  given.button("Paint").click();
  given.accept();
  given.drag(20, 30, 40);
  given.answer(given.number(given.masks().at(-1)));
  expect(given.results().classList.contains("sw-waits")).toBe(false);
  expect(given.results().dataset["n"]).toBe(given.results().dataset["sent"]);
});

test("undo goes back stroke by stroke; clear shows all, and is a step that can be undone", () => {
  const given = setUp();
  given.button("Paint").click();
  given.accept();
  given.drag(40, 60);
  const one = hidden(given);
  given.drag(120, 180);
  const two = hidden(given);
  expect(two).toBeGreaterThan(one);
  given.button("Undo").click();
  given.page.paint();
  expect(hidden(given)).toBe(one);
  given.button("Clear").click();
  given.page.paint();
  expect(given.results().hidden).toBe(true);
  expect(given.button("Clear").disabled).toBe(true);
  given.button("Undo").click();
  given.page.paint();
  expect(hidden(given)).toBe(one);
});

test("an answer to what was cleared since says nothing", () => {
  const given = setUp();
  given.button("Paint").click();
  given.accept();
  given.drag(40, 60);
  const late = given.number(given.masks().at(-1));
  given.button("Clear").click();
  given.drag(100, 120);
  given.answer(late);
  expect(given.results().dataset["after"]).toBeUndefined();
});

test("erasing takes away, and a second finger takes back what the first began", () => {
  const given = setUp();
  given.button("Paint").click();
  given.accept();
  given.drag(40, 120);
  const all = hidden(given);
  given.button("Erase").click();
  given.drag(100, 120);
  const less = hidden(given);
  expect(less).toBeLessThan(all);
  given.button("Paint").click();
  given.pointer("pointerdown", 180, 40);
  given.pointer("pointerdown", 200, 60, 2);
  given.page.paint();
  expect(hidden(given)).toBe(less);
});

test("keys paint at the crosshair, undo, erase and lay the brush down; the host hears none of them", () => {
  const given = setUp();
  given.button("Paint").click();
  given.accept();
  given.page.paint();
  given.key("Enter");
  given.key("ArrowLeft");
  given.page.paint();
  expect(given.results().hidden).toBe(true);
  expect(given.key(" ").defaultPrevented).toBe(true);
  given.page.paint();
  const one = hidden(given);
  expect(one).toBeGreaterThan(0);
  given.key("]");
  given.key("Enter");
  given.page.paint();
  expect(hidden(given)).toBeGreaterThan(one);
  expect(given.key("z", { ctrlKey: true }).defaultPrevented).toBe(true);
  given.page.paint();
  expect(hidden(given)).toBe(one);
  given.key("e");
  given.page.paint();
  expect(given.button("Erase").getAttribute("aria-pressed")).toBe("true");
  expect(given.key("c", { ctrlKey: true }).defaultPrevented).toBe(false);
  given.key("Escape");
  given.page.paint();
  expect(given.button("Erase").getAttribute("aria-pressed")).toBe("false");
});

test("another fill is scored at once, and asks what stands there", () => {
  const given = setUp();
  given.button("Paint").click();
  given.accept();
  given.drag(40, 60);
  given.answer(given.number(given.masks().at(-1)));
  given.page.choose("fill", "noise");
  expect(given.masks().at(-1)).toMatchObject({ fill: "noise", pixels: true });
});

test("what the kernel refuses is said once, and the next stroke is sent all the same", () => {
  const given = setUp();
  given.button("Paint").click();
  given.accept();
  given.drag(40, 60);
  const req = given.masks().at(-1)?.["req"];
  const refused = {
    type: "end",
    job: null,
    req,
    status: "error",
    code: "bad_parameter",
    message: "unknown fill",
    ms: 0,
  };
  given.page.model.receive(refused);
  given.page.paint();
  const alert = given.shell.querySelector<HTMLElement>("[role=alert]") as HTMLElement;
  expect(alert.hidden).toBe(false);
  expect(alert.textContent).toBe("unknown fill");
  const count = given.masks().length;
  given.drag(80, 90);
  expect(given.masks().length).toBeGreaterThan(count);
  given.answer(given.number(given.masks().at(-1)));
  expect(alert.hidden).toBe(true);
});

test("a job that was taken over is asked for again by the next stroke", () => {
  const given = setUp();
  given.button("Paint").click();
  const job = given.accept();
  given.drag(40, 60);
  given.page.model.receive({ type: "end", job, req: null, status: "superseded", code: null, message: null, ms: 1 });
  given.drag(80, 90);
  expect(given.asked()).toHaveLength(2);
});

test("closing the part lays the brush down, ends the job and shows the picture whole", () => {
  const given = setUp();
  given.button("Paint").click();
  const job = given.accept();
  given.drag(40, 60);
  given.shell.open = false;
  given.shell.dispatchEvent(new Event("toggle"));
  given.page.paint();
  expect(given.page.of("cancel").map((m) => m["job"])).toEqual([job]);
  expect(given.results().hidden).toBe(true);
  expect(given.page.root().querySelector(".sw-veil")).toBeNull();
  const count = given.masks().length;
  given.drag(80, 90);
  expect(given.masks()).toHaveLength(count);
});

test("the painted picture is kept at one click and gone to once the page knows of it", () => {
  const given = setUp();
  given.button("Paint").click();
  given.accept();
  given.drag(40, 60);
  given.button("Explain the painted picture").click();
  const sent = given.masks().at(-1);
  expect(sent).toMatchObject({ keep: true });
  given.answer(given.number(sent), { kept: "img-new" });
  const explains = (): Message[] => given.page.of("request").filter((m) => m["kind"] === "explain");
  expect(explains()).toEqual([]);
  const images = given.page.model.get("images") as Message[];
  given.page.model.set("images", [...images, { ...images[0], id: "img-new", label: "one.jpg (painted)" }]);
  given.page.paint();
  expect((explains().at(-1)?.["args"] as Message | undefined)?.["image"]).toBe("img-new");
});

test("another picture begins with nothing hidden", () => {
  const given = setUp();
  given.button("Paint").click();
  given.accept();
  given.drag(40, 60);
  given.page.model.set("image", 1);
  given.page.model.set("predictions", { image: "img-1", heads: before });
  given.page.paint();
  expect(given.results().hidden).toBe(true);
  expect(given.asked().at(-1)?.["args"]).toEqual({ image: "img-1" });
});

test("without a kernel it says so", () => {
  const given = setUp();
  given.page.model.answer = () => {
    throw new Error("Cannot send");
  };
  given.button("Paint").click();
  given.page.paint();
  expect(given.shell.querySelector("[role=alert]")?.textContent).toContain("running kernel");
});

test("each control has a name", () => {
  const { shell } = setUp();
  for (const field of shell.querySelectorAll<HTMLElement>("input, select, button")) {
    const id = field.getAttribute("id");
    const label = id === null ? null : shell.querySelector(`label[for="${id}"]`);
    expect(field.getAttribute("aria-label") ?? label?.textContent ?? field.textContent).toBeTruthy();
  }
});
