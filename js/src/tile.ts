// One small map with its name, what the model says of it, and the value under the cursor; knows neither session nor kernel.
import { h, type Part, setAttributes, setText } from "./dom.ts";
import type { Linked } from "./linked.ts";
import type { MapData } from "./maps.ts";
import type { Pane } from "./pane.ts";
import { read, valueText } from "./probe.ts";
import type { Display, Mode, Picture } from "./protocol.ts";
import type { Store } from "./store.ts";

export interface Shown {
  title: string;
  note: string;
  map: MapData | null;
  picture: Picture | null;
  bitmap: ImageBitmap | null;
  display: Display;
  /** What the main picture shows. */
  current: boolean;
  /** It lies in the comparison of two: which of them it is. */
  side: "A" | "B" | null;
  pinned: boolean;
  /** It cannot be made the big one: what it differs in is locked. */
  fixed: boolean;
  /** The text alternative of the map. */
  label: string;
}

export interface Tile extends Part<Shown> {
  /** Where its own colour scale ends. */
  end(shown: Shown): number;
  /** The value under the cursor. */
  point(linked: Linked): void;
  stop(): void;
}

/** A small panel shows the map, whatever the large one does. */
const small = (mode: Mode): Mode => (mode === "beside" || mode === "picture" ? "overlay" : mode);
/** A click that moved so many CSS pixels was a drag. */
const DRAGGED = 4;

export function createTile(
  linked: Store<Linked>,
  make: (linked: Store<Linked>) => Pane,
  actions: { open(): void; compare(): void; drop: (() => void) | null },
  signal: AbortSignal,
): Tile {
  const pane = make(linked);
  const name = h("button", { type: "button", class: "sw-tile-name" });
  const note = h("span", { class: "sw-tile-note" });
  const value = h("span", { class: "sw-tile-value", "aria-hidden": "true" });
  const side = h("span", { class: "sw-tile-side", hidden: true });
  const compare = h("button", { type: "button", class: "sw-link sw-tile-compare" }, "Compare");
  const drop = h("button", { type: "button", class: "sw-link" }, "Remove");
  drop.hidden = actions.drop === null;
  const empty = h("p", { class: "sw-tile-empty", hidden: true });
  const progress = h("i", { class: "sw-progress-fill" });
  const bar = h("div", { class: "sw-progress" }, progress);
  const frame = h("div", { class: "sw-tile-frame" }, pane.el, side, empty);
  const el = h(
    "figure",
    { class: "sw-tile" },
    frame,
    bar,
    h("figcaption", {}, name, note, h("span", { class: "sw-tile-foot" }, value, compare, drop)),
  );
  let now: Shown | null = null;
  let down: readonly [number, number] = [0, 0];
  name.addEventListener("click", actions.open, { signal });
  compare.addEventListener("click", actions.compare, { signal });
  drop.addEventListener("click", () => actions.drop?.(), { signal });
  pane.canvas.addEventListener("pointerdown", ({ clientX, clientY }) => (down = [clientX, clientY]), { signal });
  pane.canvas.addEventListener(
    "click",
    ({ clientX, clientY }) => {
      const moved = Math.hypot(clientX - down[0], clientY - down[1]);
      if (moved < DRAGGED && linked.get().tool === "pan" && linked.get().view.zoom === 1) {
        actions.open();
      }
    },
    { signal },
  );
  const stateOf = ({ map, picture, bitmap, display, label }: Shown) => ({
    bitmap,
    picture,
    map,
    display,
    mode: small(display.mode),
    stale: false,
    label: (shown: boolean) => (shown ? label : `${label}: no map yet`),
  });
  return {
    el,
    stop: () => pane.stop(),
    end: (shown) => pane.end(stateOf(shown)),
    point(linkedNow) {
      const { cursor } = linkedNow;
      const layer = pane.layer();
      const picture = now?.picture ?? null;
      const at =
        cursor === null || picture === null || layer === null || layer.field.nothing
          ? null
          : read(cursor, picture, { layer, bitmap: null, sign: now?.display.sign ?? "signed" });
      const found = at?.value ?? null;
      setText(value, found === null ? "" : valueText(found, now?.display.sign ?? "signed"));
      setAttributes(value, { "data-value": found });
    },
    update(next) {
      now = next;
      const { map } = next;
      pane.update(stateOf(next));
      setText(name, next.title);
      name.disabled = next.fixed;
      setText(note, next.note);
      setAttributes(name, { title: next.title, "aria-current": next.current ? "true" : null });
      setAttributes(compare, { "aria-pressed": String(next.side !== null), "aria-label": `Compare ${next.title}` });
      side.hidden = next.side === null;
      setText(side, next.side ?? "");
      const reason = map?.empty ?? null;
      empty.hidden = reason === null;
      setText(empty, reason === null ? "" : "zero everywhere");
      setAttributes(empty, { title: reason });
      const waits = map === null || !map.final;
      bar.classList.toggle("sw-busy", waits);
      bar.classList.toggle("sw-unknown", map === null);
      progress.style.transform = map === null || !waits ? "" : `scaleX(${map.done / Math.max(1, map.total)})`;
      el.classList.toggle("sw-tile-waits", map === null);
      setAttributes(el, {
        "data-target": map?.name ?? "",
        "data-method": map?.method ?? "",
        "data-final": map === null ? "" : String(map.final),
        "data-scale": map === null ? null : (pane.layer()?.end ?? null),
      });
    },
  };
}
