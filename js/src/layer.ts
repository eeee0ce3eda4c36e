// The map as coloured pixels on its own grid, each stage kept until its inputs change; does not touch the page.

import { scaleEnd } from "./clip.ts";
import { colormapFor, colourTable, coverage, tableIndex } from "./colour.ts";
import { type Field, heatmap } from "./heatmap.ts";
import type { MapData } from "./maps.ts";
import type { Display } from "./protocol.ts";

/** How a map lies on the screen. `map`: alone and opaque; `picture`: not at all. */
export type Mode = "overlay" | "map" | "picture";

/** What a canvas draws. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  /** RGBA, row by row. */
  readonly pixels: Uint8ClampedArray<ArrayBuffer>;
}

export interface Layer extends Raster {
  readonly field: Field;
  /** Ends of the colour bar are -end (0 unless signed) and end. */
  readonly end: number;
  readonly diverging: boolean;
  readonly colormap: string;
}

/** Computes one value again only when its inputs are not the very same. */
function memo<A extends readonly unknown[], R>(compute: (...inputs: A) => R): (...inputs: A) => R {
  let last: { inputs: A; result: R } | null = null;
  return (...inputs) => {
    if (last === null || inputs.some((input, i) => !Object.is(input, last?.inputs[i]))) {
      last = { inputs, result: compute(...inputs) };
    }
    return last.result;
  };
}

export function createLayers(): (
  map: MapData,
  display: Display,
  input: readonly [number, number],
  mode: Mode,
) => Layer {
  const fieldOf = memo((map: MapData, sign: Display["sign"], sigma: number, w: number, h: number) =>
    heatmap(map, sign, sigma, [w, h]),
  );
  const endOf = memo((field: Field, percent: number) => scaleEnd(field.values, percent));
  const layerOf = memo(
    (field: Field, end: number, diverging: boolean, colormap: string, opaque: boolean): Layer => ({
      field,
      width: field.width,
      height: field.height,
      end,
      diverging,
      colormap,
      pixels: colour(field, end, diverging, colormap, opaque),
    }),
  );
  return (map, display, input, mode) => {
    const diverging = display.sign === "signed";
    const field = fieldOf(map, display.sign, display.smooth, input[0], input[1]);
    const locked = display.locked && display.scale > 0;
    const end = locked ? display.scale : endOf(field, display.clip);
    const { name } = colormapFor(display.colormap, diverging);
    return layerOf(field, end, diverging, name, mode === "map");
  };
}

const rasters = new WeakMap<Uint8Array, Raster>();

/** A picture that is no map, as it is. */
export function pictureRaster(rgb: Uint8Array, width: number, height: number): Raster {
  let raster = rasters.get(rgb);
  if (raster === undefined) {
    const pixels = new Uint8ClampedArray(4 * width * height).fill(255);
    for (let i = 0; i < width * height; i++) {
      pixels.set(rgb.subarray(3 * i, 3 * i + 3), 4 * i);
    }
    raster = { width, height, pixels };
    rasters.set(rgb, raster);
  }
  return raster;
}

function colour(
  field: Field,
  end: number,
  diverging: boolean,
  colormap: string,
  opaque: boolean,
): Uint8ClampedArray<ArrayBuffer> {
  const { values } = field;
  const table = colourTable(colormap);
  const alpha = Uint8ClampedArray.from({ length: 256 }, (_, i) => (opaque ? 255 : 255 * coverage(i, diverging)));
  const pixels = new Uint8ClampedArray(4 * values.length);
  for (let i = 0; i < values.length; i++) {
    const index = tableIndex(values[i] as number, end, diverging);
    const at = 4 * i;
    pixels[at] = table[3 * index] as number;
    pixels[at + 1] = table[3 * index + 1] as number;
    pixels[at + 2] = table[3 * index + 2] as number;
    pixels[at + 3] = alpha[index] as number;
  }
  return pixels;
}
