// The table of what painting did: for each head a few classes, or its value, before and after; decides no order.
import { h, type Part, setAttributes, setText } from "./dom.ts";
import { formatNumber, formatPercent } from "./format.ts";
import { changeText, headsInOrder, isChosen, type Said, scoreOf, scoreUnit, tellingClasses } from "./paintscores.ts";
import type { Head, Target } from "./protocol.ts";
import { hasClasses } from "./targets.ts";

export interface Bars {
  heads: readonly Head[];
  target: Target | null;
  score: string;
  before: Said | null;
  after: Said | null;
  /** A hand is at work: rows stay where they are. */
  busy: boolean;
}

interface Row {
  readonly head: string;
  readonly index: number | null;
  readonly el: HTMLElement;
  update(state: Bars): void;
}

/** "61.2" of "61.2 %": the unit stands once. */
const bare = (text: string): string => text.replace(/ %$/, "");

function createRow(head: Head, index: number | null): Row {
  const name = index === null ? "value" : hasClasses(head) ? (head.classes[index] ?? String(index)) : "";
  const title = h("th", { scope: "row", title: name }, name);
  const fill = h("i", { class: "sw-bar-fill" });
  const was = h("i", { class: "sw-was" });
  const track = h("span", { class: "sw-track", hidden: index === null }, h("span", { class: "sw-bar" }, fill), was);
  const bar = h("td", { "aria-hidden": "true" }, track);
  const values = h("td", { class: "sw-values" });
  const change = h("td", { class: "sw-moved" });
  const el = h("tr", { "data-head": head.name, "data-class": index ?? "" }, title, bar, values, change);
  return {
    head: head.name,
    index,
    el,
    update({ heads, target, score, before, after }) {
      const one: Target = { head: head.name, index, versus: null };
      const now = after ?? before;
      const [from, to] = [scoreOf(before, heads, one, score), scoreOf(now, heads, one, score)];
      const [p, q] = [scoreOf(before, heads, one, "probability"), scoreOf(now, heads, one, "probability")];
      el.classList.toggle("sw-chosen", isChosen(target, head.name, index));
      if (from === null || to === null || p === null || q === null) {
        return;
      }
      const moved = after !== null;
      if (index === null) {
        const unit = hasClasses(head) || !head.unit ? "" : ` ${head.unit}`;
        setText(values, `${moved ? `${formatNumber(p)} → ` : ""}${formatNumber(q)}${unit}`);
      } else {
        setText(values, moved ? `${bare(formatPercent(p))} → ${formatPercent(q)}` : formatPercent(q));
        fill.style.transform = `scaleX(${q})`;
        was.style.insetInlineStart = `${100 * p}%`;
      }
      was.hidden = index === null || !moved;
      setText(change, moved ? changeText(from, to) : "");
      setAttributes(el, { "data-before": from, "data-after": moved ? to : null });
    },
  };
}

interface Group {
  readonly head: Head;
  readonly body: HTMLElement;
  rows: Row[];
}

function createGroup(head: Head): Group & { unit: HTMLElement } {
  const unit = h("th", { class: "sw-moved", scope: "col" });
  const body = h("tbody", {}, h("tr", {}, h("th", { colspan: 3, scope: "rowgroup" }, head.name), unit));
  return { head, body, rows: [], unit };
}

export function createBars(): Part<Bars> {
  const caption = h("caption", { class: "sw-hidden" }, "What the model says before and after");
  const columns = h("colgroup", {}, ...Array.from({ length: 4 }, () => h("col")));
  const el = h("table", { class: "sw-paint-bars" }, caption, columns);
  let groups: ReturnType<typeof createGroup>[] = [];
  let of: readonly Head[] | null = null;
  let order = "";

  function wanted({ before, after, target }: Bars, head: Head): (number | null)[] {
    const [a, b] = [before?.[head.name], (after ?? before)?.[head.name]];
    if (a === undefined || b === undefined) {
      return [];
    }
    return "value" in a || "value" in b ? [null] : tellingClasses(a, b, target?.head === head.name ? target : null);
  }

  /** Puts groups and rows in order, but never while a hand moves them. */
  function arrange(state: Bars): void {
    const { heads, before, after, target } = state;
    const sorted = before === null ? [...heads] : headsInOrder(heads, before, after ?? before, target);
    const rows = new Map(sorted.map((head) => [head, wanted(state, head)]));
    const next = JSON.stringify(sorted.map((head) => [head.name, rows.get(head)]));
    if (next === order) {
      return;
    }
    order = next;
    groups.sort((a, b) => sorted.indexOf(a.head) - sorted.indexOf(b.head));
    for (const group of groups) {
      const known = group.rows;
      group.rows = (rows.get(group.head) ?? []).map(
        (index) => known.find((row) => row.index === index) ?? createRow(group.head, index),
      );
      group.body.replaceChildren(group.body.firstElementChild as Element, ...group.rows.map((row) => row.el));
      el.append(group.body);
    }
  }

  return {
    el,
    update(state) {
      if (of !== state.heads) {
        of = state.heads;
        order = "";
        for (const group of groups) {
          group.body.remove();
        }
        groups = state.heads.map(createGroup);
      }
      if (!state.busy || order === "") {
        arrange(state);
      }
      for (const { head, rows, unit } of groups) {
        const chosen: Target = { head: head.name, index: null, versus: null };
        setText(unit, state.after === null ? "" : scoreUnit(chosen, state.heads, state.score));
        for (const row of rows) {
          row.update(state);
        }
      }
    },
  };
}
