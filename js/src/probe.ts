// What can be read off a map at a point, and what it is as a whole, in numbers and words; no element.
import { ranksOf } from "./curve.ts";
import { formatNumber } from "./format.ts";
import type { Layer } from "./layer.ts";
import { colourAt } from "./pixels.ts";
import type { Picture, Sign } from "./protocol.ts";
import type { Point } from "./viewport.ts";

export interface Reading {
  /** The picture's pixel. */
  readonly x: number;
  readonly y: number;
  /** The picture's colour there, "#8fa3b1", or null before it is decoded. */
  readonly colour: string | null;
  /** As drawn: after sign and smoothing; null where the model saw nothing or there is no map. */
  readonly value: number | null;
  /** The share of the map's pixels that are no larger in size, 0..1. */
  readonly rank: number | null;
  /** Where it stands on the colour scale, -1..1 or 0..1. */
  readonly place: number | null;
  readonly seen: boolean;
}

/** The cell of a map under a point of the picture, or null outside of what the model saw. */
export function cellAt([x, y]: Point, box: Picture["box"], width: number, height: number): Point | null {
  const [l, t, r, b] = box;
  const i = Math.floor(((x - l) / (r - l)) * width);
  const j = Math.floor(((y - t) / (b - t)) * height);
  return i >= 0 && j >= 0 && i < width && j < height ? [i, j] : null;
}

export function read(
  point: Point,
  picture: Picture,
  { layer, bitmap, sign }: { layer: Layer | null; bitmap: ImageBitmap | null; sign: Sign },
): Reading {
  const rgb = colourAt(bitmap, point[0] / picture.width, point[1] / picture.height);
  const colour = rgb === null ? null : `#${rgb.map((c) => c.toString(16).padStart(2, "0")).join("")}`;
  const seen = cellAt(point, picture.box, 1, 1) !== null;
  const cell = layer === null ? null : cellAt(point, picture.box, layer.field.width, layer.field.height);
  const at = { x: Math.floor(point[0]), y: Math.floor(point[1]), colour, seen };
  if (layer === null || cell === null) {
    return { ...at, value: null, rank: null, place: null };
  }
  const drawn = layer.field.values[cell[1] * layer.field.width + cell[0]] as number;
  const place = Math.min(1, layer.curve.place(Math.abs(drawn)));
  return {
    ...at,
    // What speaks against is drawn by its size and named by its value.
    value: sign === "negative" ? 0 - drawn : drawn,
    rank: ranksOf(layer.field).all(Math.abs(drawn)),
    place: drawn < 0 ? -place : place,
  };
}

/** "+0.0031": a sign where there may be either. */
export function valueText(value: number, sign: Sign): string {
  return `${value > 0 && sign === "signed" ? "+" : ""}${formatNumber(value, 3)}`;
}

/** "97.2 %", and never 100 % for all but the largest. */
export function rankText(rank: number): string {
  return rank === 1 ? "100 %" : `${Math.min(99.9, Math.floor(1000 * rank) / 10).toFixed(1)} %`;
}

/** For a screen reader. */
export function readingText({ x, y, colour, value, rank, seen }: Reading, unit: string, sign: Sign): string {
  const place = `x ${x}, y ${y}`;
  const read =
    value === null || rank === null
      ? [seen ? "no map" : "not seen by the model"]
      : [[valueText(value, sign), unit].filter(Boolean).join(" "), `rank ${rankText(rank)}`];
  return [place, ...read, ...(colour === null ? [] : [colour])].join(", ");
}

const ROWS = ["upper", "", "lower"];
const COLUMNS = ["left", "", "right"];

/** "strongest at upper left; 62 % of the evidence in 5 % of the pixels": nothing for a map of zeros. */
export function wholeText(layer: Layer | null): string {
  if (layer === null || layer.field.nothing) {
    return "";
  }
  const { values, width, height } = layer.field;
  const sizes = Float32Array.from(values, Math.abs).sort();
  const sum = sizes.reduce((all, v) => all + v, 0);
  const few = Math.max(1, Math.round(0.05 * sizes.length));
  const held = sizes.subarray(-few).reduce((all, v) => all + v, 0);
  const thirds = new Float64Array(9);
  for (let i = 0; i < values.length; i++) {
    const third = 3 * Math.floor((3 * Math.floor(i / width)) / height) + Math.floor((3 * (i % width)) / width);
    thirds[third] = (thirds[third] as number) + Math.abs(values[i] as number);
  }
  const best = thirds.indexOf(Math.max(...thirds));
  const [row, column] = [ROWS[Math.floor(best / 3)] ?? "", COLUMNS[best % 3] ?? ""];
  const where = `${row} ${column}`.trim() || "the middle";
  return `strongest at ${row === "" || column === "" ? where.replace(/^(upper|lower)$/, "$1 middle") : where}; ${Math.round((100 * held) / sum)} % of the evidence in 5 % of the pixels`;
}
