// Keeps the display choice in the store and in its trait, the only one that the page writes; the kernel is not asked.
import { isLocked } from "./locks.ts";
import { listen, type Model } from "./model.ts";
import type { Display } from "./protocol.ts";
import type { SessionState } from "./state.ts";
import type { Store } from "./store.ts";
import type { Timers } from "./timers.ts";
import { readDisplay } from "./traits.ts";

/** Milliseconds of rest before a slider's value is written: a message for each move would flood the kernel. */
export const SAVE_AFTER = 250;

export class Look {
  readonly #model: Model;
  readonly #store: Store<SessionState>;
  readonly #timers: Timers;

  constructor(model: Model, store: Store<SessionState>, timers: Timers, signal: AbortSignal) {
    this.#model = model;
    this.#store = store;
    this.#timers = timers;
    const read = (): void => {
      // Another page's choice, or the echo of an older one of ours: then ours, not yet written, is newer.
      if (!timers.has("display")) {
        store.set({ display: readDisplay(model) });
      }
    };
    listen(model, "change:display", read, signal);
  }

  change(patch: Partial<Display>): void {
    if (isLocked(this.#store.get(), "display")) {
      return;
    }
    this.#store.set({ display: { ...this.#store.get().display, ...patch } });
    this.#timers.later("display", SAVE_AFTER, () => {
      try {
        this.#model.set("display", this.#store.get().display);
        this.#model.save_changes();
      } catch {
        // No kernel: the choice lives as long as the page.
      }
    });
  }
}
