// The map as coloured pixels on its own grid, a mask or lines, each stage kept until its inputs change; does not touch
// the page.

import { percentileOfAbsolute, scaleEnd, sizeAtMass } from "./clip.ts";
import { colormapFor, colourTable, coverage, tableIndex } from "./colour.ts";
import { contours, type Line } from "./contour.ts";
import { type Curve, curveOf } from "./curve.ts";
import { type Field, heatmap } from "./heatmap.ts";
import type { MapData } from "./maps.ts";
import type { CurveName, Display, Mode, Sign } from "./protocol.ts";
import { reduce } from "./reduce.ts";

/** What a canvas draws. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  /** RGBA, row by row. */
  readonly pixels: Uint8ClampedArray<ArrayBuffer>;
}

export interface ColouredLine extends Line {
  readonly colour: string;
}

export interface Layer extends Raster {
  readonly field: Field;
  /** Ends of the colour bar are -end (0 unless signed) and end. */
  readonly end: number;
  readonly curve: Curve;
  readonly diverging: boolean;
  readonly colormap: string;
  /** Drawn in place of the pixels where there are any. */
  readonly lines: readonly ColouredLine[];
  /** Sizes that are marked on the colour bar: those of the lines, or the one from which on a mask shows pixels. */
  readonly marks: readonly number[];
  /** Standard deviation of the Gaussian, in pixels of the model's input. */
  readonly sigma: number;
  /** Drawn on a coarser grid, since a hand is moving; to be drawn again when it rests. */
  readonly rough: boolean;
}

/** Cells a side on which a large map is drawn while a hand moves a slider, and on which lines are always drawn. */
export const ROUGH = 256;
const LINES = 192;
/** Lines need a map that is smooth on their scale: at least this share of the input is its sigma. */
const LINE_SIGMA = 1 / 56;

