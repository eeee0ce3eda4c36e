// What anywidget calls, and nothing else: one session per model, one mounted view per cell output.
import type { Model } from "./model.ts";
import type { Card } from "./protocol.ts";
import { Session } from "./session.ts";
import { tellCard } from "./traits.ts";
import { mountView } from "./view.ts";

interface Given {
  model: unknown;
  signal?: AbortSignal;
}

/**
 * anywidget calls this once per model, so the session lives in the closure: the `model` of `initialize` and that of
 * `render` are two different proxies of one model, and cannot be the key to it. `styles` are those of the page, where the
 * host does not bring them, and `card` what the trait of this name leaves out: a saved notebook carries both packed with the
 * script.
 */
export default function createWidget(styles = "", card: Partial<Card> = {}) {
  let session: Session | null = null;
  let model = new AbortController();

  /** Hosts without signals (anywidget < 0.10) call the returned cleanup instead. */
  function lifetime(signal: AbortSignal | undefined, own: AbortController): AbortSignal {
    return signal === undefined ? own.signal : AbortSignal.any([signal, own.signal]);
  }

  function open(given: Given): Session {
    const until = lifetime(given.signal, model);
    tellCard(given.model as Model, card);
    const opened = new Session(given.model as Model, until);
    session = opened;
    until.addEventListener("abort", () => {
      if (session === opened) {
        session = null;
      }
    });
    return opened;
  }

  return {
    // Registers and returns: after two seconds here anywidget would lose every message.
    initialize(given: Given) {
      model = new AbortController();
      const own = model;
      open(given);
      return () => own.abort();
    },
    render({ el, ...given }: Given & { el: HTMLElement }) {
      const view = new AbortController();
      const opened = session ?? open({ model: given.model });
      mountView(opened, el, AbortSignal.any([lifetime(given.signal, view), opened.signal]), styles);
      return () => view.abort();
    },
  };
}
