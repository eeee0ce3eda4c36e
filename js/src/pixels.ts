// The pixels of a decoded picture: one by one for whoever reads them, and out of focus for a mask; draws on no screen.
import { smooth } from "./smooth.ts";

type Source = ImageBitmap;

/** A copy on a canvas; null where the browser gives none. */
function copied(bitmap: Source, width: number, height: number): CanvasRenderingContext2D | null {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context !== null) {
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, width, height);
  }
  return context;
}

const read = new WeakMap<Source, ImageData>();

/** Red, green and blue at a place (shares of the picture, 0..1), or null where there is none. */
export function colourAt(bitmap: Source | null, u: number, v: number): readonly [number, number, number] | null {
  if (bitmap === null || u < 0 || v < 0 || u >= 1 || v >= 1) {
    return null;
  }
  let data = read.get(bitmap);
  if (data === undefined) {
    data = copied(bitmap, bitmap.width, bitmap.height)?.getImageData(0, 0, bitmap.width, bitmap.height);
    if (data === undefined) {
      return null;
    }
    read.set(bitmap, data);
  }
  const at = 4 * (Math.floor(v * data.height) * data.width + Math.floor(u * data.width));
  return [data.data[at] ?? 0, data.data[at + 1] ?? 0, data.data[at + 2] ?? 0];
}

/** Across; little is left to see at this size, and the browser enlarges it smoothly. */
const WIDTH = 112;
const SIGMA = 2.2;
const soft = new WeakMap<object, CanvasImageSource>();

/** The picture out of focus, made once; not by the canvas's own filter, which not every browser has. */
export function blurred(bitmap: CanvasImageSource): CanvasImageSource {
  const known = soft.get(bitmap);
  if (known !== undefined) {
    return known;
  }
  const { width, height } = bitmap as Source;
  const rows = Math.max(1, Math.round((WIDTH * height) / width));
  const context = copied(bitmap as Source, WIDTH, rows);
  if (context === null) {
    return bitmap;
  }
  const image = context.getImageData(0, 0, WIDTH, rows);
  for (let channel = 0; channel < 3; channel++) {
    const plane = Float32Array.from({ length: WIDTH * rows }, (_, i) => image.data[4 * i + channel] ?? 0);
    smooth(plane, WIDTH, rows, SIGMA, SIGMA).forEach((value, i) => {
      image.data[4 * i + channel] = value;
    });
  }
  context.putImageData(image, 0, 0);
  soft.set(bitmap, context.canvas);
  return context.canvas;
}