interface Grid {
  readonly values: ArrayLike<number>;
  readonly scale: number;
  readonly width: number;
  readonly height: number;
  /** Size of the model's input, and how many of its pixels are one of the grid's input. */
  readonly input: readonly [number, number];
  readonly step: number;
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

/** The map with at most `most` cells a side. */
function gridOf(map: MapData, width: number, height: number, most: number): Grid {
  const step = Math.max(1, Math.max(width, height) / most);
  const input = [Math.max(1, Math.round(width / step)), Math.max(1, Math.round(height / step))] as const;
  const to = [Math.min(map.width, input[0]), Math.min(map.height, input[1])] as const;
  if (step === 1 || (to[0] === map.width && to[1] === map.height)) {
    return { ...map, values: map.values, input, step };
  }
  const values = reduce(map.values, [map.width, map.height], to);
  return { values, scale: map.scale, width: to[0], height: to[1], input, step };
}

export function lineSigma(display: Pick<Display, "smooth">, input: readonly [number, number]): number {
  return Math.max(display.smooth, Math.min(...input) * LINE_SIGMA);
}

export interface Layers {
  /** `most`: cells a side on which it is drawn, at most. */
  (map: MapData, display: Display, input: readonly [number, number], mode: Mode, most?: number): Layer;
  /** The end of the map's own colour scale, whatever scale is locked. */
  end(map: MapData, display: Display, input: readonly [number, number], mode: Mode, most?: number): number;
}

export function createLayers(): Layers {
  const gridFor = memo(gridOf);
  const fieldOf = memo((grid: Grid, sign: Sign, sigma: number) => heatmap(grid, sign, sigma / grid.step, grid.input));
  const endOf = memo((field: Field, by: Display["clip_by"], percent: number, mass: number) =>
    by === "mass" ? sizeAtMass(field.values, mass) : scaleEnd(field.values, percent),
  );
  const curveFor = memo((name: CurveName, end: number, field: Field) => curveOf(name, end, field));
  const thresholdOf = memo((field: Field, percent: number) => percentileOfAbsolute(field.values, percent));
  const colours = memo(paint);
  const veil = memo(maskOut);
  const lined = memo(drawLines);
  const layerOf = memo(
    (
      field: Field,
      end: number,
      curve: Curve,
      diverging: boolean,
      colormap: string,
      pixels: Layer["pixels"],
      lines: Layer["lines"],
      mark: readonly number[] | number | null,
      sigma: number,
      rough: boolean,
    ): Layer => ({
      field,
      width: field.width,
      height: field.height,
      end,
      curve,
      diverging,
      colormap,
      pixels,
      lines,
      marks: mark === null ? [] : typeof mark === "number" ? [mark] : mark,
      sigma,
      rough,
    }),
  );
  const fieldFor = (map: MapData, display: Display, input: readonly [number, number], mode: Mode, most: number) => {
    const lines = mode === "contours";
    const sigma = lines ? lineSigma(display, input) : display.smooth;
    const grid = gridFor(map, input[0], input[1], lines ? LINES : most);
    return { grid, sigma, field: fieldOf(grid, display.sign, sigma) };
  };
  const ownEnd = (field: Field, { clip_by, clip, mass }: Display): number => endOf(field, clip_by, clip, mass);
  const draw = (
    map: MapData,
    display: Display,
    input: readonly [number, number],
    mode: Mode,
    most = Number.POSITIVE_INFINITY,
  ): Layer => {
    const diverging = display.sign === "signed";
    const lines = mode === "contours";
    const { grid, sigma, field } = fieldFor(map, display, input, mode, most);
    const locked = display.locked && display.scale > 0;
    const end = locked ? display.scale : ownEnd(field, display);
    const { name } = colormapFor(display.colormap, diverging);
    const curve = curveFor(display.curve, end, field);
    const threshold = mode === "mask" ? thresholdOf(field, display.mask) : null;
    const drawn = lines ? lined(field, curve, diverging, name, display.levels) : null;
    const pixels =
      threshold !== null
        ? veil(field, threshold)
        : drawn === null
          ? colours(field, curve, diverging, name, mode !== "overlay")
          : NO_PIXELS;
    const rough = grid.step > 1 && !lines;
    const mark = drawn?.sizes ?? threshold;
    return layerOf(field, end, curve, diverging, name, pixels, drawn?.lines ?? NO_LINES, mark, sigma, rough);
  };
  return Object.assign(draw, {
    end: (map, display, input, mode, most = Number.POSITIVE_INFINITY) =>
      ownEnd(fieldFor(map, display, input, mode, most).field, display),
  } satisfies Pick<Layers, "end">);
}

const NO_PIXELS = new Uint8ClampedArray(0);
const NO_LINES: readonly ColouredLine[] = [];

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

function paint(
  { values }: Field,
  curve: Curve,
  diverging: boolean,
  colormap: string,
  opaque: boolean,
): Uint8ClampedArray<ArrayBuffer> {
  const table = colourTable(colormap);
  const bytes = new Uint8ClampedArray(4 * 256);
  for (let i = 0; i < 256; i++) {
    bytes.set(table.subarray(3 * i, 3 * i + 3), 4 * i);
    bytes[4 * i + 3] = opaque ? 255 : 255 * coverage(i, diverging);
  }
  // Four bytes at a time, in whatever order this machine has them.
  const words = new Uint32Array(bytes.buffer);
  const out = new Uint32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const v = values[i] as number;
    const place = v < 0 ? -curve.place(-v) : curve.place(v);
    out[i] = words[tableIndex(place, 1, diverging)] as number;
  }
  return new Uint8ClampedArray(out.buffer);
}

/** What lies over the picture where the map is below the threshold: opaque there, nothing elsewhere. */
function maskOut({ values }: Field, threshold: number): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(4 * values.length);
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i] as number);
    pixels[4 * i + 3] = size >= threshold && size > 0 ? 0 : 255;
  }
  return pixels;
}

/** Lines at even places of the colour scale, in its colours. */
function drawLines(field: Field, curve: Curve, diverging: boolean, colormap: string, levels: number) {
  const table = colourTable(colormap);
  const sizes = Array.from({ length: levels }, (_, k) => curve.size((k + 1) / (levels + 1)));
  const lines = sizes.flatMap((size, k) =>
    (diverging ? [-1, 1] : [1]).flatMap((side) => {
      const at = 3 * tableIndex((side * (k + 1)) / (levels + 1), 1, diverging);
      const colour = `rgb(${table.subarray(at, at + 3).join(" ")})`;
      return size > 0 ? contours(field, side * size).map((line) => ({ ...line, colour })) : [];
    }),
  );
  return { lines, sizes };
}
