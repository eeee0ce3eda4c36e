// The colour scale with its numbers and unit, and the lock that keeps it across targets and methods; draws no map.
import { colourTable } from "./colour.ts";
import { checkbox } from "./controls.ts";
import { h, onChange, type Part, setText } from "./dom.ts";
import { formatNumber } from "./format.ts";
import type { Sign } from "./protocol.ts";

export interface Scale {
  end: number;
  sign: Sign;
  colormap: string;
  unit: string;
  locked: boolean;
  /** There is a map to read with it. */
  shown: boolean;
}

const STOPS = 16;

/** The numbers under the bar, left to right; zero stands in the middle of a signed one. */
export function ticks(end: number, sign: Sign): string[] {
  const shares = sign === "signed" ? [-1, -0.5, 0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1];
  // What speaks against is drawn by its size and named by its value.
  const factor = sign === "negative" ? -end : end;
  // Either all are powers of ten or none is: half of 0.0011 is written 0.00055.
  const smallestPlain = end >= 1e-3 ? 1e-4 : 1e-3;
  return shares.map((share) => formatNumber(share * factor, 2, smallestPlain));
}

export function createColourbar(lock: (locked: boolean) => void, signal: AbortSignal): Part<Scale> {
  const bar = h("div", { class: "sw-scale-bar", role: "img" });
  const numbers = h("div", { class: "sw-scale-numbers" });
  const unit = h("span", { class: "sw-scale-unit" });
  const lockBox = checkbox(
    { label: "Lock scale", help: "Keep this scale for other classes, methods and pictures" },
    lock,
    signal,
  );
  const foot = h("div", { class: "sw-scale-foot" }, unit, lockBox.el);
  const el = h("div", { class: "sw-scale" }, bar, numbers, foot);
  const paint = onChange((colormap: string, signed: boolean) => {
    const table = colourTable(colormap);
    const first = signed ? 1 : 0;
    const stops = Array.from({ length: STOPS + 1 }, (_, i) => {
      const at = 3 * Math.round(first + ((255 - first) * i) / STOPS);
      return `rgb(${table.subarray(at, at + 3).join(" ")})`;
    });
    bar.style.backgroundImage = `linear-gradient(to right, ${stops.join(", ")})`;
  });
  const write = onChange((end: number, sign: Sign, shown: boolean) => {
    const texts = ticks(end, sign);
    numbers.replaceChildren(...texts.map((text) => h("span", {}, shown ? text : "")));
    bar.setAttribute("aria-label", shown ? `Colour scale from ${texts[0]} to ${texts[4]}` : "Colour scale");
  });
  return {
    el,
    update({ end, sign, colormap, unit: name, locked, shown }) {
      paint(colormap, sign === "signed");
      write(end, sign, shown);
      setText(unit, shown ? name : "");
      el.classList.toggle("sw-blank", !shown);
      lockBox.set(locked);
      lockBox.setDisabled(!shown && !locked);
    },
  };
}
