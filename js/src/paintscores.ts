// Scores before and after something was hidden: of a target in the units of the chosen score, and which classes to show;
// plain numbers and words.
import { formatNumber } from "./format.ts";
import { ALL, type ClassHead, type ClassScores, type Head, type Predictions, type Target } from "./protocol.ts";
import { hasClasses, sameTarget } from "./targets.ts";

export type Said = NonNullable<Predictions["heads"]>;

/** Classes of a head that are shown. */
const MOST = 4;
/** A change below this share of the score is what rounding makes of none. */
const NOISE = 1e-4;

/** The scores of all classes of a head, as the kernel counts them. */
export function scoresOf({ logits, probabilities }: ClassScores, kind: ClassHead["kind"], score: string): number[] {
  if (score === "probability") {
    return probabilities;
  }
  if (score !== "log_softmax") {
    return logits;
  }
  if (kind === "labels") {
    return logits.map((z) => Math.min(0, z) - Math.log1p(Math.exp(-Math.abs(z))));
  }
  const top = Math.max(...logits);
  const all = top + Math.log(logits.reduce((sum, z) => sum + Math.exp(z - top), 0));
  return logits.map((z) => z - all);
}

/** The score of a target, or null where it is not known. */
export function scoreOf(said: Said | null, heads: readonly Head[], target: Target, score: string): number | null {
  const head = heads.find(({ name }) => name === target.head);
  const found = said?.[target.head];
  if (head === undefined || found === undefined) {
    return null;
  }
  if ("value" in found) {
    return found.value;
  }
  if (!hasClasses(head) || target.index === null) {
    return null;
  }
  const all = scoresOf(found, head.kind, score);
  if (target.index === ALL) {
    return all.reduce((sum, v) => sum + v, 0);
  }
  const [chosen, other] = [all[target.index], target.versus === null ? 0 : all[target.versus]];
  return chosen === undefined || other === undefined ? null : chosen - other;
}

/** What stands behind a score. */
export function scoreUnit(target: Target, heads: readonly Head[], score: string): string {
  const head = heads.find(({ name }) => name === target.head);
  if (!hasClasses(head)) {
    return head?.unit ?? "";
  }
  return head.kind === "labels" && score === "log_softmax" ? "log sigmoid" : score.replace("_", " ");
}

/** "+0.31", "−2.4", and "±0" where nothing but rounding moved. */
export function changeText(before: number, after: number): string {
  const change = after - before;
  if (Math.abs(change) <= NOISE * Math.max(Math.abs(before), Math.abs(after))) {
    return "±0";
  }
  return `${change > 0 ? "+" : ""}${formatNumber(change)}`;
}

/** The target, or, before there is one, the class that the first head gives. */
export function targetOr(target: Target | null, said: Said | null, heads: readonly Head[]): Target | null {
  const [head] = heads;
  const found = head === undefined ? undefined : said?.[head.name];
  if (target !== null || head === undefined || found === undefined) {
    return target;
  }
  return { head: head.name, index: "value" in found ? null : best(found.probabilities), versus: null };
}

const best = (values: readonly number[]): number => values.indexOf(Math.max(...values));

/** Which classes of a head tell what happened: the chosen ones, the likeliest before and after, those that moved most. */
export function tellingClasses(before: ClassScores, after: ClassScores, target: Target | null): number[] {
  const [p, q] = [before.probabilities, after.probabilities];
  const moved = [...p.keys()].sort(
    (a, b) => Math.abs((q[b] ?? 0) - (p[b] ?? 0)) - Math.abs((q[a] ?? 0) - (p[a] ?? 0)) || a - b,
  );
  const chosen = [target?.index, target?.versus].filter((i) => i !== null && i !== undefined && i !== ALL);
  const telling = [...new Set([...(chosen as number[]), best(p), best(q), ...moved])].slice(0, MOST);
  // In an order that does not change while they move, but for what was chosen.
  return telling.sort((a, b) => Number(chosen.includes(b)) - Number(chosen.includes(a)) || (p[b] ?? 0) - (p[a] ?? 0));
}

/** The chosen head first, then those that moved most: values by their own size, classes by their probability. */
export function headsInOrder(heads: readonly Head[], before: Said, after: Said, target: Target | null): Head[] {
  const moved = ({ name }: Head): number => {
    const [a, b] = [before[name], after[name]];
    if (a === undefined || b === undefined) {
      return 0;
    }
    if ("value" in a || "value" in b) {
      const [x, y] = ["value" in a ? a.value : 0, "value" in b ? b.value : 0];
      return Math.abs(y - x) / Math.max(Math.abs(x), Math.abs(y), 1e-12);
    }
    return Math.max(...a.probabilities.map((p, i) => Math.abs((b.probabilities[i] ?? 0) - p)));
  };
  const rank = new Map(
    heads.map((head) => [head, head.name === target?.head ? Number.POSITIVE_INFINITY : moved(head)]),
  );
  return [...heads].sort((a, b) => {
    const [x, y] = [rank.get(a) ?? 0, rank.get(b) ?? 0];
    return x === y ? 0 : y - x;
  });
}

/** Whether a class is the chosen one, or what it is compared with. */
export function isChosen(target: Target | null, head: string, index: number | null): boolean {
  return sameTarget(target === null ? null : { ...target, versus: null }, { head, index, versus: null });
}
