// What an experiment has found, checked and taken apart: curves, figures, and what is seen at each place of its slider.

import type { MapData } from "./maps.ts";
import type { Params as Chosen, Param, ParamValue, Picture, Told } from "./protocol.ts";

export interface Experiment {
  readonly name: string;
  readonly label: string;
  readonly explain: string;
  readonly cite: string;
  readonly caveat: string;
  /** What it takes besides a picture and a target: `method(s)`, `mask`, `other`. */
  readonly needs: readonly string[];
  readonly params: Param[];
  /** Null where only the run tells. */
  readonly cost?: Cost | null;
}

/** `times` the product of some parameters (or of how many maps are compared), where a choice is as it says. */
export interface Term {
  readonly times: number;
  readonly by: readonly string[];
  readonly where: Readonly<Record<string, ParamValue>>;
}

/** Sums; `maps` is how often the map of each method is made. */
export interface Cost {
  readonly forwards: readonly Term[];
  readonly gradients: readonly Term[];
  readonly maps: readonly Term[];
  readonly at_most: boolean;
}

export interface Curve {
  readonly label: string;
  readonly x: readonly (number | null)[];
  readonly y: readonly (number | null)[];
  readonly lower?: readonly (number | null)[];
  readonly upper?: readonly (number | null)[];
  readonly x_unit: string;
  readonly y_unit: string;
  /** Curves of one panel share their axes. */
  readonly panel: string;
  /** Measured; what it would be if a claim held; or of a map that knows no model. */
  readonly role: "main" | "reference" | "control";
}

export interface Figure {
  readonly name: string;
  readonly value: number | null;
  readonly text: string;
  readonly means: string;
}

export interface Colours {
  readonly picture: Picture;
  readonly rgb: Uint8Array;
}

export interface Place {
  /** Of what Python shows: its pixels are sent once. */
  readonly key?: number;
  readonly label: string;
  readonly value: number;
  readonly maps: readonly { readonly label: string; readonly map: MapData }[];
  readonly pictures: readonly (Colours & { readonly label: string })[];
  readonly says: Readonly<Record<string, { top?: string; probability?: number; value?: number; unit?: string }>>;
  readonly numbers: readonly Figure[];
}

export interface Finding {
  readonly experiment: string;
  readonly reading: string;
  readonly caveat: string;
  readonly done: number;
  readonly total: number;
  readonly slider: string;
  readonly curves: readonly Curve[];
  readonly places: readonly Place[];
  readonly numbers: readonly Figure[];
  readonly params: Chosen;
  readonly seen: Colours | null;
}

type Fields = Record<string, unknown>;
const isFields = (x: unknown): x is Fields => typeof x === "object" && x !== null;
const listOf = (x: unknown): Fields[] => (Array.isArray(x) ? x.filter(isFields) : []);

export function experimentsOf({ experiments }: Told): Experiment[] {
  const right = (one: Fields): boolean => typeof one["name"] === "string" && Array.isArray(one["params"]);
  return listOf(experiments).filter(right) as unknown as Experiment[];
}

/** The picture of some colours, as a panel takes it: all of it was seen. */
function pictureOf(width: number, height: number, label: string): Picture {
  return { id: `found-${label}`, label, width, height, box: [0, 0, width, height], input: [width, height] };
}

/**
 * Null where the message makes no sense, or leaves out pixels that are not in the one `before` it: the kernel sends those of
 * what Python shows once (docs/protocol.md).
 */
export function findingOf({ found, data, image }: Told, before: Finding | null = null): Finding | null {
  if (!isFields(found) || typeof found["reading"] !== "string" || !Array.isArray(found["positions"])) {
    return null;
  }
  let read = 0;
  let whole = true;
  const take = (bytes: number): Uint8Array => {
    read += bytes;
    whole &&= data !== null && read <= data.length;
    // A copy: 16-bit numbers need an even beginning, and one kept map must not keep all others.
    return data?.slice(read - bytes, read) ?? new Uint8Array();
  };
  const colours = (one: Fields): Colours => {
    const [width, height] = [Number(one["width"]), Number(one["height"])];
    return { picture: pictureOf(width, height, String(one["label"])), rgb: take(3 * width * height) };
  };
  const places = listOf(found["positions"]).map((one): Place => {
    if (one["maps"] === null) {
      const kept = before?.places.find(({ key }) => key === one["key"]);
      whole &&= kept !== undefined;
      return { ...(one as unknown as Place), maps: kept?.maps ?? [], pictures: kept?.pictures ?? [] };
    }
    const maps = listOf(one["maps"]).map((about) => {
      const [width, height] = [Number(about["width"]), Number(about["height"])];
      const bytes = take(2 * width * height);
      const label = String(about["label"]);
      const map = {
        ...{ image: String(image), model: "", name: label, method: String(found["experiment"]), width, height },
        ...{ values: new Int16Array(bytes.buffer, 0, bytes.length >> 1), picture: null, scale: Number(about["scale"]) },
        ...{ target: found["target"], done: 1, total: 1, unit: "", final: true, ms: 0, quality: [], score: null },
        ...{ scoreUnit: "", precision: "", key: null, job: 0, seq: 0, bytes: bytes.length },
        empty: about["scale"] === 0 ? "Every value of this map is zero." : null,
      } as unknown as MapData;
      return { label, map };
    });
    const pictures = listOf(one["pictures"]).map((about) => ({ label: String(about["label"]), ...colours(about) }));
    return { ...(one as unknown as Place), maps, pictures };
  });
  const same = found["seen"] === "same";
  whole &&= !same || before !== null;
  const seen = isFields(found["seen"]) ? colours(found["seen"]) : same ? (before?.seen ?? null) : null;
  return whole ? { ...(found as unknown as Finding), places, seen } : null;
}
