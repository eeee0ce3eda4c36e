// The page's end of the wire: who it is, sending, greeting and leaving; understands no answer.
import { listen, type Model } from "./model.ts";
import type { Outgoing } from "./protocol.ts";
import { VERSION } from "./protocol.ts";
import type { Timers } from "./timers.ts";

/** Milliseconds after the first hello. */
const GREET_AGAIN = [300, 1000, 3000];

interface Hooks {
  /** A message could not be sent: the kernel was restarted, or is gone. */
  lost(): void;
  /** What a hello says of the page. */
  now(): { visible: boolean; job: number };
}

export class Link {
  /** New at each load: a bare counter would begin at 1 again after a reload, and be taken for an old click. */
  readonly page = `p-${Math.random().toString(36).slice(2, 12)}`;
  readonly #model: Model;
  readonly #timers: Timers;
  readonly #hooks: Hooks;
  #welcomed = false;

  constructor(model: Model, timers: Timers, hooks: Hooks) {
    this.#model = model;
    this.#timers = timers;
    this.#hooks = hooks;
  }

  /** False if there is no kernel to send to. */
  send(message: Outgoing, data?: Uint8Array): boolean {
    try {
      this.#model.send({ v: VERSION, ...message }, undefined, data && [data]);
      return true;
    } catch {
      this.#hooks.lost();
      return false;
    }
  }

  hello(): void {
    this.send({ type: "hello", page: this.page, ...this.#hooks.now() });
  }

  /** A page's first message waits for the cell that runs; a later one may not have to (rule 11). */
  greet(): void {
    this.#welcomed = false;
    this.hello();
    GREET_AGAIN.forEach((ms, i) => {
      this.#timers.later(`hello ${i}`, ms, () => this.#welcomed || this.hello());
    });
  }

  welcomed(): void {
    this.#welcomed = true;
  }

  /** Greets now and whenever the page or the kernel comes back; says goodbye when the page goes. */
  open(signal: AbortSignal): void {
    const greet = (): void => this.greet();
    const bye = (): void => {
      this.send({ type: "bye", page: this.page });
    };
    // JupyterLab says so when a kernel goes or comes back; other hosts never send it.
    listen(this.#model, "comm_live_update", greet, signal);
    window.addEventListener("pagehide", bye, { signal });
    window.addEventListener("pageshow", (event) => event.persisted && greet(), { signal });
    signal.addEventListener("abort", bye, { once: true });
    greet();
  }
}
