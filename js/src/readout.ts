// The line under the picture that says what is under the crosshair; always as high, so that nothing moves.
import { h, type Part, setAttributes, setText } from "./dom.ts";
import { type Reading, rankText, valueText } from "./probe.ts";
import type { Sign } from "./protocol.ts";

export interface Read {
  reading: Reading | null;
  unit: string;
  sign: Sign;
}

const HINT = "Point at the picture to read it, or move a crosshair with the arrow keys";

export function createReadout(): Part<Read> {
  const swatch = h("i", { class: "sw-swatch" });
  const hex = h("span", { class: "sw-hex", title: "The picture's colour here" });
  const place = h("span", { class: "sw-place", title: "The picture's pixel, from its upper left corner" });
  const value = h("span", { class: "sw-value" });
  const rank = h("span", { class: "sw-rank", title: "So many of the map's pixels are no larger than this one" });
  const hint = h("span", { class: "sw-hint" }, HINT);
  const parts = [h("span", { class: "sw-colour" }, swatch, hex), place, value, rank];
  const el = h("div", { class: "sw-readout" }, ...parts, hint);
  return {
    el,
    update({ reading, unit, sign }) {
      hint.hidden = reading !== null;
      for (const part of parts) {
        part.hidden = reading === null;
      }
      setAttributes(el, {
        "data-x": reading?.x ?? null,
        "data-y": reading?.y ?? null,
        "data-value": reading?.value ?? null,
        "data-rank": reading?.rank ?? null,
        "data-colour": reading?.colour ?? null,
      });
      if (reading === null) {
        return;
      }
      swatch.style.background = reading.colour ?? "";
      setText(hex, reading.colour ?? "");
      setText(place, `${reading.x}, ${reading.y}`);
      const text = reading.value === null ? "" : `${valueText(reading.value, sign)}${unit === "" ? "" : ` ${unit}`}`;
      setText(value, reading.seen ? text : "not seen by the model");
      value.classList.toggle("sw-unseen", !reading.seen);
      setAttributes(value, { title: text || null });
      setText(rank, reading.rank === null ? "" : `rank ${rankText(reading.rank)}`);
    },
  };
}
