// The colour scale with its numbers and unit, and the lock that keeps it across targets and methods; draws no map.
import { colourTable } from "./colour.ts";
import { checkbox } from "./controls.ts";
import type { Curve } from "./curve.ts";
import { h, onChange, type Part, setAttributes, setText } from "./dom.ts";
import { formatNumber } from "./format.ts";
import type { Mode, Sign } from "./protocol.ts";

export interface Scale {
  end: number;
  /** How sizes lie on the scale; evenly where there is no map. */
  curve: Curve | null;
  sign: Sign;
  colormap: string;
  unit: string;
  locked: boolean;
  /** It may be locked: places are sizes and no ranks, which another map has others of. */
  lockable: boolean;
  mode: Mode;
  /** Sizes of the contour lines, or the one from which on a mask shows the picture. */
  marks: readonly number[];
  /** The display cannot be changed. */
  fixed?: boolean;
  /** There is a map to read with it. */
  shown: boolean;
}

const STOPS = 16;

/** The numbers under the bar, left to right; zero stands in the middle of a signed one. */
export function ticks(end: number, sign: Sign, size: (place: number) => number = (place) => end * place): string[] {
  const shares = sign === "signed" ? [-1, -0.5, 0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1];
  // Either all are powers of ten or none is: half of 0.0011 is written 0.00055.
  const smallestPlain = end >= 1e-3 ? 1e-4 : 1e-3;
  return shares.map((share) => {
    const at = share === 0 ? 0 : size(Math.abs(share));
    // What speaks against is drawn by its size and named by its value.
    return formatNumber(share < 0 || sign === "negative" ? 0 - at : at, 2, smallestPlain);
  });
}

/** Where a place on the scale (-1..1 or 0..1) stands on the bar, in percent from the left. */
const across = (place: number, signed: boolean): number => 100 * (signed ? (1 + place) / 2 : place);

export interface Colourbar extends Part<Scale> {
  /** Shows where the value under the crosshair stands; null for none. */
  point(place: number | null): void;
}

export function createColourbar(lock: (locked: boolean) => void, signal: AbortSignal): Colourbar {
  const bar = h("div", { class: "sw-scale-bar", role: "img" });
  const pointer = h("i", { class: "sw-scale-pointer", hidden: true });
  const lines = h("div", { class: "sw-scale-marks" });
  const numbers = h("div", { class: "sw-scale-numbers" });
  const unit = h("span", { class: "sw-scale-unit" });
  const lockBox = checkbox(
    { label: "Lock scale", help: "Keep this scale for other classes, methods and pictures" },
    lock,
    signal,
  );
  const foot = h("div", { class: "sw-scale-foot" }, unit, lockBox.el);
  const el = h("div", { class: "sw-scale" }, h("div", { class: "sw-scale-track" }, bar, lines, pointer), numbers, foot);
  let signed = true;
  const paint = onChange((colormap: string, both: boolean) => {
    const table = colourTable(colormap);
    const first = both ? 1 : 0;
    const stops = Array.from({ length: STOPS + 1 }, (_, i) => {
      const at = 3 * Math.round(first + ((255 - first) * i) / STOPS);
      return `rgb(${table.subarray(at, at + 3).join(" ")})`;
    });
    bar.style.backgroundImage = `linear-gradient(to right, ${stops.join(", ")})`;
  });
  const write = onChange((end: number, sign: Sign, curve: Curve | null, shown: boolean) => {
    const texts = ticks(end, sign, curve?.size);
    numbers.replaceChildren(...texts.map((text) => h("span", {}, shown ? text : "")));
    bar.setAttribute("aria-label", shown ? `Colour scale from ${texts[0]} to ${texts[4]}` : "Colour scale");
  });
  const mark = onChange((marks: readonly number[], curve: Curve | null, mode: Mode, both: boolean) => {
    const places = curve === null ? [] : marks.map((size) => Math.min(1, curve.place(size)));
    const line = (at: number): HTMLElement => {
      const made = h("i", { class: "sw-scale-mark" });
      made.style.left = `${across(at, both)}%`;
      return made;
    };
    const made = places.flatMap((at) => (both ? [line(-at), line(at)] : [line(at)]));
    const [threshold] = places;
    if (mode === "mask" && threshold !== undefined) {
      // What the mask does not show is faint here too.
      const faint = h("i", { class: "sw-scale-faint" });
      const from = both ? across(-threshold, true) : 0;
      faint.style.left = `${from}%`;
      faint.style.width = `${across(threshold, both) - from}%`;
      made.unshift(faint);
    }
    lines.replaceChildren(...made);
  });
  return {
    el,
    point(place) {
      pointer.hidden = place === null;
      if (place !== null) {
        pointer.style.left = `${across(place, signed)}%`;
        setAttributes(pointer, { "data-place": place });
      }
    },
    update({ end, curve, sign, colormap, unit: name, locked, lockable, mode, marks, fixed, shown }) {
      signed = sign === "signed";
      paint(colormap, signed);
      write(end, sign, curve, shown);
      mark(shown ? marks : [], curve, mode, signed);
      setText(unit, shown ? name : "");
      el.classList.toggle("sw-blank", !shown);
      lockBox.set(locked);
      lockBox.setDisabled((!shown && !locked) || !lockable || fixed === true);
    },
  };
}
