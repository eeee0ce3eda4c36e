// The whole page over a model without a kernel, and short ways to play the person and the kernel; tests nothing itself.
import { afterEach, beforeEach, vi } from "vitest";
import { FakeModel } from "../dev/fake_model.ts";
import type { Card } from "../src/protocol.ts";
import createWidget from "../src/widget.ts";
import { type Message, meta, traits } from "./harness.ts";

let seen: ((entries: { isIntersecting: boolean }[]) => void)[] = [];

/** To be called once by a file that mounts pages. */
export function withPages(): void {
  beforeEach(() => {
    vi.useFakeTimers();
    seen = [];
    // happy-dom lays nothing out, so nothing ever comes into sight by itself.
    const observer = class {
      constructor(tell: (entries: { isIntersecting: boolean }[]) => void) {
        seen.push(tell);
      }
      observe(): void {}
      disconnect(): void {}
    };
    vi.stubGlobal("IntersectionObserver", observer);
    vi.stubGlobal("createImageBitmap", () => Promise.reject(new Error("no pictures here")));
  });
  afterEach(() => {
    vi.useRealTimers();
  });
}

export type Page = ReturnType<typeof mount>;

/** `told` is the part of the card that comes packed with the page's code. */
export function mount(given: Record<string, unknown> = {}, views = 1, told: Partial<Card> = {}) {
  const model = new FakeModel({ ...traits(), ...given });
  const sent: Message[] = [];
  model.answer = (message) => void sent.push(message);
  const widget = createWidget("", told);
  const life = new AbortController();
  // anywidget hands out a new proxy each time.
  const proxy = () => ({
    get: model.get.bind(model),
    set: model.set.bind(model),
    save_changes: () => {},
    send: model.send.bind(model),
    on: model.on.bind(model),
    off: model.off.bind(model),
  });
  widget.initialize({ model: proxy(), signal: life.signal });
  const hosts = Array.from({ length: views }, () => {
    const el = document.createElement("div");
    document.body.append(el);
    const view = new AbortController();
    widget.render({ model: proxy(), el, signal: view.signal });
    return { el, view };
  });
  const paint = (): void => {
    vi.advanceTimersByTime(20);
  };
  for (const tell of seen) {
    tell([{ isIntersecting: true }]);
  }
  paint();
  const root = (i = 0): HTMLElement => hosts[i]?.el.querySelector(".sw-root") as HTMLElement;
  const of = (type: string): Message[] => sent.filter((m) => m["type"] === type);
  const click = (head: string, cls: number): void =>
    root().querySelector<HTMLElement>(`[data-head="${head}"][data-class="${cls}"]`)?.click();
  const choose = (name: string, value: string): void => {
    const field = root().querySelector<HTMLSelectElement>(`[data-field="${name}"]`);
    if (field === null) {
      throw new Error(`no ${name}`);
    }
    field.value = value;
    field.dispatchEvent(new Event("change"));
  };
  const accept = (job: number): void => {
    const request = of("request").at(-1) as Message;
    model.receive({ type: "accepted", job, req: request["req"], kind: "explain", args: request["args"] as Message });
  };
  const frame = (job: number, seq: number, final = false): void => {
    const values = new DataView(Int16Array.of(3, -3).buffer);
    model.receive({ type: "frame", job, seq, ...meta({ final, names: ["style:gothic"] }) }, [values]);
  };
  return { model, sent, of, root, hosts, life, click, choose, accept, frame, paint };
}
