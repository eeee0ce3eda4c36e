// What the kernel tells of pictures, checked: small copies, one that was added, what the model says of many.
import type { Told } from "./protocol.ts";

/** What a head of classes says of a picture: its two likeliest ones, and the probabilities of both and of the true one. */
export interface Judged {
  readonly true: number | null;
  readonly top: number;
  readonly next: number;
  readonly p: readonly [number, number, number];
}

/** What a head of labels says: of those that matter the indices and the probabilities. `true` are all that are there. */
export interface Labelled {
  readonly true: readonly number[] | null;
  readonly labels: readonly number[];
  readonly p: readonly number[];
}

/** What a head says that gives a value. */
export interface Valued {
  readonly true: number | null;
  readonly value: number;
}

export type Said = Judged | Labelled | Valued;

export interface Row {
  readonly at: number;
  readonly image: string;
  /** Why there is nothing to be said of it. */
  readonly problem: string | null;
  readonly heads: Readonly<Record<string, Said>>;
}

export interface Survey {
  readonly revision: string;
  readonly rows: readonly Row[];
  readonly done: number;
  readonly total: number;
}

const isIndex = (x: unknown): x is number => Number.isInteger(x) && (x as number) >= 0;
const isFields = (x: unknown): x is Record<string, unknown> => typeof x === "object" && x !== null;

const isNumber = (x: unknown): x is number => typeof x === "number";
const isListOf = (x: unknown, is: (one: unknown) => boolean): x is unknown[] => Array.isArray(x) && x.every(is);

export function isJudged(x: unknown): x is Judged {
  return (
    isFields(x) &&
    isIndex(x["top"]) &&
    isIndex(x["next"]) &&
    (x["true"] === null || isIndex(x["true"])) &&
    isListOf(x["p"], isNumber) &&
    x["p"].length === 3
  );
}

export function isLabelled(x: unknown): x is Labelled {
  return (
    isFields(x) &&
    isListOf(x["labels"], isIndex) &&
    (x["true"] === null || isListOf(x["true"], isIndex)) &&
    isListOf(x["p"], isNumber) &&
    x["p"].length === x["labels"].length &&
    x["p"].length > 0
  );
}

export function isValued(x: unknown): x is Valued {
  return isFields(x) && isNumber(x["value"]) && (x["true"] === null || isNumber(x["true"]));
}

const isSaid = (x: unknown): x is Said => isJudged(x) || isLabelled(x) || isValued(x);

function isRow(x: unknown): x is Row {
  return (
    isFields(x) &&
    isIndex(x["at"]) &&
    typeof x["image"] === "string" &&
    isFields(x["heads"]) &&
    Object.values(x["heads"]).every(isSaid)
  );
}

/** The small copies by their places, each a JPEG or nothing; null where the message makes no sense. */
export function thumbsOf({ pictures, sizes, data }: Told): [place: number, jpeg: Uint8Array][] | null {
  if (!(Array.isArray(pictures) && Array.isArray(sizes) && data !== null)) {
    return null;
  }
  const fits = pictures.every(isIndex) && sizes.every(isIndex) && sizes.length === pictures.length;
  if (!fits || sizes.reduce((sum, size) => sum + size, 0) !== data.length) {
    return null;
  }
  let read = 0;
  return pictures.map((place, i) => {
    const size = sizes[i] as number;
    read += size;
    return [place, data.slice(read - size, read)];
  });
}

/** The id of the picture that was added, and what was done to it. */
export function addedOf({ image, notes }: Told): { image: string; notes: readonly string[] } | null {
  return typeof image === "string" && Array.isArray(notes) ? { image, notes } : null;
}

export function surveyOf({ revision, rows, done, total }: Told): Survey | null {
  return typeof revision === "string" && Array.isArray(rows) && rows.every(isRow) && isIndex(done) && isIndex(total)
    ? { revision, rows, done, total }
    : null;
}
