// One map of one target, as the page keeps, caches and draws it; splits what arrives for several targets at once.
import { canonical, type Sized } from "./cache.ts";
import type { ExplainArgs, FrameValues, MapMeta, Quality, Target } from "./protocol.ts";

export interface MapData extends Sized {
  readonly image: string;
  /** Which of several models it is of; "" where there is one. */
  readonly model: string;
  readonly target: Target;
  /** The target's canonical text, "style:gothic". */
  readonly name: string;
  readonly method: string;
  readonly height: number;
  readonly width: number;
  /** value = integer x scale, signed, row by row; empty where there is a picture. */
  readonly values: Int16Array;
  /** RGB, row by row, of a picture that is no map; else null. */
  readonly picture: Uint8Array | null;
  readonly scale: number;
  readonly done: number;
  readonly total: number;
  readonly unit: string;
  readonly final: boolean;
  readonly ms: number;
  readonly quality: readonly Quality[];
  readonly score: number | null;
  readonly scoreUnit: string;
  /** The floating type of the computation. */
  readonly precision: string;
  /** Why there is nothing to draw, or null. */
  readonly empty: string | null;
  /** The kernel's opaque key, echoed as `have`. */
  readonly key: string | null;
  /** 0 where no job or frame of this page brought it. */
  readonly job: number;
  readonly seq: number;
}

const NO_VALUES = new Int16Array(0);

/** The T maps (or pictures) of one frame, cached map or saved result. */
export function splitMaps(
  meta: MapMeta,
  values: FrameValues,
  at: { image: string; model?: string | undefined; job?: number; seq?: number },
): MapData[] {
  const [height, width] = meta.shape;
  const size = (meta.kind === "picture" ? 3 : 1) * height * width;
  return meta.targets.map((target, t) => {
    // A copy where there are several, so that one kept map does not keep the others alive.
    const own = meta.targets.length === 1 ? values : values.slice(t * size, (t + 1) * size);
    return {
      image: at.image,
      model: at.model ?? "",
      target,
      name: meta.names[t] ?? "",
      method: meta.method,
      height,
      width,
      values: own instanceof Int16Array ? own : NO_VALUES,
      picture: own instanceof Int16Array ? null : own,
      scale: meta.scales[t] ?? 0,
      done: meta.done,
      total: meta.total,
      unit: meta.unit,
      final: meta.final,
      ms: meta.ms,
      quality: meta.quality[t] ?? [],
      score: meta.scores[t] ?? null,
      scoreUnit: meta.score_unit,
      precision: meta.precision,
      empty: meta.empty[t] ?? null,
      key: meta.key,
      job: at.job ?? 0,
      seq: at.seq ?? 0,
      bytes: own.byteLength + 512,
    };
  });
}

/** The page's cache key of one target's map (rule 9 of docs/protocol.md). */
export function cacheKey(args: ExplainArgs, target: Target, revision: string): string {
  return `${runKey(args, revision)}${canonical(target)}}`;
}

/** What the keys of all targets of such a run begin with: the target comes last. */
export function runKey(args: Omit<ExplainArgs, "targets">, revision: string): string {
  const { image, model, method, params, score, layer, seed, tolerance } = args;
  return `${canonical({ image, model, method, params, score, layer, seed, tolerance, revision }).slice(0, -1)},"target":`;
}
