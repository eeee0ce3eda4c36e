// Where Display stands in a wide cell: under the picture if there is room, else under the method. Measures nothing.
import { rowsOf } from "./heads.ts";
import type { Head } from "./protocol.ts";

/** Pixels of a row of a class, of a head around its rows, and of its search field (styles say the same). */
const ROW = 30;
const HEAD = 40;
const FILTER = 34;
/** By how much the method and the notes are higher than what stands above and below the picture, roughly. */
const METHOD = 170;

/**
 * Whether the column of the picture is the shorter one. Judged by the picture and the heads alone: parameters come and
 * go with the method and rows with a search, and Display must not jump for either.
 */
export function underPicture(heads: readonly Head[], pictureHeight: number): boolean {
  const heights = heads.map((head) => {
    const { rows, filtered } = rowsOf(head);
    return HEAD + ROW * rows + (filtered ? FILTER : 0);
  });
  return pictureHeight < METHOD + heights.reduce((sum, height) => sum + height, 0);
}
