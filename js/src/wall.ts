// Many small maps, on one scale or each on its own, drawn a few in each frame so that no hand is held up; knows no kernel.
import { h } from "./dom.ts";
import type { Linked } from "./linked.ts";
import type { Display } from "./protocol.ts";
import type { Shown, Tile } from "./tile.ts";

export interface Hung {
  readonly id: string;
  /** Its display is that of the large picture, with no scale locked. */
  readonly shown: Shown;
  make(): Tile;
}

export interface Wall {
  readonly el: HTMLElement;
  update(list: readonly Hung[], together: boolean): void;
  /** How a map is drawn: on the scale of all, if they share one. */
  look(display: Display): Display;
  /** Where the map's own scale ends, as far as that is known. */
  end(id: string): number;
  point(linked: Linked): void;
}

/** Milliseconds of one frame for the small maps, beside the large one; those that are left come in the next. */
const BUDGET = 2;
/** A small map that moved is drawn exactly after 500 ms of rest (pane.ts); then its scale may end elsewhere. */
const RESTED = 620;

interface Hanging {
  tile: Tile;
  shown: Shown;
  end: number;
  /** What was drawn last, and on which scale. */
  drawn: Shown | null;
  scale: number;
}

/** Whether two states draw the same, so that nothing is to be done. */
function same(a: Shown | null, b: Shown): boolean {
  return a !== null && (Object.keys(b) as (keyof Shown)[]).every((name) => Object.is(a[name], b[name]));
}

export function createWall(signal: AbortSignal, changed: () => void): Wall {
  const el = h("div", { class: "sw-tiles" });
  const hung = new Map<string, Hanging>();
  let together = false;
  let frame = 0;
  let rest: ReturnType<typeof setTimeout> | undefined;

  const scale = (): number => Math.max(0, ...[...hung.values()].map(({ end }) => end));
  const look = (display: Display): Display => {
    const end = together ? scale() : 0;
    return end > 0 ? { ...display, locked: true, scale: end } : display;
  };
  /** Those that are not drawn as they should be. */
  function waiting(): Hanging[] {
    const all = together ? scale() : 0;
    return [...hung.values()].filter((one) => !same(one.drawn, one.shown) || one.scale !== all);
  }

  function draw(one: Hanging): void {
    if (!same(one.drawn, one.shown)) {
      one.end = one.shown.map === null ? 0 : one.tile.end(one.shown);
    }
    one.drawn = one.shown;
    one.scale = together ? scale() : 0;
    one.tile.update({ ...one.shown, display: look(one.shown.display) });
  }

  function flush(): void {
    frame = 0;
    const from = performance.now();
    let left = waiting();
    while (left.length > 0 && !signal.aborted) {
      draw(left[0] as Hanging);
      left = waiting();
      if (performance.now() - from > BUDGET) {
        break;
      }
    }
    if (left.length > 0) {
      frame = requestAnimationFrame(flush);
    } else {
      changed();
    }
  }

  function rested(): void {
    for (const one of hung.values()) {
      one.end = one.shown.map === null ? 0 : one.tile.end(one.shown);
    }
    flush();
  }
  signal.addEventListener("abort", () => {
    cancelAnimationFrame(frame);
    clearTimeout(rest);
  });

  return {
    el,
    look,
    end: (id) => hung.get(id)?.end ?? 0,
    point(linked) {
      for (const { tile } of hung.values()) {
        tile.point(linked);
      }
    },
    update(list, shared) {
      together = shared;
      const wanted = new Set(list.map(({ id }) => id));
      for (const [id, { tile }] of hung) {
        if (!wanted.has(id)) {
          tile.stop();
          tile.el.remove();
          hung.delete(id);
        }
      }
      let moved = false;
      list.forEach(({ id, shown, make }, at) => {
        const before = hung.get(id);
        if (before === undefined) {
          hung.set(id, { tile: make(), shown, end: 0, drawn: null, scale: -1 });
          moved = true;
        } else {
          moved ||= !same(before.shown, shown);
          before.shown = shown;
        }
        const { tile } = hung.get(id) as Hanging;
        if (el.children[at] !== tile.el) {
          el.insertBefore(tile.el, el.children[at] ?? null);
        }
      });
      if (moved) {
        clearTimeout(rest);
        rest = setTimeout(rested, RESTED);
      }
      if (frame === 0) {
        flush();
      }
    },
  };
}
