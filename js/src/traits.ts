// Reads the synced traits, with something sensible where one is missing or odd; writes none.
import { bytesOf, explainArgs, mapMeta, scoresOf, valuesOf } from "./decode.ts";
import type { Locked } from "./locks.ts";
import { type MapData, splitMaps } from "./maps.ts";
import type { Model } from "./model.ts";
import type { Card, Display, ExplainArgs, Params, Picture, Predictions, Target } from "./protocol.ts";
import type { SessionState } from "./state.ts";
import { fullParams, parseTarget } from "./targets.ts";

/** The choice: what is explained, how. `image` is a picture's id. */
export interface Choice {
  image: string;
  target: Target | null;
  method: string;
  params: Params;
  score: string;
  layer: string | null;
  seed: number;
  tolerance: number | null;
  /** The name of one of several models. */
  model?: string;
}

export const DISPLAY: Readonly<Display> = {
  opacity: 0.85,
  colormap: "red-blue",
  sign: "signed",
  channels: "sum",
  smooth: 1,
  clip: 99.5,
  clip_by: "percentile",
  mass: 98,
  curve: "linear",
  mode: "overlay",
  mask: 90,
  rest: "blur",
  levels: 4,
  locked: false,
  scale: 0,
};

const EMPTY_CARD: Card = {
  model: "",
  version: "",
  revision: "",
  heads: [],
  methods: [],
  layers: [],
  scores: [],
  notes: [],
};

const fields = (x: unknown): Record<string, unknown> =>
  typeof x === "object" && x !== null ? (x as Record<string, unknown>) : {};
const text = (x: unknown): string => (typeof x === "string" ? x : "");
const list = <T>(x: unknown): T[] => (Array.isArray(x) ? (x as T[]) : []);

/** What came packed with the page's code: the card of a widget leaves it out. */
const told = new WeakMap<Model, Partial<Card>>();

export function tellCard(model: Model, card: Partial<Card>): void {
  told.set(model, card);
}

export function readCard(model: Model): Card {
  const known = told.get(model);
  const card: Card = { ...EMPTY_CARD, ...known, ...fields(model.get("card")) };
  return { ...card, methods: card.methods.map((method, i) => ({ ...known?.methods?.[i], ...method })) };
}

export function readPictures(model: Model): Pick<SessionState, "images" | "image" | "at" | "album" | "base" | "masks"> {
  const images = list<Picture>(model.get("images")).map((picture, i) => ({ ...picture, at: picture.at ?? i }));
  const at = Number(model.get("image")) || 0;
  const album = { count: images.length, labelled: false, name: "", unread: 0, ...fields(model.get("gallery")) };
  const base = bytesOf(model.get("base"));
  return {
    images,
    image: images.findIndex((picture) => picture.at === at),
    at,
    album,
    base: base !== null && base.byteLength > 0 ? base : null,
    masks: { ...fields(model.get("masks")), data: bytesOf(model.get("masks_data")) },
  };
}

export function readPredictions(model: Model): Predictions {
  const said = fields(model.get("predictions"));
  const heads = Object.entries(fields(said["heads"])).map(([name, head]) => [name, scoresOf(head)]);
  return { ...said, heads: Object.fromEntries(heads) };
}

export function readLocked(model: Model): Locked {
  const { parts, reveal } = fields(model.get("locked"));
  return { parts: list(parts), reveal: list(reveal) };
}

/** What a field of `display` may hold where not any text will do. */
const ALLOWED: Readonly<Partial<Record<keyof Display, readonly string[]>>> = {
  sign: ["signed", "absolute", "positive", "negative"],
  channels: ["sum", "max", "norm"],
  clip_by: ["percentile", "mass"],
  curve: ["linear", "sqrt", "rank"],
  mode: ["overlay", "beside", "map", "picture", "mask", "contours"],
  rest: ["dim", "blur"],
};

/** The saved display; what an older page did not know, or a newer one spells otherwise, has its default. */
export function readDisplay(model: Model): Display {
  const saved = fields(model.get("display"));
  const good = Object.entries(DISPLAY).flatMap(([name, usual]) => {
    const value = saved[name];
    const right = typeof value === typeof usual && (typeof value !== "number" || Number.isFinite(value));
    return right && (ALLOWED[name as keyof Display]?.includes(String(value)) ?? true) ? [[name, value]] : [];
  });
  return { ...DISPLAY, ...Object.fromEntries(good) };
}

/** The error that the last job ended with, or null. */
export function readError(model: Model): string | null {
  const status = fields(model.get("status"));
  return status["state"] === "error" ? text(status["message"]) || null : null;
}

export function readChoice(model: Model, card: Card, image: string): Choice {
  const chosen = text(model.get("model"));
  const method = text(model.get("method")) || (card.methods[0]?.name ?? "");
  return {
    image,
    target: parseTarget(text(model.get("target")), card.heads),
    method,
    params: fullParams(card, method, fields(model.get("params")) as Params),
    score: text(model.get("score")) || (card.scores[0] ?? "logit"),
    layer: text(model.get("layer")) || null,
    seed: Number(model.get("seed")) || 0,
    tolerance: Number(model.get("tolerance")) || null,
    ...(chosen !== "" && { model: chosen }),
  };
}

/** The last finished maps, as a reload or a saved notebook has them; null before the first. */
export function readResult(model: Model): { maps: MapData[]; args: ExplainArgs | null; job: number } | null {
  const result = fields(model.get("result"));
  const meta = mapMeta(result);
  if (meta === null) {
    return null;
  }
  const values = valuesOf(meta, model.get("result_data"));
  if (values === null) {
    return null;
  }
  const job = Number(result["job"]) || 0;
  const args = explainArgs(fields(result["args"]));
  const at = { image: text(result["image"]), model: args?.model, job, seq: Number(result["seq"]) || 0 };
  const maps = splitMaps({ ...meta, final: true }, values, at);
  return { maps, args, job };
}
