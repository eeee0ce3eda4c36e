// What an experiment will take, said before it is run: its sums are the catalogue's, the maps' work their methods' own; asks nobody.
import { roughly, unitsOf } from "./cost.ts";
import type { Experiment, Term } from "./found.ts";
import type { Method, Params } from "./protocol.ts";
import { counted } from "./sentences.ts";

/** A method of which maps are made, with its parameters. */
export interface Run {
  readonly method: Method;
  readonly params: Params;
}

export interface Bill {
  readonly forwards: number;
  readonly gradients: number;
  /** A run may turn out to take less. */
  readonly atMost: boolean;
  /** Of one of the methods only the run tells. */
  readonly more: boolean;
}

/** Maps that every other one is compared with, as the kernel has them (lab/contestants.py). */
export const ALWAYS: readonly string[] = ["edges", "random"];
const CONTESTANTS = "contestants";
/** As many forwards take as long as a gradient. */
const GRADIENT = 3;

function sum(terms: readonly Term[], params: Params): number {
  return terms
    .filter(({ where }) => Object.entries(where).every(([name, value]) => params[name] === value))
    .reduce((all, { times, by }) => all + by.reduce((product, name) => product * Number(params[name]), times), 0);
}

/** Null where the catalogue does not know it. */
export function billOf(
  { cost, needs }: Experiment,
  params: Params,
  runs: readonly Run[],
  input: readonly number[],
): Bill | null {
  if (!cost) {
    return null;
  }
  const all = new Set([...runs.map(({ method }) => method.name), ...ALWAYS]);
  const known = { ...params, [CONTESTANTS]: all.size };
  const each = sum(cost.maps, known);
  const work = { forwards: sum(cost.forwards, known), gradients: sum(cost.gradients, known) };
  let more = false;
  for (const { method, params: own } of needs.some((need) => need.startsWith("method")) ? runs : []) {
    const units = unitsOf(method, own, input);
    if (method.unit === "gradients" || method.unit === "forwards") {
      work[method.unit] += each * (units ?? 0);
      more ||= units === null;
    }
  }
  return { ...work, atMost: cost.at_most, more };
}

/** All of it in forwards; of what only the run tells, nothing. */
export const weight = ({ forwards, gradients, more }: Bill): number => (more ? 0 : forwards + GRADIENT * gradients);

/** "202 forwards and 24 gradients, about 2.4 s here", given milliseconds of a forward (0 if nobody knows); "" where nothing is known. */
export function billText(bill: Bill | null, pace: number): string {
  if (bill === null) {
    return "";
  }
  const { forwards, gradients, atMost, more } = bill;
  const work = [
    ...(forwards > 0 ? [counted(forwards, forwards, "forwards")] : []),
    ...(gradients > 0 ? [counted(gradients, gradients, "gradients")] : []),
  ].join(" and ");
  const ms = pace * weight(bill);
  return work && `${more ? "At least " : atMost ? "At most " : ""}${work}${ms > 0 ? `, ${roughly(ms)} here` : ""}`;
}
