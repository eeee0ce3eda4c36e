// The picture with the map over it, or both side by side, the mode, and the steps to other pictures; computes nothing.
import { decodePicture } from "./canvas.ts";
import { h, onChange, type Part, setAttributes, setText, uniqueId } from "./dom.ts";
import { icon } from "./icons.ts";
import type { Layer } from "./layer.ts";
import type { Linked } from "./linked.ts";
import { isLocked, LOCKED } from "./locks.ts";
import { createPane, type Pane } from "./pane.ts";
import type { Display, Mode, Picture } from "./protocol.ts";
import { canvasLabel, mapTitle, nothingLeft } from "./sentences.ts";
import { type SessionState, shownPicture } from "./state.ts";
import type { Store } from "./store.ts";
import { valueUnit } from "./targets.ts";
import { FIT } from "./viewport.ts";

const MODES: readonly [Mode, string][] = [
  ["overlay", "Overlay"],
  ["beside", "Side by side"],
  ["map", "Map"],
  ["picture", "Picture"],
  ["mask", "Mask"],
  ["contours", "Contours"],
];
const KEYS =
  "Arrow keys move a crosshair and read the map, with Shift ten pixels at a time. Enter describes the map. Plus and " +
  "minus zoom, 0 fits, P shows the picture alone while held. B marks a box: Enter sets its first and its last corner. " +
  "Delete clears it.";

export interface Stage extends Part<SessionState> {
  /** What the colour bar and the readout need: the drawn layer, or null. */
  layer(): Layer | null;
  bitmap(): ImageBitmap | null;
  /** What is drawn is a picture and no map, so that nothing about a map's colours applies. */
  showsPicture(): boolean;
  /** How high the picture is where it stands alone, in CSS pixels. */
  height(): number;
  readonly figure: HTMLElement;
}

interface Actions {
  setImage(index: number): void;
  setDisplay(patch: Partial<Display>): void;
  repaint(): void;
  say(what: "place" | "map"): void;
}

export function createStage(linked: Store<Linked>, tools: HTMLElement, actions: Actions, signal: AbortSignal): Stage {
  const badge = h("p", { class: "sw-badge", hidden: true });
  const empty = h("p", { class: "sw-empty", hidden: true });
  const keys = h("p", { class: "sw-hidden", id: uniqueId("keys") }, KEYS);
  const label = h("span", { class: "sw-picture-label" });
  const count = h("span", { class: "sw-count" });
  const back = h("button", { type: "button", class: "sw-icon", "aria-label": "Previous picture" }, "‹");
  const forth = h("button", { type: "button", class: "sw-icon", "aria-label": "Next picture" }, "›");
  const lock = h("span", { class: "sw-lock", role: "img", "aria-label": LOCKED, title: LOCKED }, icon("lock"));
  const stepper = h("div", { class: "sw-stepper" }, back, count, forth, lock);
  const group = uniqueId("mode");
  const radios = MODES.map(([value]) => h("input", { type: "radio", name: group, value }));
  const labels = MODES.map(([, text], i) =>
    h("label", { class: "sw-segment" }, radios[i] as HTMLElement, h("span", {}, text)),
  );
  const modes = h("div", { class: "sw-segments", role: "radiogroup", "aria-label": "Show" }, ...labels);
  const el = h("div", { class: "sw-top" }, label, stepper, tools, modes);

  const pane = (focusable: boolean): Pane =>
    createPane(linked, { focusable, describedBy: keys.id, say: actions.say }, signal);
  const first = pane(true);
  let second: Pane | null = null;
  const panes = h("div", { class: "sw-panes" }, first.el);
  const figure = h("div", { class: "sw-figure" }, panes, badge, empty, keys);
  let bitmap: ImageBitmap | null = null;
  let drawn: Layer | null = null;
  let instead = false;
  let alone = 0;
  let state: SessionState | null = null;

  const decode = onChange((bytes: Uint8Array | null) => {
    if (bytes === null) {
      bitmap = null;
      return;
    }
    void decodePicture(bytes).then((made) => {
      if (!signal.aborted && state?.base === bytes) {
        bitmap = made;
        actions.repaint();
      }
    });
  });

  const step = (by: number) => () => state && actions.setImage(state.at + by);
  back.addEventListener("click", step(-1), { signal });
  forth.addEventListener("click", step(1), { signal });
  modes.addEventListener(
    "change",
    (event) => actions.setDisplay({ mode: (event.target as HTMLInputElement).value as Mode }),
    { signal },
  );

  const shape = onChange((picture: Picture | null, two: boolean) => {
    const [w, ht] = picture === null ? [1, 1] : [picture.width || 1, picture.height || 1];
    // A portrait picture is as high as a landscape one is wide.
    figure.style.maxWidth = `calc(var(--sw-picture) * ${Math.min(1, ((two ? 2 : 1) * w) / ht)})`;
  });
  const divide = onChange((two: boolean) => {
    if (!two) {
      second?.stop();
      second?.el.remove();
      second = null;
    } else if (second === null) {
      second = pane(false);
      panes.append(second.el);
    }
    figure.classList.toggle("sw-two", two);
  });
  // Of another picture another part would be in sight, and a region means nothing there.
  const turn = onChange((_id: string | null) =>
    linked.set({ view: FIT, region: null, draft: null, cursor: null, under: null }),
  );

  return {
    el,
    figure,
    layer: () => drawn,
    bitmap: () => state?.live?.shown?.bitmap ?? bitmap,
    showsPicture: () => instead,
    height: () => alone,
    update(next) {
      state = next;
      const picture = shownPicture(next);
      const { display } = next;
      // A map of another picture is never laid over this one.
      const map = next.map !== null && picture !== null && next.map.image === picture.id ? next.map : null;
      instead = map !== null && map.picture !== null;
      const two = display.mode === "beside" && !instead;
      // Live pictures follow each other on one place.
      turn(next.live?.shown ? "live" : (picture?.id ?? null));
      shape(picture, two);
      divide(two);
      decode(next.base);
      const shown = { bitmap: next.live?.shown?.bitmap ?? bitmap, picture, display, stale: next.stale };
      const seen = (covered: boolean): string => canvasLabel(next, covered);
      first.update({ ...shown, map: two ? null : map, mode: two ? "picture" : display.mode, label: seen });
      second?.update({ ...shown, map, mode: "beside", label: seen });
      const main = second ?? first;
      drawn = main.layer();
      alone = two ? alone || 2 * figure.clientHeight : figure.clientHeight;

      const unit = valueUnit(map?.target ?? null, next.card.heads);
      const left = drawn?.field.nothing ? nothingLeft(display.sign, unit !== null) : null;
      const reason = map === null ? null : (map.empty ?? left);
      const hidden = linked.get().peeking || (display.mode === "picture" && !instead);
      empty.hidden = reason === null || hidden;
      setText(empty, reason ?? "");
      badge.hidden = !(map !== null && next.stale && !hidden);
      setText(badge, map === null ? "" : `Previous map: ${mapTitle(map, next.card)}`);

      modes.hidden = instead;
      for (const radio of radios) {
        radio.checked = radio.value === display.mode;
        radio.disabled = isLocked(next, "display");
      }
      stepper.hidden = next.album.count <= 1;
      setText(label, picture?.label ?? "");
      label.hidden = !picture?.label;
      setAttributes(label, { title: picture?.label || null });
      setText(count, `${next.at + 1} / ${next.album.count}`);
      lock.hidden = !isLocked(next, "image");
      back.disabled = next.at <= 0 || !lock.hidden;
      forth.disabled = next.at >= next.album.count - 1 || !lock.hidden;
    },
  };
}
