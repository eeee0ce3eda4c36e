// From the integers of a map to the numbers that are drawn: on the input's grid, sign, then Gaussian (channels came
// summed); no colour.
import type { Sign } from "./protocol.ts";
import { smooth } from "./smooth.ts";
import { stretch } from "./stretch.ts";

export interface Field {
  readonly values: Float32Array;
  readonly width: number;
  readonly height: number;
  /** Nothing is left after the sign: there is nothing to draw. */
  readonly nothing: boolean;
}

interface Integers {
  readonly values: ArrayLike<number>;
  readonly scale: number;
  readonly width: number;
  readonly height: number;
}

/** "negative" gives the size of the evidence against, so all but "signed" are >= 0. */
export function applySign(values: ArrayLike<number>, scale: number, sign: Sign): Float32Array {
  const out = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const v = (values[i] as number) * scale;
    out[i] = sign === "signed" ? v : sign === "absolute" ? Math.abs(v) : Math.max(0, sign === "positive" ? v : -v);
  }
  return out;
}

/** What is drawn of a map; `sigma` in pixels of the model's input, whose size is `input` (w, h). */
export function heatmap(map: Integers, sign: Sign, sigma: number, input: readonly [number, number]): Field {
  // A map may come on a coarser grid (a layer's): it is drawn as Python has it, interpolated between the cells' centres.
  // Numbers are interpolated, not colours, so that the colour bar holds between them too.
  const coarse = map.width <= input[0] && map.height <= input[1];
  const [width, height] = coarse ? input : [map.width, map.height];
  const signed = applySign(stretch(map.values, [map.width, map.height], [width, height]), map.scale, sign);
  const nothing = signed.every((v) => v === 0);
  const values =
    nothing || sigma <= 0
      ? signed
      : smooth(signed, width, height, (sigma * width) / input[0], (sigma * height) / input[1]);
  return { values, width, height, nothing };
}
