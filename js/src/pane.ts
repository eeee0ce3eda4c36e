// One map on one picture: a panel that can be made many times, all of one view moving together; knows no session.
import { createPainter } from "./canvas.ts";
import { h, setAttributes } from "./dom.ts";
import { attachGestures } from "./gestures.ts";
import { createLayers, type Layer, pictureRaster, ROUGH } from "./layer.ts";
import type { Linked } from "./linked.ts";
import type { MapData } from "./maps.ts";
import { createMarks } from "./marks.ts";
import type { Display, Mode, Picture } from "./protocol.ts";
import type { Store } from "./store.ts";
import { type Frame, toPicture } from "./viewport.ts";

export interface PaneState {
  bitmap: ImageBitmap | null;
  picture: Picture | null;
  /** The map of this very picture, or null. */
  map: MapData | null;
  display: Display;
  mode: Mode;
  stale: boolean;
  /** The text alternative, given whether a map is seen. */
  label: (shown: boolean) => string;
}

export interface Pane {
  readonly el: HTMLElement;
  readonly canvas: HTMLCanvasElement;
  update(state: PaneState): void;
  /** What is drawn of the map, or would be if its mode showed it; null for a picture in place of a map. */
  layer(): Layer | null;
  /** Where the map's own colour scale would end, were it drawn like this; 0 without a map. */
  end(state: PaneState): number;
  stop(): void;
}

/** More device pixels than this cost time and show nothing. */
const MAX_PIXELS = 2048;
interface Given {
  focusable: boolean;
  describedBy: string;
  /** Cells a side on which a small panel is drawn while a hand moves, whatever the map's size. */
  few?: number | undefined;
  say(what: "place" | "map"): void;
}

/** Larger maps are drawn roughly until what they depend on has rested for this many milliseconds. */
const LARGE = 384;
const REST = 140;
/** Small panels take turns, so that each of them rests for a while although a hand moves. */
const REST_SMALL = 500;

/** What a hand moves that makes the pixels of a layer others: not how opaque it lies, nor a scale shared with other maps. */
function lookOf(display: Display, mode: Mode): string {
  const { opacity: _, rest: __, locked: ___, scale: ____, ...look } = display;
  return JSON.stringify([look, mode]);
}

export function createPane(linked: Store<Linked>, given: Given, outer: AbortSignal): Pane {
  const own = new AbortController();
  const signal = AbortSignal.any([outer, own.signal]);
  const canvas = h("canvas", {
    class: "sw-canvas",
    role: given.focusable ? "application" : "img",
    "aria-roledescription": given.focusable ? "picture with a crosshair" : null,
    "aria-describedby": given.focusable ? given.describedBy : null,
    tabindex: given.focusable ? 0 : null,
  });
  const marks = createMarks();
  const el = h("div", { class: "sw-pane" }, canvas);
  el.append(marks.el);
  const paint = createPainter(canvas);
  const exact = createLayers();
  const rough = createLayers();

  let state: PaneState | null = null;
  let drawn: Layer | null = null;
  let look = "";
  let of: MapData | null = null;
  let changed = Number.NEGATIVE_INFINITY;
  let resting: ReturnType<typeof setTimeout> | undefined;
  let pending = 0;

  const frame = (): Frame => ({
    width: canvas.clientWidth || 1,
    height: canvas.clientHeight || 1,
    across: state?.picture?.width || 1,
    down: state?.picture?.height || 1,
  });

  /** The canvas has as many pixels as the screen shows of it. */
  function resize(): number {
    const { clientWidth: width, clientHeight: height } = canvas;
    const ratio = Math.min(window.devicePixelRatio || 1, MAX_PIXELS / Math.max(width, height, 1));
    const [w, ht] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (w > 0 && ht > 0 && (canvas.width !== w || canvas.height !== ht)) {
      canvas.width = w;
      canvas.height = ht;
    }
    return ratio;
  }

  /** How the map is drawn now: exactly, or with few cells since a hand moves. */
  function way({ map, picture, display, mode }: PaneState): [typeof exact, number] {
    if (map === null || picture === null) {
      return [exact, 0];
    }
    const now = lookOf(display, mode);
    if (of !== map || look !== now) {
      [of, look, changed] = [map, now, performance.now()];
    }
    const large = given.few !== undefined || Math.max(map.width, map.height, ...picture.input) > LARGE;
    const rest = given.few === undefined ? REST : REST_SMALL;
    const moving = large && mode !== "contours" && performance.now() - changed < rest;
    clearTimeout(resting);
    if (moving) {
      resting = setTimeout(repaint, rest);
    }
    return moving ? [rough, given.few ?? ROUGH] : [exact, Number.POSITIVE_INFINITY];
  }

  function layerOf(next: PaneState): Layer | null {
    const { map, picture, display, mode } = next;
    if (map === null || picture === null || map.picture !== null) {
      return null;
    }
    const [layers, most] = way(next);
    return layers(map, display, picture.input, mode, most);
  }

  function draw(): void {
    pending = 0;
    if (state === null || signal.aborted) {
      return;
    }
    const ratio = resize();
    const { bitmap, picture, map, display, stale, label } = state;
    const { view, peeking } = linked.get();
    drawn = layerOf(state);
    const instead = map !== null && map.picture !== null;
    const raster = instead ? pictureRaster(map.picture as Uint8Array, map.width, map.height) : drawn;
    const nothing = map === null || map.empty !== null || drawn?.field.nothing === true;
    const layer = nothing ? null : raster;
    const mode = peeking ? "picture" : instead ? "map" : state.mode;
    const { opacity, rest } = display;
    paint({ bitmap, picture, layer, instead, mode, opacity, rest, stale, view, ratio });
    setAttributes(canvas, { "aria-label": label(layer !== null && mode !== "picture") });
    mark(linked.get());
  }

  function repaint(): void {
    if (pending === 0 && !signal.aborted) {
      pending = requestAnimationFrame(draw);
    }
  }

  function mark(now: Linked): void {
    marks.update(now, frame(), state?.picture ?? null, now.under !== el);
    const hands = now.tool !== "pan" || now.view.zoom > 1;
    canvas.style.touchAction = hands ? "none" : "";
    canvas.style.cursor = now.tool === "pan" && now.view.zoom > 1 ? "grab" : "";
    setAttributes(el, { "data-zoom": now.view.zoom });
  }

  let [view, peeking] = [linked.get().view, linked.get().peeking];
  linked.subscribe((now) => {
    if (now.view !== view || now.peeking !== peeking) {
      [view, peeking] = [now.view, now.peeking];
      repaint();
    }
    mark(now);
  }, signal);
  attachGestures(
    canvas,
    linked,
    {
      el,
      frame,
      picture: () => state?.picture ?? null,
      at: (point) => toPicture(linked.get().view, frame(), point),
      say: given.say,
    },
    signal,
  );
  signal.addEventListener("abort", () => {
    cancelAnimationFrame(pending);
    clearTimeout(resting);
  });

  return {
    el,
    canvas,
    layer: () => drawn,
    stop: () => own.abort(),
    end(next) {
      const { map, picture, display, mode } = next;
      if (map === null || picture === null || map.picture !== null) {
        return 0;
      }
      const [layers, most] = way(next);
      return layers.end(map, display, picture.input, mode, most);
    },
    update(next) {
      const picture = next.picture;
      if (picture !== state?.picture) {
        canvas.style.aspectRatio = picture === null ? "1" : `${picture.width || 1} / ${picture.height || 1}`;
      }
      state = next;
      draw();
    },
  };
}
