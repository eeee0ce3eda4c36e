// The model's heads as groups: classes with probability bars that one clicks or walks with the arrow keys; a head that
// gives a value is one row. Draws at most a few dozen rows of a head, however many classes it has.
//
// Shift and a click, or the field beside the head's name, asks why one class rather than another.
import { h, onChange, type Part, setAttributes, setText, uniqueId } from "./dom.ts";
import { formatNumber, formatPercent } from "./format.ts";
import { lockNote } from "./locks.ts";
import {
  ALL,
  type ClassHead,
  type ClassScores,
  type Head,
  type Predictions,
  type Target,
  type Truth,
  type ValueHead,
} from "./protocol.ts";
import { sentence } from "./sentences.ts";
import { createVersus } from "./versus.ts";

/** Up to here all classes are shown, in the model's order. */
const FEW = 12;
/** Of more classes the likeliest are shown. */
const TOP = 10;
/** True labels that are named beside the head's name. */
const NAMED = 3;
/** Rows that a search may find; more than `sw-many` shows at once scroll in their own frame. */
const FOUND = 40;

/** How many rows a head has while nothing is searched, and whether one can search. */
export function rowsOf(head: Head): { rows: number; filtered: boolean } {
  const count = head.kind === "value" ? 1 : head.classes.length;
  const all = count > 1 ? 1 : 0;
  return count > FEW ? { rows: TOP + all, filtered: true } : { rows: count + all, filtered: false };
}

interface Shown {
  predictions: Predictions;
  target: Target | null;
  /** The predictions are of the picture before. */
  old: boolean;
  truth?: Truth | undefined;
  /** Another class cannot be chosen. */
  locked?: boolean;
  /** No number is shown. */
  hidden?: boolean;
}

export function createHeads(
  select: (target: Target) => void,
  signal: AbortSignal,
): Part<Shown & { heads: readonly Head[] }> {
  const el = h("section", { class: "sw-heads", "aria-label": "Predictions" });
  const lock = lockNote();
  let parts: Part<Shown>[] = [];
  let lifetime = new AbortController();
  const build = onChange((heads: readonly Head[]) => {
    lifetime.abort();
    lifetime = new AbortController();
    const until = AbortSignal.any([signal, lifetime.signal]);
    parts = heads.map((head) =>
      head.kind === "value" ? valueHead(head, select, until) : classHead(head, select, until),
    );
    el.replaceChildren(lock, ...parts.map((part) => part.el));
  });
  return {
    el,
    update(state) {
      build(state.heads);
      el.classList.toggle("sw-old", state.old);
      el.classList.toggle("sw-veiled", state.hidden ?? false);
      el.classList.toggle("sw-fixed", state.locked ?? false);
      lock.hidden = !state.locked;
      for (const part of parts) {
        part.update(state);
      }
    },
  };
}

interface Group {
  el: HTMLElement;
  title: HTMLElement;
  list: HTMLElement;
  note: HTMLElement;
}

function group(head: Head, ...content: Node[]): Group {
  const id = uniqueId("head");
  const note = h("span", { class: "sw-head-note" });
  const title = h("div", { class: "sw-head-title" }, h("h3", { id, class: "sw-head-name" }, head.name), note);
  const remark = head.noted ? [h("p", { class: "sw-small" }, sentence(head.noted))] : [];
  const list = h("div", { class: "sw-list", role: "listbox", "aria-labelledby": id });
  return { el: h("div", { class: "sw-head" }, title, ...remark, ...content, list), title, list, note };
}

function optionRow(head: string, index: number | null, name: string): Row {
  const bar = h("i", { class: "sw-bar-fill" });
  const number = h("span", { class: "sw-option-number" });
  const el = h(
    "div",
    { class: "sw-option", role: "option", "data-head": head, "data-class": index ?? "", tabindex: -1 },
    h("span", { class: "sw-option-name", title: name }, name),
    h("span", { class: "sw-bar", "aria-hidden": "true" }, bar),
    number,
  );
  return { el, bar, number };
}

interface Row {
  el: HTMLElement;
  bar: HTMLElement;
  number: HTMLElement;
}

