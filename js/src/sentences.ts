// The sentences that the page says about maps and states; pure text, no HTML.
import { formatSeconds } from "./format.ts";
import type { MapData } from "./maps.ts";
import type { Card, Picture, Sign } from "./protocol.ts";
import { type SessionState, shownPicture } from "./state.ts";
import { targetLabel } from "./targets.ts";

export function methodLabel(card: Card, name: string): string {
  return card.methods.find((m) => m.name === name)?.label ?? name;
}

/** "Integrated gradients · style: gothic" */
export function mapTitle(map: MapData, card: Card): string {
  return `${methodLabel(card, map.method)} · ${targetLabel(map.target, card.heads)}`;
}

function qualityText(map: MapData): string[] {
  return map.quality.map((q) => q.text).filter((text) => text !== "");
}

/** "1 gradient", "20 of 50 gradients" */
function counted(done: number, total: number, unit: string): string {
  const one = total === 1 ? unit.replace(/s$/, "") : unit;
  return done === total ? `${total} ${one}` : `${done} of ${total} ${one}`;
}

/** "50 gradients · 1.2 s · completeness error 0.2 %" */
export function mapFacts(map: MapData): string[] {
  const cost = map.total > 0 ? [counted(map.done, map.total, map.unit)] : [];
  const time = map.ms > 0 ? [formatSeconds(map.ms)] : [];
  return [...cost, ...time, ...qualityText(map)];
}

/** For a screen reader, when a map is finished. */
export function doneNotice(map: MapData, card: Card): string {
  const what = `${methodLabel(card, map.method)} for ${targetLabel(map.target, card.heads)}, done`;
  return [what, ...qualityText(map), ...(map.empty === null ? [] : [map.empty])].join(", ");
}

const NOTHING_LEFT: Readonly<Record<Sign, string>> = {
  signed: "Every value of this map is zero: the score does not depend on the picture here.",
  absolute: "Every value of this map is zero: the score does not depend on the picture here.",
  positive: "Nothing speaks for it: all evidence of this map is negative or zero.",
  negative: "Nothing speaks against it: all evidence of this map is positive or zero.",
};

/** Said in place of a map of which the chosen sign leaves nothing. */
export function nothingLeft(sign: Sign): string {
  return NOTHING_LEFT[sign];
}

export interface Status {
  title: string;
  facts: string[];
  /** How it is shown: plain, or as something that wants attention. */
  tone: "plain" | "warning";
}

/** The two lines under the picture. */
export function statusOf(state: SessionState, now: number): Status {
  const { card, choice, map, phase, progress, stale } = state;
  const elapsed = state.startedAt === null ? [] : [formatSeconds(now - state.startedAt)];
  const next = choice.target === null ? "" : ` · ${targetLabel(choice.target, card.heads)}`;
  const asked = `${methodLabel(card, choice.method)}${next}`;
  const drawn = map === null ? asked : mapTitle(map, card);
  switch (phase) {
    case "queued":
      return { title: asked, facts: ["Kernel busy, queued", ...elapsed], tone: "warning" };
    case "running": {
      const { done, total, unit } = progress ?? { done: 0, total: 0, unit: "" };
      const soFar = total > 0 ? counted(done, total, unit) : "starting";
      return { title: asked, facts: [soFar, ...elapsed], tone: "plain" };
    }
    case "disconnected": {
      const facts = ["Kernel disconnected: run the cell again to go on"];
      return { title: drawn, facts, tone: "warning" };
    }
    case "saved": {
      const facts = [map === null ? "No kernel answers" : "Saved map, no kernel answers", "run the cell to explore"];
      return { title: drawn, facts, tone: "warning" };
    }
    default:
      break;
  }
  if (map === null) {
    return { title: "No map yet", facts: ["Choose a class to see what it rests on"], tone: "plain" };
  }
  if (state.cancelled) {
    const at = `Cancelled at ${counted(map.done, map.total, map.unit)}`;
    return { title: drawn, facts: [at, ...mapFacts(map).slice(1)], tone: "plain" };
  }
  return stale
    ? { title: asked, facts: ["Not computed"], tone: "plain" }
    : { title: drawn, facts: mapFacts(map), tone: "plain" };
}

/** What a person may want to know of the model and of the picture on screen; often nothing. */
export function remarks(card: Card, picture: Picture | null): string[] {
  const notes = picture?.notes ?? [];
  return [...card.notes, ...(notes.length > 0 ? [`${picture?.label || "This picture"}: ${notes.join("; ")}`] : [])];
}

/** The text alternative of the canvas. */
export function canvasLabel(state: SessionState, shown: boolean): string {
  const picture = shownPicture(state);
  const name = picture === null ? "No picture" : `Picture ${picture.label || "without a name"}`;
  if (state.map === null || !shown) {
    return `${name}, no map`;
  }
  const age = state.stale ? ", a previous map" : state.map.final ? "" : ", not finished";
  const { card, map } = state;
  return `${name} with the ${methodLabel(card, map.method)} map for ${targetLabel(map.target, card.heads)}${age}`;
}
