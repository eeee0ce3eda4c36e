// Which maps stand side by side: all classes of all heads, all methods, or all models; asks for none of them.
import type { ExplainArgs, Head, Method, Predictions, Target } from "./protocol.ts";
import type { SessionState } from "./state.ts";
import { CONTROLS, fullParams, sameTarget, targetLabel } from "./targets.ts";

/** One panel: what it is of, and what it is called. */
export interface Cell {
  /** Of one target. */
  readonly args: ExplainArgs;
  readonly title: string;
  /** What the model says of it, or how the method is cited. */
  readonly note: string;
}

export type Kind = "targets" | "methods" | "models";

/** Classes of one head: of a thousand only the likeliest have a panel, and those that were chosen. */
const MOST = 12;

function scores(predictions: Predictions, head: string): readonly number[] {
  const found = predictions.heads?.[head];
  return found && "probabilities" in found ? found.probabilities : [];
}

/** The targets of a head that have a panel: its classes in their order, the likeliest of many, or its value. */
export function targetsOf(head: Head, predictions: Predictions): Target[] {
  const target = (index: number | null): Target => ({ head: head.name, index, versus: null });
  if (head.kind === "value") {
    return [target(null)];
  }
  const p = scores(predictions, head.name);
  let indices = head.classes.map((_, i) => i);
  if (indices.length > MOST) {
    indices = indices.sort((a, b) => (p[b] ?? 0) - (p[a] ?? 0) || a - b).slice(0, MOST);
  }
  return indices.map(target);
}

function said(target: Target, { predictions }: SessionState): string {
  const found = predictions.heads?.[target.head];
  if (found === undefined || target.versus !== null) {
    return "";
  }
  if ("value" in found) {
    return found.value.toPrecision(3);
  }
  const p = found.probabilities[target.index ?? -1];
  return p === undefined ? "" : `${p < 0.001 ? "< 0.1" : (100 * p).toFixed(1)} %`;
}

function targets({ card, predictions }: SessionState, joined: readonly Target[]): Target[] {
  const usual = card.heads.flatMap((head) => targetsOf(head, predictions));
  return [...usual, ...joined.filter((one) => !usual.some((other) => sameTarget(one, other)))];
}

/** Why some models have no panel: the method does not apply to them. */
export function leftOut({ card, choice }: SessionState): string {
  return (card.models ?? [])
    .flatMap(({ name, refused }) => (refused[choice.method] ? [`Not for ${name}: ${refused[choice.method]}.`] : []))
    .join(" ");
}

/** `joined` are targets beside those that every head has: what was clicked in the list, contrasts, all outputs of a head. */
export function cellsOf(kind: Kind, state: SessionState, joined: readonly Target[] = []): Cell[] {
  const { card, choice } = state;
  const { target: chosen, ...run } = choice;
  if (kind === "targets") {
    return targets(state, joined).map((target) => ({
      args: { ...run, targets: [target] },
      title: targetLabel(target, card.heads),
      note: said(target, state),
    }));
  }
  if (chosen === null) {
    return [];
  }
  if (kind === "models") {
    return (card.models ?? [])
      .filter(({ refused }) => refused[choice.method] === undefined)
      .map(({ name }) => ({
        // The layers of one are not those of another.
        args: { ...run, model: name, layer: name === choice.model ? choice.layer : null, targets: [chosen] },
        title: name,
        note: "",
      }));
  }
  const wanted = card.methods.filter((m) => m.status === "works" && m.kind !== "picture");
  const last = (m: Method): number => (m.family === CONTROLS ? 1 : 0);
  return wanted
    .sort((a, b) => last(a) - last(b))
    .map((m) => {
      const own = m.name === choice.method;
      const params = own ? choice.params : fullParams(card, m.name, {});
      const layer = m.layer ? choice.layer : null;
      return {
        args: { ...run, method: m.name, params, layer, targets: [chosen] },
        title: m.label,
        note: m.family === CONTROLS ? "explains nothing" : "",
      };
    });
}

/** As few requests' cells as there are runs: targets of one run share it. */
export function runsOf(cells: readonly Cell[]): ExplainArgs[] {
  const runs = new Map<string, ExplainArgs>();
  for (const { args } of cells) {
    const { targets, ...rest } = args;
    const key = JSON.stringify(rest);
    const run = runs.get(key);
    runs.set(key, { ...args, targets: [...(run?.targets ?? []), ...targets] });
  }
  return [...runs.values()];
}
