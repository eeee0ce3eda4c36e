// How what a model says of pictures is judged by what is true of them: which pictures a filter lists, in which order, and
// in which words. Each kind of head has its own rules; nothing is asked here and nothing drawn.
import { formatNumber, formatPercent } from "./format.ts";
import type { ClassHead, Head, Target, ValueHead } from "./protocol.ts";
import {
  isJudged,
  isLabelled,
  isValued,
  type Judged,
  type Labelled,
  type Row,
  type Said,
  type Valued,
} from "./told.ts";

/** Less between the two likeliest classes, or between yes and no, is unsure. */
export const UNSURE = 0.2;
/** From here on a label is said to be there. */
const YES = 0.5;
/** Of a value the errors that are usual, and no mistakes: nine in ten. */
const USUAL = 0.9;
/** Of a float32. */
const DIGITS = 7;

export interface Found<S extends Said = Said> {
  readonly row: Row;
  readonly said: S;
}

/** What is to be listed: a filter, one kind of mistake or "", and from which error on a value is off. */
export interface Wanted {
  readonly filter: string;
  readonly pick: string;
  readonly limit: number;
}

/** A row in words, and what its question explains. */
export interface Verdict {
  readonly said: string;
  readonly truth: string;
  readonly ask: string;
  readonly target: Target;
}

type Filters = Readonly<Record<string, readonly [name: string, none: string]>>;

interface Rules<S extends Said> {
  /** By name; where a filter lists nothing that is said. */
  readonly filters: Filters;
  /** What the kinds of mistakes are called, and all of them together. */
  readonly picks: readonly [one: string, every: string];
  takes(said: unknown): said is S;
  /** The kinds of mistakes that were made. */
  mistakes(said: S): string[];
  /** A kind of mistake as people read it. */
  inWords(pick: string): string;
  /** What a filter sorts by, the largest first; "unsure" takes what is above -UNSURE, "off" what is above its limit. */
  size(said: S, wanted: Wanted): number;
  verdict(said: S, wanted: Wanted): Verdict;
}

export interface Judge extends Pick<Rules<Said>, "filters" | "picks" | "takes" | "verdict"> {
  /** Those that are wanted, the worst first. */
  listed(found: readonly Found[], wanted: Wanted): Found[];
  /** Each kind of mistake, in words, and how often it was made, the most frequent first. */
  kinds(found: readonly Found[]): [pick: string, text: string, count: number][];
  /** How good the model is on those of which the truth is known: how many are wrong, or by how much it errs. */
  tally(found: readonly Found[]): readonly [long: string, short: string];
}

/** The judge of what a head says; it is asked only about what it takes. */
export function judgeOf(head: Head): Judge {
  const made = head.kind === "value" ? ofValue(head) : head.kind === "labels" ? ofLabels(head) : ofClasses(head);
  const rules = made as unknown as Rules<Said>;
  return {
    ...rules,
    listed(found, wanted) {
      const { filter, pick } = wanted;
      const least = filter === "unsure" ? -UNSURE : wanted.limit;
      return found
        .map((one) => ({ one, size: rules.size(one.said, wanted) }))
        .filter(
          ({ one, size }) =>
            filter === "all" ||
            (filter === "wrong" ? rules.mistakes(one.said).some((made) => pick === "" || pick === made) : size > least),
        )
        .sort((a, b) => b.size - a.size || a.one.row.at - b.one.row.at)
        .map(({ one }) => one);
    },
    kinds(found) {
      const counts = new Map<string, number>();
      for (const pick of found.flatMap(({ said }) => rules.mistakes(said))) {
        counts.set(pick, (counts.get(pick) ?? 0) + 1);
      }
      const all = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
      return all.map(([pick, count]) => [pick, rules.inWords(pick), count]);
    },
    tally(found) {
      const judged = found.filter(({ said }) => said.true !== null);
      const count = judged.length;
      if (count === 0) {
        return ["", ""];
      }
      if (head.kind === "value") {
        const mean = `mean error ${inUnit(head, errors(judged).reduce((sum, one) => sum + one) / count)}`;
        return [`, ${mean}`, mean];
      }
      const wrong = judged.filter(({ said }) => rules.mistakes(said).length > 0).length;
      return [`, ${formatPercent(1 - wrong / count)} right`, `${wrong} of ${count} wrong`];
    },
  };
}

const CHOICES: Filters = {
  wrong: ["Wrong", "None is wrong."],
  unsure: ["Unsure", "Of none is the model unsure."],
  all: ["All", "None was looked at yet."],
};
const UNKNOWN = "truth unknown";

const naming =
  ({ classes }: ClassHead) =>
  (index: number): string =>
    classes[index] ?? String(index);

function ofClasses(head: ClassHead): Rules<Judged> {
  const name = naming(head);
  const isWrong = (said: Judged): boolean => said.true !== null && said.true !== said.top;
  return {
    filters: CHOICES,
    picks: ["Confusion", "Every confusion"],
    takes: isJudged,
    mistakes: (said) => (isWrong(said) ? [`${said.true}>${said.top}`] : []),
    inWords(pick) {
      const [truth, said] = pick.split(">").map(Number) as [number, number];
      return `${name(truth)} taken for ${name(said)}`;
    },
    size: ({ p }, { filter }) => (filter === "all" ? 0 : filter === "wrong" ? p[0] - p[2] : p[1] - p[0]),
    verdict(said) {
      const wrong = isWrong(said);
      const other = wrong ? (said.true as number) : said.next;
      const truth = said.true === null ? UNKNOWN : wrong ? `in truth ${name(other)}` : "right";
      const more = wrong ? ` (${formatPercent(said.p[2])})` : `, then ${name(said.next)} ${formatPercent(said.p[1])}`;
      return {
        said: `${name(said.top)} ${formatPercent(said.p[0])}`,
        truth: truth + more,
        ask: `Explain ${name(said.top)} rather than ${name(other)}`,
        target: { head: head.name, index: said.top, versus: other },
      };
    },
  };
}

