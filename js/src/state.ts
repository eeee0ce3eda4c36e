// What a session tells its views: one plain value, the same for all views of a model; holds no logic.
import type { Locked } from "./locks.ts";
import type { MapData } from "./maps.ts";
import type { Card, Display, Picture, Predictions, Told } from "./protocol.ts";
import type { Source } from "./source.ts";
import type { Choice } from "./traits.ts";

/** `saved`: no kernel has answered yet, the last map is shown. `live`: each picture of a source gets its map. */
export type Phase = "idle" | "queued" | "running" | "live" | "error" | "disconnected" | "saved";

export interface Progress {
  done: number;
  total: number;
  unit: string;
}

export interface LiveState extends Pick<Source, "kind" | "label" | "el"> {
  /** How many maps a second were painted lately. */
  rate: number;
  /** The connection is slow, so pictures are sent as JPEGs. */
  lossy: boolean;
  /** The newest map and the very picture that it is of; null before the first. */
  shown: { bitmap: ImageBitmap; picture: Picture; map: MapData; heads: NonNullable<Predictions["heads"]> } | null;
}

export type Compared = Pick<Choice, "method" | "params" | "layer">;

/** All pictures of the widget, also those that nobody has looked at yet. */
export interface Album {
  count: number;
  /** What is true of some of them is known. */
  labelled: boolean;
  /** The first `unread` are called by this name and their place until they are read. */
  name: string;
  unread: number;
}

export interface SessionState {
  card: Card;
  /** Those that somebody has looked at. */
  images: Picture[];
  /** Of the current one in `images`, and among all pictures. */
  image: number;
  at: number;
  album: Album;
  /** Where the evidence of a picture is, as the kernel packs it. */
  masks: { image?: string; masks?: readonly Record<string, unknown>[]; data: Uint8Array | null };
  /** The current picture as a JPEG. */
  base: Uint8Array | null;
  predictions: Predictions;
  choice: Choice;
  display: Display;
  phase: Phase;
  progress: Progress | null;
  /** What was explained before a control was looked at, to go back to. */
  compared: Compared | null;
  /** performance.now() at the click, while a job runs. */
  startedAt: number | null;
  map: MapData | null;
  /** The map belongs to an earlier choice: drawn dimmed, and said so. */
  stale: boolean;
  /** The job of the painted map was cancelled before it was done. */
  cancelled: boolean;
  error: string | null;
  /** Null unless live maps are on. */
  live: LiveState | null;
  /** How many maps came unasked into the page's cache, so that who shows known ones looks again. */
  kept: number;
  /** What Python shows beside it, as it came last. */
  shown: Told | null;
  /** What the kernel keeps from the reader, and what of it was revealed here, of which picture (locks.ts). */
  locked: Locked;
  revealed: readonly string[];
  /** The newest thing that a screen reader should say. */
  notice: string;
}

/**
 * The picture that `base` shows. The kernel writes it together with the predictions, and both may come later than the
 * index: until then the picture before is still the one on screen, with its own shape and map.
 */
export function shownPicture(state: SessionState): Picture | null {
  const { images, predictions, choice } = state;
  const shown = images.find(({ id }) => id === predictions.image) ?? images[state.image];
  return shown === undefined ? null : seenBy(shown, choice.model);
}

const seen = new WeakMap<Picture, Map<string, Picture>>();

/** A picture with what one of several models sees of it: the same object for the same two. */
export function seenBy(picture: Picture, model: string | undefined): Picture {
  const own = picture.seen?.[model ?? ""];
  if (own === undefined) {
    return picture;
  }
  const made = seen.get(picture) ?? new Map<string, Picture>();
  seen.set(picture, made);
  const found = made.get(model ?? "") ?? { ...picture, ...own };
  made.set(model ?? "", found);
  return found;
}

/** The id of the picture at a place, or null if there is none. */
export function pictureAt({ images, album }: Pick<SessionState, "images" | "album">, place: number): string | null {
  const known = images.find(({ at }) => at === place);
  const named = Number.isInteger(place) && place >= 0 && place < album.unread;
  return known?.id ?? (named ? `${album.name}-${place}` : null);
}

/** The place of the picture with an id. */
export function placeOf({ images, album }: SessionState, id: string): number | null {
  const [name, place] = id.split("-");
  const known = images.find((picture) => picture.id === id)?.at;
  return known ?? (place !== undefined && name === album.name ? Number(place) : null);
}

/** Whether two models see the same part of a picture, so that their grids lie on each other. */
export function sameView(a: Picture, b: Picture): boolean {
  return a.box.every((edge, i) => Math.abs(edge - (b.box[i] ?? 0)) < 1);
}

/** The chosen picture, or null before there is one. */
export function currentPicture(state: SessionState): Picture | null {
  const chosen = state.images[state.image];
  return chosen === undefined ? null : seenBy(chosen, state.choice.model);
}
