// What lies over the picture where it is hidden: what the model gets to see there, or stripes until the kernel has said so.
import { h } from "./dom.ts";
import type { Linked } from "./linked.ts";
import type { Grid } from "./paintmask.ts";
import { onScreen } from "./viewport.ts";

interface Hidden {
  readonly grid: Grid;
  readonly mask: Uint8Array;
  /** RGB of each cell, or null. */
  readonly behind: Uint8Array | null;
}

const STRIPES = [150, 105];
/** Cells across two stripes. */
const PERIOD = 8;

export function veilOf({ grid: { width, height }, mask, behind }: Hidden): ImageData {
  const pixels = new Uint8ClampedArray(4 * width * height);
  const known = behind?.length === 3 * mask.length ? behind : null;
  for (let i = 0; i < mask.length; i++) {
    const stripe = STRIPES[Number((((i % width) + Math.floor(i / width)) % PERIOD) * 2 >= PERIOD)] as number;
    for (let c = 0; c < 3; c++) {
      pixels[4 * i + c] = known === null ? stripe : (known[3 * i + c] as number);
    }
    pixels[4 * i + 3] = mask[i] as number;
  }
  return new ImageData(pixels, width, height);
}

/** Lays it over each panel of a figure, and moves it as they zoom. */
export function createVeils(
  figure: Element,
): (veil: ImageData | null, size: readonly number[], grid: Grid, linked: Linked) => void {
  const made = new WeakMap<Element, { canvas: HTMLCanvasElement; laid: ImageData | null }>();
  return (veil, [across = 1, down = 1], { box }, { view, peeking }) => {
    for (const over of figure.querySelectorAll(".sw-over")) {
      const known = made.get(over) ?? { canvas: h("canvas", { class: "sw-veil" }), laid: null };
      made.set(over, known);
      const { canvas } = known;
      const under = over.previousElementSibling;
      if (veil === null || peeking || under === null) {
        canvas.remove();
        continue;
      }
      if (known.laid !== veil) {
        known.laid = veil;
        canvas.width = veil.width;
        canvas.height = veil.height;
        canvas.getContext("2d")?.putImageData(veil, 0, 0);
      }
      if (!canvas.isConnected) {
        over.prepend(canvas);
      }
      const frame = { width: under.clientWidth || 1, height: under.clientHeight || 1, across, down };
      const [x, y, width, height] = onScreen(view, frame, box);
      canvas.style.cssText = `width:${width}px;height:${height}px;translate:${x}px ${y}px`;
    }
  };
}
