// What a run will cost, said before it is asked for: its work is counted from the card, and this machine's pace is taken
// from runs that have ended, or else from the first forward; asks nobody.
import type { MapData } from "./maps.ts";
import type { Method, Params } from "./protocol.ts";
import { counted } from "./sentences.ts";

/** How many forwards take as long as a gradient, where nothing better is known. */
const GRADIENT = 3;
/** What older runs count beside a newer one. */
const FADE = 0.5;

/** How many units of work a run for one target takes, as the kernel's `Method.units`; null where only the run tells. */
export function unitsOf({ cost }: Method, params: Params, input: readonly number[]): number | null {
  if (!cost) {
    return null;
  }
  const values = cost.by.map((name) => Number(params[name]));
  const [window = 1, stride = 1] = values;
  const factors = cost.slides
    ? input.map((length) => {
        const side = Math.min(window, length);
        return 1 + Math.ceil((length - side) / Math.min(stride, side));
      })
    : values;
  return cost.base + factors.reduce((product, value) => product * value, cost.factor);
}

/** "under 0.1 s", "about 2.4 s", "about 24 s", "about 3 min", "about 1.5 h" */
export function roughly(ms: number): string {
  if (ms < 100) {
    return "under 0.1 s";
  }
  const [size, unit] = ms < 59_500 ? [ms / 1e3, "s"] : ms < 3.57e6 ? [ms / 6e4, "min"] : [ms / 3.6e6, "h"];
  const digits = size < (unit === "min" ? 2 : 9.95) ? 1 : 0;
  return `about ${Number(size.toFixed(digits))} ${unit}`;
}

/** This machine's pace with this model, as far as a view has seen it. */
export class Clock {
  /** Grows when something was learned. */
  turn = 0;
  readonly #paces: Record<string, [ms: number, units: number]> = {};
  /** Opaque keys: a map that came beside others, or is shown again, says nothing of how long one takes. */
  readonly #heard = new Set<string | null>([null]);
  #forward = 0;

  /** Takes in the map on screen, and the time of the picture's forward, which counts until a run says more. */
  hear(map: MapData | null, forward = 0): void {
    if (forward !== this.#forward) {
      this.#forward = forward;
      this.turn++;
    }
    if (map?.final && !this.#heard.has(map.key)) {
      this.#heard.add(map.key);
      if (map.job > 0 && map.ms > 0) {
        // Long runs say more than short ones, and new ones more than old ones.
        for (const name of [map.unit, `=${map.method}`]) {
          const [ms, units] = this.#paces[name] ?? [0, 0];
          this.#paces[name] = [FADE * ms + map.ms, FADE * units + map.done];
        }
        this.turn++;
      }
    }
  }

  /** Milliseconds of one unit of a method's work; 0 before anything is known. */
  #rate({ name, unit }: Method): number {
    const of = (what: string): number => {
      const [ms, units] = this.#paces[what] ?? [0, 1];
      return ms / units;
    };
    const [gradient, forward] = [of("gradients"), of("forwards")];
    return (
      of(`=${name}`) ||
      (unit === "gradients"
        ? gradient || GRADIENT * (forward || this.#forward)
        : forward || gradient / GRADIENT || this.#forward)
    );
  }

  /** "about 2.4 s" and "50 gradients, about 2.4 s here"; `stops`: a run may end before all its work is done. */
  cost(method: Method, params: Params, input: readonly number[], stops: boolean): readonly [string, string] {
    const units = unitsOf(method, params, input);
    if (!units || method.unit === "pixels") {
      return ["", ""];
    }
    const time = this.#rate(method) && roughly(units * this.#rate(method));
    const work = `${stops && method.stops ? "At most " : ""}${counted(units, units, method.unit)}`;
    return time ? [time, `${work}, ${time} here`] : ["", work];
  }
}
