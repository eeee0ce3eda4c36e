// The page's end of the wire: who it is, sending, greeting and leaving; understands no answer.
import { listen, type Model } from "./model.ts";
import type { Outgoing } from "./protocol.ts";
import { VERSION } from "./protocol.ts";

export class Link {
  /** New at each load: a bare counter would begin at 1 again after a reload, and be taken for an old click. */
  readonly page = `p-${Math.random().toString(36).slice(2, 12)}`;
  /** performance.now() of the newest greeting: the kernel's answer is about the state after it. */
  greeted = 0;
  readonly #model: Model;
  readonly #lost: () => void;

  /** `lost` is called when a message could not be sent: the kernel was restarted, or is gone. */
  constructor(model: Model, lost: () => void) {
    this.#model = model;
    this.#lost = lost;
  }

  /** False if there is no kernel to send to. */
  send(message: Outgoing): boolean {
    try {
      this.#model.send({ v: VERSION, ...message });
      return true;
    } catch {
      this.#lost();
      return false;
    }
  }

  /** Greets whenever the page or the kernel comes back, and says goodbye when the page goes. */
  keep(hello: () => void, signal: AbortSignal): void {
    const bye = (): void => {
      this.send({ type: "bye", page: this.page });
    };
    // JupyterLab says so when a kernel goes or comes back; other hosts never send it.
    listen(this.#model, "comm_live_update", hello, signal);
    window.addEventListener("pagehide", bye, { signal });
    window.addEventListener("pageshow", (event) => event.persisted && hello(), { signal });
    signal.addEventListener("abort", bye, { once: true });
  }
}
