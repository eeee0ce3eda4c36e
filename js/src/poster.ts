// The map as it is on screen, with its colour bar and what it is of, as one picture of its own; asks no kernel and saves
// nothing.
import { createPainter } from "./canvas.ts";
import { colourTable } from "./colour.ts";
import { ticks } from "./colourbar.ts";
import { createLayers, type Layer, pictureRaster } from "./layer.ts";
import { mapFacts, mapTitle, nothingLeft, pictureCaption, scaleUnit } from "./sentences.ts";
import { type SessionState, shownPicture } from "./state.ts";
import { valueUnit } from "./targets.ts";
import type { Viewport } from "./viewport.ts";

/** A small picture is magnified to about so many pixels, by a whole number, and a large one drawn at most so wide. */
const LEAST = 448;
const MOST = 2048;
const INK = "#1b1f24";
const FAINT = "#5a6069";
const PAPER = "#ffffff";
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

/** The words of a text in lines that fit; a longer word stands alone. */
export function wrap(text: string, width: number, measure: (text: string) => number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && measure(`${last} ${word}`) <= width) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else {
      lines.push(word);
    }
  }
  return lines;
}

/** The pixels of one panel. */
export function panelSize(width: number, height: number): [width: number, height: number] {
  const long = Math.max(width, height, 1);
  const by = long < LEAST ? Math.ceil(LEAST / long) : Math.min(1, MOST / long);
  return [Math.max(1, Math.round(width * by)), Math.max(1, Math.round(height * by))];
}

/** A model, a target and a method as the name of a file. */
export function fileName(state: SessionState, ending: string): string {
  const { card, map } = state;
  const parts = [card.model, map?.name ?? "", map?.method ?? "picture"];
  const plain = parts.map((part) =>
    part
      .replace(/[^\p{L}\p{N}_.]+/gu, "-")
      .replace(/^[-.]+|[-.]+$/g, "")
      .slice(0, 60),
  );
  return `${plain.filter((part) => part !== "").join("_")}.${ending}`;
}

/** Null where the browser cannot draw, or there is no picture yet. */
export function drawPoster(
  state: SessionState,
  bitmap: ImageBitmap | null,
  view: Viewport,
  canvas: HTMLCanvasElement = document.createElement("canvas"),
): HTMLCanvasElement | null {
  const picture = shownPicture(state);
  const context = canvas.getContext("2d");
  if (picture === null || bitmap === null || context === null) {
    return null;
  }
  const { card, display } = state;
  const map = state.map?.image === picture.id && !state.stale ? state.map : null;
  const instead = map?.picture != null;
  const mode = instead ? "map" : display.mode;
  const drawn = map === null || instead ? null : createLayers()(map, display, picture.input, mode);
  const nothing = map === null || map.empty !== null || drawn?.field.nothing === true;
  const raster = nothing ? null : instead ? pictureRaster(map.picture as Uint8Array, map.width, map.height) : drawn;

  const [width, height] = panelSize(bitmap.width, bitmap.height);
  const em = Math.round(Math.max(13, Math.min(44, width * 0.028)));
  const gap = em;
  const panels = mode === "beside" ? (["picture", "beside"] as const) : ([mode] as const);
  const across = panels.length * width + (panels.length - 1) * gap;
  const say = (size: number, bold = false): void => {
    context.font = `${bold ? "600 " : ""}${size}px ${FONT}`;
  };
  const wrapped = (text: string, size: number, bold: boolean): string[] => {
    say(size, bold);
    return wrap(text, across, (part) => context.measureText(part).width);
  };
  const small = Math.round(em * 0.85);
  const title = wrapped(map === null ? "No map" : mapTitle(map, card), em, true);
  const facts = map === null ? [] : [...pictureCaption(map, card), ...mapFacts(map)];
  const lines = wrapped([card.model, picture.label, ...facts].filter((text) => text !== "").join(" · "), small, false);
  const barred = drawn !== null && mode !== "picture";
  const value = valueUnit(map?.target ?? null, card.heads) !== null;
  const left = drawn?.field.nothing ? nothingLeft(display.sign, value) : null;
  const empty = wrapped((mode === "picture" ? null : (map?.empty ?? left)) ?? "", small, false).filter(Boolean);

  const top = gap + title.length * em * 1.3 + lines.length * small * 1.4 + gap * 0.6;
  const under = barred && empty.length === 0 ? em * 4.6 : empty.length * small * 1.4;
  // Setting the size clears the canvas and what was set on it.
  canvas.width = Math.round(across + 2 * gap);
  canvas.height = Math.round(top + height + gap + under);
  context.fillStyle = PAPER;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.textBaseline = "top";
  let y = gap;
  const write = (texts: readonly string[], size: number, bold: boolean, ink: string): void => {
    say(size, bold);
    context.fillStyle = ink;
    for (const text of texts) {
      context.fillText(text, gap, y);
      y += size * (bold ? 1.3 : 1.4);
    }
  };
  write(title, em, true, INK);
  write(lines, small, false, FAINT);

  const panel = document.createElement("canvas");
  panel.width = width;
  panel.height = height;
  const paint = createPainter(panel);
  panels.forEach((shown, i) => {
    const { opacity, rest } = display;
    const layer = shown === "picture" ? null : raster;
    const ratio = width / LEAST;
    paint({ bitmap, picture, layer, instead, mode: shown, opacity, rest, stale: false, view, ratio });
    context.drawImage(panel, gap + i * (width + gap), top);
  });
  y = top + height + gap * 0.8;
  if (empty.length > 0) {
    write(empty, small, false, INK);
  } else if (barred) {
    drawBar(context, drawn, [gap, y, across], small, display.sign === "signed");
    say(small);
    context.fillStyle = INK;
    const numbers = ticks(drawn.end, display.sign, drawn.curve.size);
    numbers.forEach((text, i) => {
      context.textAlign = i === 0 ? "left" : i === numbers.length - 1 ? "right" : "center";
      context.fillText(text, gap + (across * i) / (numbers.length - 1), y + em * 1.2);
    });
    context.textAlign = "left";
    context.fillStyle = FAINT;
    context.fillText(scaleUnit(map?.scoreUnit ?? "", display.sign, value), gap, y + em * 2.4);
  }
  return canvas;
}

/** The colours from one end to the other, with the sizes that are marked on the page. */
function drawBar(
  context: CanvasRenderingContext2D,
  { colormap, marks, curve }: Layer,
  [x, y, width]: readonly [number, number, number],
  em: number,
  signed: boolean,
): void {
  const table = colourTable(colormap);
  const first = signed ? 1 : 0;
  const fill = context.createLinearGradient(x, 0, x + width, 0);
  for (let i = first; i <= 255; i++) {
    fill.addColorStop((i - first) / (255 - first), `rgb(${table.subarray(3 * i, 3 * i + 3).join(" ")})`);
  }
  context.fillStyle = fill;
  context.fillRect(x, y, width, em);
  context.fillStyle = INK;
  for (const size of marks) {
    const place = Math.min(1, curve.place(size));
    for (const at of signed ? [(1 - place) / 2, (1 + place) / 2] : [place]) {
      context.fillRect(x + at * width - 1, y, 2, em);
    }
  }
}
