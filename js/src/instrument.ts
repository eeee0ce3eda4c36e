// The stage with what reads it: readout, tools, a region's shares, and what a screen reader is told; one for each view.
import { h, onChange, type Part, setText } from "./dom.ts";
import { createLinked, type Linked } from "./linked.ts";
import type { MapData } from "./maps.ts";
import { type Reading, read, readingText, wholeText } from "./probe.ts";
import { createReadout } from "./readout.ts";
import { mapTitle } from "./sentences.ts";
import type { Session } from "./session.ts";
import { createShares } from "./shares.ts";
import { createStage, type Stage } from "./stage.ts";
import { type SessionState, shownPicture } from "./state.ts";
import type { Store } from "./store.ts";
import { Timers } from "./timers.ts";
import { createTools } from "./tools.ts";
import { maxZoom } from "./viewport.ts";

/** Milliseconds: how long the smoothing's radius stays on the picture, and a crosshair rests before it is read out. */
const RADIUS_STAYS = 900;
const SAID_AFTER = 350;

export interface Instrument extends Part<SessionState> {
  readonly stage: Stage;
  readonly linked: Store<Linked>;
  /** What stands under the picture. */
  readonly under: readonly HTMLElement[];
  readonly live: HTMLElement;
  /** There is a map whose values can be read. */
  readable(state: SessionState): boolean;
  /** Shows the radius of the smoothing on the picture for a moment. */
  smoothing(sigma: number): void;
  peek(on: boolean): void;
}

export function createInstrument(
  session: Session,
  tell: { repaint(): void; point(place: number | null): void },
  signal: AbortSignal,
): Instrument {
  /** What was painted last. */
  let state = session.store.get();
  const linked = createLinked();
  const timers = new Timers(signal);
  const most = (): number => {
    const picture = shownPicture(state);
    return maxZoom({ across: picture?.width ?? 1, down: picture?.height ?? 1 });
  };
  const tools = createTools(linked, most, signal);
  const stage = createStage(
    linked,
    tools.el,
    {
      setImage: (index) => session.setImage(index),
      setDisplay: (patch) => session.setDisplay(patch),
      repaint: tell.repaint,
      say: (what) => timers.later("say", what === "map" ? 0 : SAID_AFTER, () => say(what)),
    },
    signal,
  );
  const readout = createReadout();
  const shares = createShares();
  const live = h("div", { class: "sw-hidden", role: "status", "aria-live": "polite" });

  function readable({ map }: SessionState): boolean {
    const layer = stage.layer();
    return layer !== null && !layer.field.nothing && map?.empty === null;
  }

  function reading(): Reading | null {
    const { cursor } = linked.get();
    const picture = shownPicture(state);
    const layer = readable(state) ? stage.layer() : null;
    const { sign } = state.display;
    return cursor === null || picture === null ? null : read(cursor, picture, { layer, bitmap: stage.bitmap(), sign });
  }

  function say(what: "place" | "map"): void {
    const { map, card, display } = state;
    const at = reading();
    const place = at === null ? "" : readingText(at, map?.scoreUnit ?? "", display.sign);
    const about = wholeText(readable(state) ? stage.layer() : null);
    const whole = map === null ? "No map yet" : [mapTitle(map, card), about].filter(Boolean).join(": ");
    setText(live, what === "place" ? place : [whole, place].filter(Boolean).join(". "));
  }

  /** A new map is told in words when it is done and a person waits for nothing else. */
  const finished = onChange((map: MapData | null, idle: boolean) => {
    if (map?.final && idle) {
      timers.later("say", SAID_AFTER, () => say("map"));
    }
  });

  /** All that follows the cursor, the zoom and the marked region. */
  function update(next: SessionState): void {
    state = next;
    const { map, display, card, stale } = state;
    finished(map, state.phase === "idle" && !stale);
    const now = reading();
    readout.update({ reading: now, unit: map?.scoreUnit ?? "", sign: display.sign });
    tell.point(now?.place ?? null);
    tools.update(linked.get());
    const { region } = linked.get();
    const picture = shownPicture(state);
    const fits = map !== null && picture !== null && map.image === picture.id && map.picture === null;
    const maps = region !== null && fits ? [map, ...(stale ? [] : session.library.related(state.choice, card))] : [];
    shares.update({ region, picture, maps, card });
  }

  let pending = 0;
  let peeking = false;
  linked.subscribe((now) => {
    if (now.peeking !== peeking) {
      peeking = now.peeking;
      tell.repaint();
    }
    if (pending === 0 && !signal.aborted) {
      pending = requestAnimationFrame(() => {
        pending = 0;
        update(state);
      });
    }
  }, signal);
  signal.addEventListener("abort", () => cancelAnimationFrame(pending));

  return {
    el: stage.el,
    stage,
    linked,
    under: [readout.el, shares.el],
    live,
    readable,
    update,
    peek: tools.peek,
    smoothing(sigma) {
      linked.set({ radius: sigma > 0 ? sigma : null });
      timers.later("radius", RADIUS_STAYS, () => linked.set({ radius: null }));
    },
  };
}