interface Label {
  readonly index: number;
  readonly p: number;
  /** How it was got wrong; "" where it was not, or where nobody knows. */
  readonly how: "missed" | "invented" | "";
  readonly sure: number;
}

function ofLabels(head: ClassHead): Rules<Labelled> {
  const name = naming(head);
  const judged = new WeakMap<Labelled, Label[]>();
  /** The surest first. */
  function labels(said: Labelled): Label[] {
    const { true: truth, p } = said;
    const made = judged.get(said);
    if (made !== undefined) {
      return made;
    }
    const all = said.labels.map((index, i): Label => {
      const share = p[i] as number;
      const there = truth?.includes(index) ?? share >= YES;
      return {
        index,
        p: share,
        how: there === share >= YES ? "" : there ? "missed" : "invented",
        sure: Math.abs(share - YES),
      };
    });
    judged.set(
      said,
      all.sort((a, b) => b.sure - a.sure),
    );
    return all;
  }
  const pickOf = ({ how, index }: Label): string => `${how} ${index}`;
  /** A share is not torn from its sign where a narrow row ends. */
  const inWords = ({ how, index, p }: Label): string =>
    `${how} ${name(index)} ${formatPercent(p).replaceAll(" ", "\u00a0")}`.trim();
  /** What a row is about: the mistake that was chosen, or the surest; the label of which the model is least sure. */
  function subject(all: Label[], { filter, pick }: Wanted): Label {
    const wrong = all.find((one) => one.how && (pick === "" || pick === pickOf(one)));
    const said = wrong ?? all.find(({ p }) => p >= YES);
    return (filter === "unsure" ? undefined : said) ?? (all.at(-1) as Label);
  }
  return {
    filters: CHOICES,
    picks: ["Mistake", "Every mistake"],
    takes: isLabelled,
    mistakes: (said) =>
      labels(said)
        .filter(({ how }) => how)
        .map(pickOf),
    inWords(pick) {
      const [how, index] = pick.split(" ");
      return `${how} ${name(Number(index))}`;
    },
    size(said, wanted) {
      const { sure } = subject(labels(said), wanted);
      return wanted.filter === "all" ? 0 : wanted.filter === "wrong" ? sure : -2 * sure;
    },
    verdict(said, wanted) {
      const all = labels(said);
      const about = subject(all, wanted);
      const slips = all.filter(({ how }) => how);
      const says = all.filter(({ p }) => p >= YES);
      const alone = wanted.filter === "unsure" || about.how;
      const words = (alone ? [about] : [about, ...says.filter((one) => one !== about)]).map(inWords).join(", ");
      const others = slips.filter((one) => one !== about).map(inWords);
      const also = others.length > 0 ? `; ${about.how && "also "}${others.join(", ")}` : "";
      const truth = slips.length > 0 ? `in truth ${said.true?.map(name).join(", ") || "none"}${also}` : "right";
      return {
        said: alone || says.length > 0 ? words : `none (${words})`,
        truth: said.true === null ? UNKNOWN : truth,
        ask: `Explain ${name(about.index)}${about.how && `, which was ${about.how}`}`,
        target: { head: head.name, index: about.index, versus: null },
      };
    },
  };
}

const inUnit = ({ unit }: ValueHead, x: number): string => `${formatNumber(x)} ${unit ?? ""}`.trim();

/** By how much a value is off, in the digits that it has; above zero it is too high. */
const errorOf = ({ true: truth, value }: Valued): number =>
  truth === null ? 0 : Number((value - truth).toPrecision(DIGITS));
const errors = (found: readonly Found[]): number[] =>
  found.flatMap(({ said }) => (isValued(said) && said.true !== null ? [Math.abs(errorOf(said))] : []));

/** The error that nine in ten do not exceed, in two digits; not more than it, so that of a few pictures the worst stays. */
export function usualError(found: readonly Found[]): number {
  const sizes = [0, ...errors(found).sort((a, b) => a - b)];
  const place = USUAL * (sizes.length - 1);
  const [below, above] = [sizes[Math.floor(place)] as number, sizes[Math.ceil(place)] as number];
  const usual = below + (place % 1) * (above - below);
  const unit = 10 ** (Math.floor(Math.log10(usual)) - 1) || 1;
  return Number((Math.floor(usual / unit) * unit).toPrecision(2));
}

function ofValue(head: ValueHead): Rules<Valued> {
  const none = (how: string): string => `None is ${how} by more than that.`;
  return {
    filters: {
      off: ["Off", none("off")],
      high: ["Too high", none("too high")],
      low: ["Too low", none("too low")],
      all: CHOICES["all"] as [string, string],
    },
    picks: ["", ""],
    takes: isValued,
    mistakes: () => [],
    inWords: () => "",
    size(said, { filter }) {
      const error = errorOf(said);
      return said.true === null ? -1 : filter === "high" ? error : filter === "low" ? -error : Math.abs(error);
    },
    verdict(said) {
      const error = errorOf(said);
      const how = error === 0 ? "right" : `${formatNumber(Math.abs(error))} too ${error > 0 ? "high" : "low"}`;
      return {
        said: inUnit(head, said.value),
        truth: said.true === null ? UNKNOWN : `in truth ${inUnit(head, said.true)}, ${how}`,
        ask: `Explain ${head.name}`,
        target: { head: head.name, index: null, versus: null },
      };
    },
  };
}
