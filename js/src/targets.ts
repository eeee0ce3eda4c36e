// Targets as text and back: "style:gothic" as the kernel writes it, "style: gothic" as a person reads it.
import { ALL, type Card, type ClassHead, type Head, type Method, type Params, type Target } from "./protocol.ts";
import type { Compared, SessionState } from "./state.ts";

const VERSUS = " versus ";
const EVERYTHING = "*";

/** Whether a head scores classes (of which one, or any number, is true), and gives no value. */
export function hasClasses(head: Head | undefined): head is ClassHead {
  return head !== undefined && head.kind !== "value";
}

export function sameTarget(a: Target | null, b: Target | null): boolean {
  return a?.head === b?.head && a?.index === b?.index && a?.versus === b?.versus;
}

/** The target of a canonical text, or null if this model has no such head or class. */
export function parseTarget(text: string, heads: readonly Head[]): Target | null {
  // A head's name ends at the first colon; a class may hold colons of its own.
  const colon = text.indexOf(":");
  const name = colon < 0 ? text : text.slice(0, colon);
  const head = heads.find((h) => h.name === name);
  if (head === undefined) {
    return null;
  }
  if (!hasClasses(head)) {
    return { head: name, index: null, versus: null };
  }
  const find = (cls: string): number => {
    const at = head.classes.indexOf(cls);
    return at >= 0 ? at : /^\d+$/.test(cls) && Number(cls) < head.classes.length ? Number(cls) : -1;
  };
  const cls = text.slice(colon + 1);
  const whole = colon < 0 ? -1 : find(cls);
  if (whole >= 0) {
    return { head: name, index: whole, versus: null };
  }
  if (colon >= 0 && cls === EVERYTHING) {
    return { head: name, index: ALL, versus: null };
  }
  const cut = cls.indexOf(VERSUS);
  const index = cut < 0 ? -1 : find(cls.slice(0, cut));
  const versus = cut < 0 ? -1 : find(cls.slice(cut + VERSUS.length));
  return index >= 0 && versus >= 0 ? { head: name, index, versus } : null;
}

/** "gothic", "gothic rather than greek_roman", "all outputs"; "" for a value. */
export function className(target: Target, heads: readonly Head[]): string {
  const head = heads.find((h) => h.name === target.head);
  if (!hasClasses(head) || target.index === null) {
    return "";
  }
  if (target.index === ALL) {
    return "all outputs";
  }
  const name = (i: number): string => head.classes[i] ?? String(i);
  const rather = target.versus === null ? "" : ` rather than ${name(target.versus)}`;
  return `${name(target.index)}${rather}`;
}

/** What a person reads: "style: gothic", "style: gothic rather than greek_roman", "age". */
export function targetLabel(target: Target, heads: readonly Head[]): string {
  const name = className(target, heads);
  return name === "" ? target.head : `${target.head}: ${name}`;
}

/** The unit of the value that a target is, "" if it has none, null if the target is no value. */
export function valueUnit(target: Target | null, heads: readonly Head[]): string | null {
  const head = heads.find((h) => h.name === target?.head);
  return head?.kind === "value" ? (head.unit ?? "") : null;
}

/** The family of what is no explanation: an edge detector, noise, the picture itself. */
export const CONTROLS = "controls";

/** Another method with its defaults; a chosen layer stays for methods that work at one. */
export function withMethod({ card, choice }: Pick<SessionState, "card" | "choice">, method: string): Compared {
  const layer = methodOf(card, method)?.layer ? choice.layer : null;
  return { method, params: fullParams(card, method, {}), layer };
}

/** What is asked for when a control is pressed (itself, or the method before it), and what to go back to then. */
export function compare(
  state: Pick<SessionState, "card" | "choice" | "compared">,
  control: string,
): [Compared, Compared | null] {
  const { card, choice, compared } = state;
  if (choice.method === control) {
    const first = card.methods.find((m) => m.status !== "no" && m.family !== CONTROLS);
    return [compared ?? withMethod(state, first?.name ?? control), null];
  }
  const { method, params, layer } = choice;
  const before = methodOf(card, method)?.family === CONTROLS ? compared : { method, params, layer };
  return [withMethod(state, control), before];
}

export function methodOf(card: Card, name: string): Method | undefined {
  return card.methods.find((m) => m.name === name);
}

/** Every parameter of a method: what was chosen, and the default for the rest. */
export function fullParams(card: Card, method: string, chosen: Params): Params {
  const params = methodOf(card, method)?.params ?? [];
  return Object.fromEntries(params.map((p) => [p.name, chosen[p.name] ?? p.default]));
}
