// The parts of the panel that need a kernel, closed at first: their code comes from it when one of them is opened.
import { paramControl } from "./controls.ts";
import { h, type Part, setText } from "./dom.ts";
import type { Linked } from "./linked.ts";
import { isHidden } from "./locks.ts";
import type { Studio } from "./modules.ts";
import type { Pane } from "./pane.ts";
import type { Session } from "./session.ts";
import { createShares } from "./shares.ts";
import type { Stage } from "./stage.ts";
import type { SessionState } from "./state.ts";
import type { Store } from "./store.ts";

/** What a part is given beside the session. */
export interface Bench {
  readonly linked: Store<Linked>;
  readonly stage: Stage;
  /** A place under the picture, as wide as its column. */
  readonly below: HTMLElement;
  /** Another panel of this view; a small one (`few` cells a side) is drawn roughly while a hand moves. */
  pane(linked: Store<Linked>, few?: number): Pane;
  /** Stands in the part's heading, also while it is closed. */
  readonly aside: HTMLElement;
  /** A table of shares, of the marked region or of a mask. */
  readonly shares: typeof createShares;
  /** The control of a parameter. */
  readonly paramControl: typeof paramControl;
  repaint(): void;
}

type Name = Exclude<Extract<keyof Studio, string>, "styles" | "film" | "compare" | "Clock">;

const PARTS: readonly [Name, string][] = [
  ["gallery", "Compare maps"],
  ["paint", "Paint to occlude"],
  ["live", "Live"],
  ["pictures", "Add pictures"],
  ["mistakes", "Mistakes"],
  ["lab", "Experiments"],
  ["takeaway", "Take away"],
];

/** Parts that say what the model says, of this picture or of another; they are taken away while that is hidden. */
const TELL: readonly Name[] = ["paint", "mistakes", "lab"];

interface Shell {
  readonly name: Name;
  readonly el: HTMLDetailsElement;
  readonly aside: HTMLElement;
  readonly body: HTMLElement;
  part: Part<SessionState> | null;
  /** Ends with the part. */
  life: AbortController;
}

export function createWorkshop(
  session: Session,
  given: Omit<Bench, "aside" | "shares" | "paramControl">,
  signal: AbortSignal,
): { els: readonly HTMLElement[]; under: HTMLElement; update(state: SessionState): void } {
  let state: SessionState | null = null;
  /** Stands under the picture. */
  const under = h("div");
  let film: Part<SessionState> | null = null;
  const bench = { ...given, aside: under, shares: createShares, paramControl };
  const shells = PARTS.map(([name, title]): Shell => {
    const aside = h("span", { class: "sw-aside" });
    const body = h("div");
    const el = h(
      "details",
      { class: `sw-section sw-${name}` },
      h("summary", { class: "sw-summary" }, title, aside),
      body,
    );
    return { name, el, aside, body, part: null, life: new AbortController() };
  });

  function install(studio: Studio): void {
    if (film !== null || signal.aborted) {
      return;
    }
    bench.below.before(h("style", {}, studio.styles));
    film = studio.film(session, bench, signal);
    under.replaceChildren(film.el);
    if (state !== null) {
      film.update(state);
    }
    for (const shell of shells) {
      furnish(shell, studio);
    }
    bench.repaint(); // other parts of the view have waited for this code too
  }

  function furnish(shell: Shell, studio: Studio): void {
    const { name, el, aside, body } = shell;
    const hidden = state !== null && isHidden(state, "predictions") && TELL.includes(name);
    el.hidden = hidden || (name === "mistakes" && state?.album.labelled !== true);
    if (hidden) {
      shell.life.abort();
      shell.part = null;
      body.replaceChildren();
      setText(aside, "");
    } else if (shell.part === null) {
      shell.life = new AbortController();
      shell.part = studio[name](session, { ...bench, aside }, AbortSignal.any([signal, shell.life.signal]));
      body.replaceChildren(shell.part.el);
    }
    if (state !== null) {
      shell.part?.update(state);
    }
  }

  const say = (text: string): void => {
    for (const { part, body } of shells) {
      if (part === null) {
        body.replaceChildren(h("p", { class: "sw-small", "aria-live": "polite" }, text));
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
  let fetched = false;
  const fetch = (): void => {
    if (!fetched) {
      fetched = true;
      opened();
    }
  };
  // A picture that is dragged over is on its way.
  bench.stage.figure.addEventListener("dragenter", fetch, { signal });
  if (session.modules.ready !== null) {
    install(session.modules.ready);
  }
  return {
    els: shells.map(({ el }) => el),
    under,
    update(next) {
      state = next;
      film?.update(next);
      const { album, map, phase, shown } = next;
      // The first map comes first.
      if (shown !== null || phase === "live" || (phase === "idle" && map?.final)) {
        fetch();
      }
      for (const shell of shells) {
        if (session.modules.ready === null || film === null) {
          shell.el.hidden = shell.name === "mistakes" && !album.labelled;
        } else {
          furnish(shell, session.modules.ready);
        }
      }
    },
  };
}
