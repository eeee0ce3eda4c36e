// The sentences that the page says about maps and states; pure text, no HTML.
import { formatSeconds } from "./format.ts";
import type { MapData } from "./maps.ts";
import { ALL, type Card, type Method, type NetworkLayer, type Picture, type Sign, type Target } from "./protocol.ts";
import { type SessionState, shownPicture } from "./state.ts";
import { className, methodOf, targetLabel, valueUnit } from "./targets.ts";

export function methodLabel(card: Card, name: string): string {
  return methodOf(card, name)?.label ?? name;
}

/** As a sentence begins; what is a name of code stays as it is. */
export function sentence(text: string): string {
  return text.replace(/^[a-z]+(?![\w=.(/[{])/, (word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`);
}

/** "style: gothic rather than greek_roman", "age (years)" */
function described(target: Target, card: Card): string {
  const unit = valueUnit(target, card.heads);
  return `${targetLabel(target, card.heads)}${unit ? ` (${unit})` : ""}`;
}

/** "Integrated gradients · style: gothic" */
export function mapTitle(map: MapData, card: Card): string {
  return `${methodLabel(card, map.method)} · ${described(map.target, card)}`;
}

/** What a picture in place of a map is; nothing for a map. */
export function pictureCaption(map: MapData, card: Card): string[] {
  if (map.picture === null) {
    return [];
  }
  const { head, index } = map.target;
  const what =
    index === null
      ? `in which the model would see a high ${head}`
      : index === ALL
        ? `that raises all outputs of ${head}`
        : `that the model would call ${className(map.target, card.heads)}`;
  return [`A picture ${what}, not an attribution`];
}

function qualityText(map: MapData): string[] {
  return map.quality.map((q) => q.text).filter((text) => text !== "");
}

/** What asks the model nothing has nothing worth counting. */
const UNCOUNTED = "pixels";

/** "1 gradient", "20 of 50 gradients" */
export function counted(done: number, total: number, unit: string): string {
  const one = total === 1 ? unit.replace(/s$/, "") : unit;
  return done === total ? `${total} ${one}` : `${done} of ${total} ${one}`;
}

/** Computed as most are; worth saying only where it is not so. */
const USUAL = "float32";

/** "50 gradients · 1.2 s · bfloat16 · completeness error 0.2 %" */
export function mapFacts(map: MapData): string[] {
  const cost = map.total > 0 && map.unit !== UNCOUNTED ? [counted(map.done, map.total, map.unit)] : [];
  const time = map.ms > 0 ? [formatSeconds(map.ms)] : [];
  const type = map.precision === "" || map.precision === USUAL || map.unit === UNCOUNTED ? [] : [map.precision];
  return [...cost, ...time, ...type, ...qualityText(map)];
}

/** For a screen reader, when a map is finished. */
export function doneNotice(map: MapData, card: Card): string {
  const what = `${methodLabel(card, map.method)} for ${targetLabel(map.target, card.heads)}, done`;
  const caption = pictureCaption(map, card).map((text) => text.toLowerCase());
  return [what, ...caption, ...qualityText(map), ...(map.empty === null ? [] : [map.empty])].join(", ");
}

const NOTHING_LEFT: Readonly<Record<Sign, string>> = {
  signed: "Every value of this map is zero: the score does not depend on the picture here.",
  absolute: "Every value of this map is zero: the score does not depend on the picture here.",
  positive: "Nothing speaks for it: all evidence of this map is negative or zero.",
  negative: "Nothing speaks against it: all evidence of this map is positive or zero.",
};

const NO_CHANGE: Readonly<Record<Sign, string>> = {
  signed: "Every value of this map is zero: the value does not depend on the picture here.",
  absolute: "Every value of this map is zero: the value does not depend on the picture here.",
  positive: "Nothing increases the value: every part of this map decreases it or does nothing.",
  negative: "Nothing decreases the value: every part of this map increases it or does nothing.",
};

/** Said in place of a map of which the chosen sign leaves nothing. */
export function nothingLeft(sign: Sign, ofValue: boolean): string {
  return (ofValue ? NO_CHANGE : NOTHING_LEFT)[sign];
}

const OF_CLASS: Readonly<Record<Sign, string>> = {
  signed: "Signed",
  absolute: "Absolute",
  positive: "Positive only",
  negative: "Negative only",
};
const OF_VALUE: Readonly<Record<Sign, string>> = {
  signed: "Signed",
  positive: "Increase the value",
  negative: "Decrease the value",
  absolute: "Keep the value (either way)",
};

/** The signs by what they ask, of a class or of a value, in the order in which they are offered. */
export function signLabels(ofValue: boolean): Readonly<Record<Sign, string>> {
  return ofValue ? OF_VALUE : OF_CLASS;
}

const MOVES: Readonly<Record<Sign, string>> = {
  signed: "",
  positive: "increases the value · ",
  negative: "decreases the value · ",
  absolute: "moves the value either way · ",
};

/** What stands under the colour bar. */
export function scaleUnit(unit: string, sign: Sign, ofValue: boolean): string {
  return (ofValue ? MOVES[sign] : "") + unit;
}

/** "12.3 frames a second" */
export function rateText(rate: number): string {
  return rate > 0 ? `${rate.toFixed(1)} frames a second` : "starting";
}

const PARTIAL = "partial: not an estimate of the final map";

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
  const next = choice.target === null ? "" : ` · ${described(choice.target, card)}`;
  const asked = `${methodLabel(card, choice.method)}${next}`;
  const drawn = map === null ? asked : mapTitle(map, card);
  switch (phase) {
    case "queued":
      return { title: asked, facts: ["Kernel busy, queued", ...elapsed], tone: "warning" };
    case "running": {
      const { done, total, unit } = progress ?? { done: 0, total: 0, unit: "" };
      const soFar = total > 0 ? counted(done, total, unit) : "starting";
      const partial = methodOf(card, choice.method)?.kind === "partial" ? [PARTIAL] : [];
      return { title: asked, facts: [soFar, ...elapsed, ...partial], tone: "plain" };
    }
    case "live": {
      const { shown, rate, label, lossy } = state.live ?? { shown: null, rate: 0, label: "", lossy: false };
      const each = shown === null ? [] : [`${formatSeconds(shown.map.ms)} a map`];
      const slow = lossy ? ["slow connection: sent as JPEG, which blurs fine maps"] : [];
      return { title: asked, facts: [`${label}, live: ${rateText(rate)}`, ...each, ...slow], tone: "plain" };
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
    const partial = methodOf(card, map.method)?.kind === "partial" ? [PARTIAL] : [];
    return { title: drawn, facts: [at, ...mapFacts(map).slice(1), ...partial], tone: "plain" };
  }
  return stale
    ? { title: asked, facts: ["Not computed"], tone: "plain" }
    : { title: drawn, facts: [...pictureCaption(map, card), ...mapFacts(map)], tone: "plain" };
}

/** What a person may want to know of the picture on screen; often nothing. */
export function remarks(picture: Picture | null): string[] {
  const notes = picture?.notes ?? [];
  return notes.length > 0 ? [`${picture?.label || "This picture"}: ${notes.join("; ")}`] : [];
}

/** "features.29 (14 × 14, 512 channels)" */
export function layerLabel({ name, kind, height, width, channels }: NetworkLayer): string {
  return `${name} (${height} × ${width}${kind === "tokens" ? " tokens" : ""}, ${channels} channels)`;
}

/** How many layers the methods that need one can look at. */
export function layerCount(layers: readonly NetworkLayer[]): string {
  const found = layers.find((layer) => layer.default);
  const which = found === undefined ? "" : `; ${found.name} is the default`;
  return `${layers.length} ${layers.length === 1 ? "layer" : "layers"} to look at${which}.`;
}

/** Of how many methods something is to be said, "" if all simply work. */
export function applicability(methods: readonly Method[]): string {
  const count = (status: Method["status"]): number => methods.filter((m) => m.status === status).length;
  const [equal, none] = [count("equals"), count("no")];
  const parts = [
    ...(none > 0 ? [`${none} of ${methods.length} methods ${none === 1 ? "does" : "do"} not apply`] : []),
    ...(equal > 0 ? [`${equal} would equal a simpler one`] : []),
  ];
  return parts.join(", ");
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
  if (map.picture !== null) {
    return `${pictureCaption(map, card)[0]}${age}`;
  }
  return `${name} with the ${methodLabel(card, map.method)} map for ${targetLabel(map.target, card.heads)}${age}`;
}