function valueHead(head: ValueHead, select: (target: Target) => void, signal: AbortSignal): Part<Shown> {
  const { el, list, note } = group(head);
  const row = optionRow(head.name, null, "value");
  row.el.classList.add("sw-option-value");
  row.el.tabIndex = 0;
  list.append(row.el);
  const choose = (): void => select({ head: head.name, index: null, versus: null });
  row.el.addEventListener("click", choose, { signal });
  row.el.addEventListener(
    "keydown",
    (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        choose();
      }
    },
    { signal },
  );
  return {
    el,
    update({ predictions, target, truth, locked, old }) {
      const found = predictions.heads?.[head.name];
      const value = found && "value" in found ? found.value : null;
      const inUnit = (text: string): string => (head.unit ? `${text} ${head.unit}` : text);
      setText(row.number, inUnit(value === null ? "–" : formatNumber(value)));
      const real = truth?.[head.name];
      const said = typeof real === "number" ? `in truth ${inUnit(formatNumber(real))}` : "";
      const off = said && value !== null && !old ? `, off by ${formatNumber(Math.abs(value - (real as number)))}` : "";
      setText(note, said + off);
      setAttributes(row.el, {
        "aria-selected": String(target?.head === head.name),
        "aria-disabled": locked ? "true" : null,
      });
    },
  };
}

