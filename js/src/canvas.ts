// Draws picture and map on one canvas at device pixels; decides no colour and computes no map.

import type { ColouredLine, Raster } from "./layer.ts";
import { blurred } from "./pixels.ts";
import type { Mode, Picture } from "./protocol.ts";
import { FIT, onScreen, type Viewport } from "./viewport.ts";

export interface Scene {
  /** The decoded picture, or null before it is there. */
  bitmap: CanvasImageSource | null;
  picture: Picture | null;
  /** The map in its colours, or a picture that is drawn in place of everything. */
  layer: (Raster & { lines?: readonly ColouredLine[] }) | null;
  instead: boolean;
  mode: Mode;
  opacity: number;
  /** What a mask does to the pixels that it does not show. */
  rest?: "dim" | "blur";
  /** The map belongs to an earlier choice: drawn faintly. */
  stale: boolean;
  view?: Viewport;
  /** Device pixels per CSS pixel. */
  ratio?: number;
}

type Rect = readonly [x: number, y: number, width: number, height: number];

/** Up to here one input pixel is drawn as one square. */
const SMALL_INPUT = 64;
/** From this many CSS pixels on a magnified pixel is a square. */
const SQUARE = 8;

export function createPainter(canvas: HTMLCanvasElement): (scene: Scene) => void {
  const context = canvas.getContext("2d");
  const grid = document.createElement("canvas");
  const aside = document.createElement("canvas");
  let shown: Raster | null = null;

  /** The map on a canvas of its own grid, so that the browser scales it. */
  function onGrid(layer: Raster): HTMLCanvasElement {
    if (shown !== layer) {
      const { width, height } = layer;
      grid.width = width;
      grid.height = height;
      grid.getContext("2d")?.putImageData(new ImageData(layer.pixels, width, height), 0, 0);
      shown = layer;
    }
    return grid;
  }

  /** The picture as it is where a mask does not show it, cut out of the rest by the mask. */
  function masked({ bitmap, rest, layer }: Scene, whole: Rect, box: Rect, smoothly: boolean): HTMLCanvasElement {
    aside.width = canvas.width;
    aside.height = canvas.height;
    const side = aside.getContext("2d");
    if (side !== null && bitmap !== null && layer !== null) {
      side.imageSmoothingQuality = "high";
      side.drawImage(rest === "dim" ? bitmap : blurred(bitmap), ...whole);
      side.globalCompositeOperation = "saturation";
      side.fillStyle = "#808080";
      side.fillRect(...box);
      side.globalCompositeOperation = "source-over";
      side.fillStyle = rest === "dim" ? "rgb(20 22 26 / 72%)" : "rgb(20 22 26 / 34%)";
      side.fillRect(...box);
      side.globalCompositeOperation = "destination-in";
      side.imageSmoothingEnabled = smoothly;
      side.drawImage(onGrid(layer), ...box);
    }
    return aside;
  }

  return (scene) => {
    if (context === null) {
      return;
    }
    const { bitmap, picture, layer, instead, mode, opacity, stale, view = FIT, ratio = 1 } = scene;
    const { width, height } = canvas;
    context.clearRect(0, 0, width, height);
    const [across, down] = [picture?.width || 1, picture?.height || 1];
    const frame = { width, height, across, down };
    const whole = onScreen(view, frame, [0, 0, across, down]);
    const box = onScreen(view, frame, picture?.box ?? [0, 0, 0, 0]);
    const small = picture !== null && Math.max(...picture.input) <= SMALL_INPUT;
    const square = (cells: number, size: number): boolean =>
      small || (view.zoom > 1.001 && size / Math.max(1, cells) >= SQUARE * ratio);
    context.imageSmoothingEnabled = !square(widthOf(bitmap), whole[2]);
    context.imageSmoothingQuality = "high";
    const covered = layer !== null && mode !== "picture";
    const alone = covered && instead && !stale;
    const lined = covered && !instead && mode === "contours";
    const mask = covered && !instead && mode === "mask";
    if (bitmap !== null && !alone) {
      context.drawImage(bitmap, ...whole);
      if (covered && (mode === "overlay" || lined) && !instead) {
        // The picture loses colour where a map gains it: two sets of colours cannot be read at once.
        context.globalCompositeOperation = "saturation";
        context.globalAlpha = 0.8 * opacity;
        context.fillStyle = "#808080";
        context.fillRect(...box);
        context.globalCompositeOperation = "source-over";
      }
    }
    if (covered) {
      const smoothly = !square(layer.width, box[2]);
      const solid = mode === "map" || mode === "beside" || instead;
      context.globalAlpha = (solid ? 1 : opacity) * (stale ? 0.3 : 1);
      if (lined) {
        strokeLines(context, layer.lines ?? [], layer, box, ratio);
      } else if (mask) {
        const cut = masked(scene, whole, box, smoothly);
        context.drawImage(cut, 0, 0, width, height);
      } else {
        context.imageSmoothingEnabled = smoothly;
        context.drawImage(onGrid(layer), ...box);
      }
    }
    context.globalAlpha = 1;
    if (picture !== null && bitmap !== null && !alone) {
      dimUnseen(context, box, width, height, ratio);
    }
  };
}

