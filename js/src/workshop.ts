// The parts of the panel that need a kernel, closed at first: their code comes from it when one of them is opened.
import { h, type Part } from "./dom.ts";
import type { Linked } from "./linked.ts";
import type { Studio } from "./modules.ts";
import type { Session } from "./session.ts";
import type { Stage } from "./stage.ts";
import type { SessionState } from "./state.ts";
import type { Store } from "./store.ts";

/** What a part is given beside the session. */
export interface Bench {
  readonly linked: Store<Linked>;
  readonly stage: Stage;
  /** Stands in the part's heading, also while it is closed. */
  readonly aside: HTMLElement;
  repaint(): void;
}

type Name = Extract<keyof Studio, string>;

const PARTS: readonly [Name, string][] = [["live", "Live"]];

interface Shell {
  readonly name: Name;
  readonly el: HTMLDetailsElement;
  readonly aside: HTMLElement;
  readonly body: HTMLElement;
  part: Part<SessionState> | null;
}

export function createWorkshop(
  session: Session,
  bench: Omit<Bench, "aside">,
  signal: AbortSignal,
): { els: readonly HTMLElement[]; update(state: SessionState): void } {
  let state: SessionState | null = null;
  const shells = PARTS.map(([name, title]): Shell => {
    const aside = h("span", { class: "sw-aside" });
    const body = h("div");
    const el = h(
      "details",
      { class: `sw-section sw-${name}` },
      h("summary", { class: "sw-summary" }, title, aside),
      body,
    );
    return { name, el, aside, body, part: null };
  });

  function install(studio: Studio): void {
    for (const shell of shells) {
      if (shell.part === null && !signal.aborted) {
        shell.part = studio[shell.name](session, { ...bench, aside: shell.aside }, signal);
        shell.body.replaceChildren(shell.part.el);
        if (state !== null) {
          shell.part.update(state);
        }
      }
    }
  }

  const say = (text: string): void => {
    for (const { part, body } of shells) {
      if (part === null) {
        body.replaceChildren(h("p", { class: "sw-small", role: "status" }, text));
      }
    }
  };
  const opened = (): void => {
    say("Waiting for the kernel…");
    session.modules.fetch((studio, problem) => (studio === null ? say(problem) : install(studio)));
  };
  for (const shell of shells) {
    shell.el.addEventListener("toggle", () => shell.el.open && shell.part === null && opened(), { signal });
  }
  if (session.modules.ready !== null) {
    install(session.modules.ready);
  }
  return {
    els: shells.map(({ el }) => el),
    update(next) {
      state = next;
      for (const { part } of shells) {
        part?.update(next);
      }
    },
  };
}