function classHead(head: ClassHead, select: (target: Target) => void, signal: AbortSignal): Part<Shown> {
  const many = rowsOf(head).filtered;
  const filter = h("input", {
    type: "search",
    class: "sw-filter",
    placeholder: `Find one of ${head.classes.length} classes`,
    "aria-label": `Find a class of ${head.name}`,
  });
  const { el, title, list, note } = group(head, ...(many ? [filter] : []));
  list.classList.toggle("sw-many", many);
  const versus = createVersus(head, (index, other) => select({ head: head.name, index, versus: other }), signal);
  title.append(versus.el);
  const all = h(
    "button",
    {
      type: "button",
      class: "sw-all",
      "data-head": head.name,
      "data-class": ALL,
      "aria-label": `All outputs of ${head.name}`,
    },
    "All outputs",
  );
  all.addEventListener("click", () => select({ head: head.name, index: ALL, versus: null }), { signal });
  if (head.classes.length > 1) {
    el.append(all);
  }
  const rows = new Map<number, Row>();
  const lower = many ? head.classes.map((name) => name.toLowerCase()) : [];
  let shown: number[] = [];
  let seen: number | null = null;
  let last: Shown = { predictions: {}, target: null, old: false };

  const scoresOf = (): ClassScores | null => {
    const found = last.predictions.heads?.[head.name];
    return found && "probabilities" in found ? found : null;
  };
  /** Orders classes, the likeliest first; logits tell apart what the softmax has made equal. */
  const likelier = (a: number, b: number): number => {
    const { probabilities: p, logits } = scoresOf() ?? { probabilities: [], logits: [] };
    return (p[b] ?? 0) - (p[a] ?? 0) || (logits[b] ?? 0) - (logits[a] ?? 0) || a - b;
  };
  /** The classes that are true, as far as somebody knows. */
  const real = (): readonly number[] => [last.truth?.[head.name] ?? []].flat();
  const chosen = (): number | null => (last.target?.head === head.name ? last.target.index : null);
  const against = (): number | null => (last.target?.head === head.name ? last.target.versus : null);

  /** Indices of the classes to draw, in order. */
  function wanted(): { indices: number[]; more: number } {
    if (!many) {
      return { indices: head.classes.map((_, i) => i), more: 0 };
    }
    const text = filter.value.trim().toLowerCase();
    const found = [...head.classes.keys()].filter((i) => text === "" || lower[i]?.includes(text));
    found.sort(likelier);
    const indices = found.slice(0, text === "" ? TOP : FOUND);
    // A chosen class never disappears from its list, nor does a true label, unless a search is on.
    for (const index of [chosen(), against(), ...(head.kind === "labels" ? real() : [])]) {
      if (text === "" && index !== null && index !== ALL && !indices.includes(index)) {
        indices.push(index);
      }
    }
    return { indices, more: found.length - indices.length };
  }

  /** Scrolls the list, never the notebook, and only where something changed: a hand may be scrolling. */
  function keepInSight(index: number | null): void {
    const row = index === null ? undefined : rows.get(index)?.el;
    if (row === undefined) {
      list.scrollTop = 0;
      return;
    }
    const top = row.offsetTop;
    list.scrollTop = Math.min(top, Math.max(list.scrollTop, top + row.offsetHeight - list.clientHeight));
  }

  function redraw(): void {
    const { indices, more } = wanted();
    const moved = indices.length !== shown.length || indices.some((index, i) => index !== shown[i]);
    if (moved) {
      shown = indices;
      const focused = [...rows].find(([, row]) => row.el === document.activeElement)?.[0];
      for (const index of rows.keys()) {
        if (!indices.includes(index)) {
          rows.delete(index);
        }
      }
      for (const index of indices) {
        if (!rows.has(index)) {
          rows.set(index, optionRow(head.name, index, head.classes[index] ?? String(index)));
        }
      }
      list.replaceChildren(...indices.map((index) => (rows.get(index) as Row).el));
      // Moving an element takes the focus from it.
      rows.get(focused ?? -1)?.el.focus();
    }
    const top = more > 0 ? (filter.value ? `${more} more found` : `top ${TOP} of ${head.classes.length}`) : "";
    const alone = head.kind === "labels" ? "each on its own" : "";
    const known = last.truth?.[head.name] !== undefined;
    const those = real();
    const names = those.slice(0, NAMED).map((index) => head.classes[index] ?? index);
    const others = those.length > NAMED ? ` and ${those.length - NAMED} more` : "";
    const truth = known ? `in truth ${names.join(", ") || "none"}${others}` : "";
    const said = indices.length === 0 ? "none found" : top || alone;
    setText(note, [truth, said].filter(Boolean).join(" · "));
    const scores = scoresOf();
    const selected = chosen();
    const other = against();
    const stop = selected !== null && indices.includes(selected) ? selected : indices[0];
    // Of all classes, whatever a search has found.
    const best = head.classes.reduce((first, _, i) => (likelier(i, first) < 0 ? i : first), 0);
    for (const [index, row] of rows) {
      const p = scores?.probabilities[index];
      row.el.tabIndex = index === stop ? 0 : -1;
      // Of labels several may be true, or none.
      const likely = head.kind === "labels" ? (p ?? 0) >= 0.5 : p !== undefined && index === best;
      row.el.classList.toggle("sw-best", likely);
      row.el.classList.toggle("sw-against", index === other);
      const isTrue = those.includes(index);
      const now = known && !last.old && p !== undefined;
      const wrong = now && !isTrue && likely;
      const missed = now && isTrue && !likely && head.kind === "labels";
      row.el.classList.toggle("sw-true", isTrue);
      row.el.classList.toggle("sw-wrong", wrong || missed);
      const remarks = [
        index === other && "compared against",
        isTrue && "true",
        missed && "missed",
        wrong && "not true",
      ];
      setAttributes(row.el, {
        "aria-description": remarks.filter(Boolean).join(", ") || null,
        "aria-disabled": last.locked ? "true" : null,
      });
      row.bar.style.transform = `scaleX(${p ?? 0})`;
      setText(row.number, p === undefined ? "–" : formatPercent(p));
      setAttributes(row.el, { "aria-selected": String(index === selected) });
    }
    if (many && (moved || selected !== seen)) {
      seen = selected;
      keepInSight(selected);
    }
    all.disabled = last.locked ?? false;
    setAttributes(all, { "aria-pressed": String(selected === ALL) });
    versus.update({ chosen: selected, against: other, shown: indices, locked: all.disabled });
  }

  const choose = (index: number): void => {
    rows.get(index)?.el.focus();
    select({ head: head.name, index, versus: null });
  };
  const indexOf = (node: EventTarget | null): number | undefined =>
    shown.find((index) => rows.get(index)?.el.contains(node as Node | null));
  list.addEventListener(
    "click",
    (event) => {
      const index = indexOf(event.target);
      const first = chosen();
      if (index !== undefined && event.shiftKey && first !== null && first !== ALL && first !== index) {
        select({ head: head.name, index: first, versus: index });
      } else if (index !== undefined) {
        choose(index);
      }
    },
    { signal },
  );
  // Shift and a click would mark the text from the last one to here.
  list.addEventListener("mousedown", (event) => event.shiftKey && event.preventDefault(), { signal });
  list.addEventListener(
    "keydown",
    (event) => {
      const index = indexOf(event.target);
      if (index === undefined) {
        return;
      }
      const at = shown.indexOf(index);
      const to = {
        ArrowDown: at + 1,
        ArrowRight: at + 1,
        ArrowUp: at - 1,
        ArrowLeft: at - 1,
        Home: 0,
        End: shown.length - 1,
        Enter: at,
        " ": at,
      }[event.key];
      if (to === undefined) {
        return;
      }
      event.preventDefault();
      const next = shown[Math.min(shown.length - 1, Math.max(0, to))];
      if (next !== undefined && (next !== index || to === at)) {
        choose(next);
      }
    },
    { signal },
  );
  filter.addEventListener("input", redraw, { signal });
  filter.addEventListener(
    "keydown",
    (event) => {
      if (event.key === "ArrowDown" && shown[0] !== undefined) {
        event.preventDefault();
        rows.get(shown[0])?.el.focus();
      } else if (event.key === "Enter" && filter.value !== "" && shown[0] !== undefined) {
        event.preventDefault();
        select({ head: head.name, index: shown[0], versus: null });
      } else if (event.key === "Escape" && filter.value !== "") {
        // The search is what this Esc ends, not the job.
        event.stopPropagation();
        filter.value = "";
        redraw();
      }
    },
    { signal },
  );
  return {
    el,
    update(state) {
      last = state;
      redraw();
    },
  };
}
