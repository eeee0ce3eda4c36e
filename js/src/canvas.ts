// Draws picture and map on one canvas at device pixels; decides no colour and computes no map.
import type { Mode, Raster } from "./layer.ts";
import type { Picture } from "./protocol.ts";

export interface Scene {
  /** The decoded picture, or null before it is there. */
  bitmap: CanvasImageSource | null;
  picture: Picture | null;
  /** The map in its colours, or a picture that is drawn in place of everything. */
  layer: Raster | null;
  instead: boolean;
  mode: Mode;
  opacity: number;
  /** The map belongs to an earlier choice: drawn faintly. */
  stale: boolean;
}

/** Up to here one input pixel is drawn as one square. */
const SMALL_INPUT = 64;

export function createPainter(canvas: HTMLCanvasElement): (scene: Scene) => void {
  const context = canvas.getContext("2d");
  const grid = document.createElement("canvas");
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

  return ({ bitmap, picture, layer, instead, mode, opacity, stale }) => {
    if (context === null) {
      return;
    }
    const { width, height } = canvas;
    context.clearRect(0, 0, width, height);
    const sx = width / (picture?.width || 1);
    const sy = height / (picture?.height || 1);
    const [l, t, r, b] = picture?.box ?? [0, 0, 0, 0];
    const box = [l * sx, t * sy, (r - l) * sx, (b - t) * sy] as const;
    const small = picture !== null && Math.max(...picture.input) <= SMALL_INPUT;
    context.imageSmoothingEnabled = !small;
    context.imageSmoothingQuality = "high";
    const covered = layer !== null && mode !== "picture";
    const alone = covered && instead && !stale;
    if (bitmap !== null && !alone) {
      context.drawImage(bitmap, 0, 0, width, height);
      if (covered && mode === "overlay" && !instead) {
        // The picture loses colour where a map gains it: two sets of colours cannot be read at once.
        context.globalCompositeOperation = "saturation";
        context.globalAlpha = 0.8 * opacity;
        context.fillStyle = "#808080";
        context.fillRect(...box);
        context.globalCompositeOperation = "source-over";
      }
    }
    if (covered) {
      context.globalAlpha = (mode === "map" || instead ? 1 : opacity) * (stale ? 0.3 : 1);
      context.drawImage(onGrid(layer), ...box);
    }
    context.globalAlpha = 1;
    if (picture !== null && bitmap !== null && !alone) {
      dimUnseen(context, box, width, height);
    }
  };
}

/** Veils and outlines what the model never saw. */
function dimUnseen(
  context: CanvasRenderingContext2D,
  [x, y, w, h]: readonly [number, number, number, number],
  width: number,
  height: number,
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
  context.lineWidth = Math.max(1, Math.round(width / 512));
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