/** How many pixels a picture has across; a decoded one says so. */
function widthOf(bitmap: CanvasImageSource | null): number {
  const width = bitmap !== null && "width" in bitmap ? bitmap.width : 0;
  return typeof width === "number" ? width : Number.POSITIVE_INFINITY;
}

/** Lines in their colours on a dark and a light seam, so that they are seen on any picture. */
function strokeLines(
  context: CanvasRenderingContext2D,
  lines: readonly ColouredLine[],
  { width, height }: Pick<Raster, "width" | "height">,
  [left, top, w, h]: Rect,
  ratio: number,
): void {
  const [sx, sy] = [w / width, h / height];
  context.lineJoin = "round";
  context.lineCap = "round";
  const trace = ({ points, closed }: ColouredLine): void => {
    const at = (i: number): readonly [number, number] => {
      const [x, y] = points[i % points.length] as readonly [number, number];
      return [left + x * sx, top + y * sy];
    };
    const middle = (i: number): readonly [number, number] => {
      const [a, b] = [at(i), at(i + 1)];
      return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    };
    // Through the middles, bent towards the points: round where the grid has corners.
    const last = points.length - 1;
    context.moveTo(...(closed ? middle(last) : at(0)));
    for (let i = 0; i <= last; i++) {
      if (closed || i < last) {
        context.quadraticCurveTo(...at(i), ...middle(i));
      } else {
        context.lineTo(...at(i));
      }
    }
  };
  for (const [seam, colour] of [
    [4, "rgb(12 14 18 / 55%)"],
    [2.7, "rgb(255 255 255 / 90%)"],
  ] as const) {
    context.beginPath();
    for (const line of lines) {
      trace(line);
    }
    context.strokeStyle = colour;
    context.lineWidth = seam * ratio;
    context.stroke();
  }
  context.lineWidth = 1.8 * ratio;
  for (const line of lines) {
    context.beginPath();
    trace(line);
    context.strokeStyle = line.colour;
    context.stroke();
  }
}

/** Veils and outlines what the model never saw. */
function dimUnseen(
  context: CanvasRenderingContext2D,
  [x, y, w, h]: Rect,
  width: number,
  height: number,
  ratio: number,
): void {
  if (x <= 0.5 && y <= 0.5 && x + w >= width - 0.5 && y + h >= height - 0.5) {
    return;
  }
  context.fillStyle = "rgb(20 22 26 / 62%)";
  context.beginPath();
  context.rect(0, 0, width, height);
  context.rect(x, y, w, h);
  context.fill("evenodd");
  context.strokeStyle = "rgb(255 255 255 / 70%)";
  context.lineWidth = Math.max(1, Math.round(ratio));
  context.strokeRect(x, y, w, h);
}

const bitmaps = new WeakMap<Uint8Array, Promise<ImageBitmap | null>>();

/** The decoded JPEG, decoded once however many views show it; null if the browser cannot. */
export function decodePicture(bytes: Uint8Array): Promise<ImageBitmap | null> {
  let bitmap = bitmaps.get(bytes);
  if (bitmap === undefined) {
    bitmap = createImageBitmap(new Blob([bytes.slice()])).catch(() => null);
    bitmaps.set(bytes, bitmap);
  }
  return bitmap;
}
