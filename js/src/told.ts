// What the kernel tells of pictures, checked: small copies, one that was added, what the model says of many.
import type { Told } from "./protocol.ts";

/** What one head says of a picture: its two likeliest classes, and the probabilities of both and of the true one. */
export interface Judged {
  readonly true: number | null;
  readonly top: number;
  readonly next: number;
  readonly p: readonly [number, number, number];
}

export interface Row {
  readonly at: number;
  readonly image: string;
  /** Why there is nothing to be said of it. */
  readonly problem: string | null;
  readonly heads: Readonly<Record<string, Judged>>;
}

export interface Survey {
  readonly revision: string;
  readonly rows: readonly Row[];
  readonly done: number;
  readonly total: number;
}

const isIndex = (x: unknown): x is number => Number.isInteger(x) && (x as number) >= 0;
const isFields = (x: unknown): x is Record<string, unknown> => typeof x === "object" && x !== null;

function isJudged(x: unknown): x is Judged {
  const p = isFields(x) ? x["p"] : null;
  return (
    isFields(x) &&
    isIndex(x["top"]) &&
    isIndex(x["next"]) &&
    (x["true"] === null || isIndex(x["true"])) &&
    Array.isArray(p) &&
    p.length === 3 &&
    p.every((share) => typeof share === "number")
  );
}

function isRow(x: unknown): x is Row {
  return (
    isFields(x) &&
    isIndex(x["at"]) &&
    typeof x["image"] === "string" &&
    isFields(x["heads"]) &&
    Object.values(x["heads"]).every(isJudged)
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
