// The picture with the map over it, its mode, and the steps to other pictures; asks the painter, computes nothing.
import { createPainter, decodePicture } from "./canvas.ts";
import { h, onChange, type Part, setAttributes, setText, uniqueId } from "./dom.ts";
import { createLayers, type Layer, type Mode, pictureRaster } from "./layer.ts";
import type { Picture } from "./protocol.ts";
import { canvasLabel, mapTitle, nothingLeft } from "./sentences.ts";
import { type SessionState, shownPicture } from "./state.ts";
import { valueUnit } from "./targets.ts";

const MODES: readonly [Mode, string][] = [
  ["overlay", "Overlay"],
  ["map", "Map"],
  ["picture", "Picture"],
];
/** More device pixels than this cost time and show nothing. */
const MAX_PIXELS = 2048;

export interface Stage extends Part<SessionState> {
  /** What the colour bar needs: the drawn layer, or null. */
  layer(): Layer | null;
  /** What is drawn is a picture and no map, so that nothing about a map's colours applies. */
  showsPicture(): boolean;
  /** Shows the picture without the map while held. */
  peek(on: boolean): void;
  readonly figure: HTMLElement;
}

export function createStage(actions: { setImage(index: number): void; repaint(): void }, signal: AbortSignal): Stage {
  const canvas = h("canvas", { class: "sw-canvas", role: "img" });
  const badge = h("p", { class: "sw-badge", hidden: true });
  const empty = h("p", { class: "sw-empty", hidden: true });
  const figure = h("div", { class: "sw-figure" }, canvas, badge, empty);
  const label = h("span", { class: "sw-picture-label" });
  const count = h("span", { class: "sw-count" });
  const back = h("button", { type: "button", class: "sw-icon", "aria-label": "Previous picture" }, "‹");
  const forth = h("button", { type: "button", class: "sw-icon", "aria-label": "Next picture" }, "›");
  const stepper = h("div", { class: "sw-stepper" }, back, count, forth);
  const group = uniqueId("mode");
  const radios = MODES.map(([value, text]) => {
    const input = h("input", { type: "radio", name: group, value, checked: value === "overlay" });
    return h("label", { class: "sw-segment" }, input, h("span", {}, text));
  });
  const modes = h("div", { class: "sw-segments", role: "radiogroup", "aria-label": "Show" }, ...radios);
  const el = h("div", { class: "sw-top" }, label, stepper, modes);

  const paint = createPainter(canvas);
  const layers = createLayers();
  let mode: Mode = "overlay";
  let peeking = false;
  let bitmap: ImageBitmap | null = null;
  let drawn: Layer | null = null;
  let instead = false;
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

  const step = (by: number) => () => state && actions.setImage(state.image + by);
  back.addEventListener("click", step(-1), { signal });
  forth.addEventListener("click", step(1), { signal });
  modes.addEventListener(
    "change",
    (event) => {
      mode = (event.target as HTMLInputElement).value as Mode;
      actions.repaint();
    },
    { signal },
  );
  const peek = (on: boolean): void => {
    if (peeking !== on) {
      peeking = on;
      actions.repaint();
    }
  };
  canvas.addEventListener("pointerdown", (e) => e.button === 0 && peek(true), { signal });
  for (const name of ["pointerup", "pointercancel", "blur"]) {
    window.addEventListener(name, () => peek(false), { signal });
  }

  const shape = onChange((picture: Picture | null) => {
    const [w, ht] = picture === null ? [1, 1] : [picture.width || 1, picture.height || 1];
    // A portrait picture is as high as a landscape one is wide.
    figure.style.maxWidth = `calc(var(--sw-picture) * ${Math.min(1, w / ht)})`;
    canvas.style.aspectRatio = `${w} / ${ht}`;
  });

  /** The canvas has as many pixels as the screen shows of it. */
  function resize(): void {
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    const ratio = Math.min(window.devicePixelRatio || 1, MAX_PIXELS / Math.max(width, height, 1));
    const [w, ht] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (w > 0 && ht > 0 && (canvas.width !== w || canvas.height !== ht)) {
      canvas.width = w;
      canvas.height = ht;
    }
  }

  return {
    el,
    figure,
    peek,
    layer: () => drawn,
    showsPicture: () => instead,
    update(next) {
      state = next;
      const picture = shownPicture(next);
      shape(picture);
      decode(next.base);
      resize();
      const { map, display } = next;
      // A map of another picture is never laid over this one.
      const fits = map !== null && picture !== null && map.image === picture.id;
      const rgb = fits ? map.picture : null;
      instead = rgb !== null;
      drawn = fits && !instead ? layers(map, display, picture.input, mode) : null;
      const unit = valueUnit(map?.target ?? null, next.card.heads);
      const reason = fits
        ? (map.empty ?? (drawn?.field.nothing ? nothingLeft(display.sign, unit !== null) : null))
        : null;
      const shown: Mode = peeking ? "picture" : instead ? "map" : mode;
      const raster = map !== null && rgb !== null ? pictureRaster(rgb, map.width, map.height) : drawn;
      const layer = reason === null ? raster : null;
      paint({ bitmap, picture, layer, instead, mode: shown, opacity: display.opacity, stale: next.stale });
      empty.hidden = reason === null || shown === "picture";
      setText(empty, reason ?? "");
      badge.hidden = !(fits && next.stale && shown !== "picture");
      setText(badge, fits ? `Previous map: ${mapTitle(map, next.card)}` : "");
      setAttributes(canvas, { "aria-label": canvasLabel(next, layer !== null && shown !== "picture") });
      modes.hidden = instead;
      const several = next.images.length > 1;
      stepper.hidden = !several;
      setText(label, picture?.label ?? "");
      label.hidden = !picture?.label;
      setAttributes(label, { title: picture?.label || null });
      setText(count, `${next.image + 1} / ${next.images.length}`);
      back.disabled = next.image <= 0;
      forth.disabled = next.image >= next.images.length - 1;
    },
  };
}
