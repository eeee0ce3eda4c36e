// Targets as text and back: "style:gothic" as the kernel writes it, "style: gothic" as a person reads it.
import type { Card, Head, Params, Target } from "./protocol.ts";

const VERSUS = " versus ";

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
  if (head.kind === "value") {
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
  const cut = cls.indexOf(VERSUS);
  const index = cut < 0 ? -1 : find(cls.slice(0, cut));
  const versus = cut < 0 ? -1 : find(cls.slice(cut + VERSUS.length));
  return index >= 0 && versus >= 0 ? { head: name, index, versus } : null;
}

/** What a person reads: "style: gothic", "style: gothic rather than greek_roman", "age". */
export function targetLabel(target: Target, heads: readonly Head[]): string {
  const head = heads.find((h) => h.name === target.head);
  if (head?.kind !== "classes" || target.index === null) {
    return target.head;
  }
  const name = (i: number): string => head.classes[i] ?? String(i);
  const rather = target.versus === null ? "" : ` rather than ${name(target.versus)}`;
  return `${target.head}: ${name(target.index)}${rather}`;
}

/** Every parameter of a method: what was chosen, and the default for the rest. */
export function fullParams(card: Card, method: string, chosen: Params): Params {
  const params = card.methods.find((m) => m.name === method)?.params ?? [];
  return Object.fromEntries(params.map((p) => [p.name, chosen[p.name] ?? p.default]));
}
