// Single controls (slider, choice, checkbox) with a label, drawn from a description; asks nobody anything.
import { h, setAttributes, uniqueId } from "./dom.ts";
import type { Param, Params, ParamValue } from "./protocol.ts";

export interface Control<T> {
  readonly el: HTMLElement;
  set(value: T): void;
  setDisabled(disabled: boolean): void;
}

/** `live` while a slider moves; the last call of a gesture has it false. */
type Changed<T> = (value: T, live: boolean) => void;

interface Range {
  label: string;
  help?: string | undefined;
  min: number;
  max: number;
  step: number;
  log?: boolean;
  /** Whole numbers only. */
  whole?: boolean;
}

const POSITIONS = 1000;

/** Where a value stands on the slider, 0..1000, and back. */
export function toPosition(value: number, { min, max, log }: Range): number {
  const share = log && min > 0 ? Math.log(value / min) / Math.log(max / min) : (value - min) / (max - min);
  return Math.round(POSITIONS * Math.min(1, Math.max(0, share)));
}

export function fromPosition(position: number, range: Range): number {
  const { min, max, log } = range;
  const share = position / POSITIONS;
  return settle(log && min > 0 ? min * (max / min) ** share : min + share * (max - min), range);
}

/** The nearest value that the range allows. */
export function settle(value: number, { min, max, step, log, whole }: Range): number {
  const inside = Math.min(max, Math.max(min, value));
  if (whole) {
    const stepped = log ? Math.round(inside) : min + Math.round((inside - min) / step) * step;
    return Math.min(max, stepped);
  }
  // A logarithmic slider has no even steps: two digits are what a hand can mean.
  const rounded = log
    ? Number(inside.toPrecision(2))
    : Number((min + Math.round((inside - min) / step) * step).toPrecision(10));
  return Math.min(max, Math.max(min, rounded));
}

/** What was typed is kept to the last digit where the slider has no even steps. */
function settleTyped(value: number, range: Range): number {
  return range.log && !range.whole
    ? Math.min(range.max, Math.max(range.min, value))
    : settle(value, { ...range, log: false });
}

/** As a field takes it: "0.15", but "1e-6", since six zeros do not fit. */
const typed = (value: number): string =>
  value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential() : String(value);

/** "epsilon_plus_flat" as people write it. */
const words = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ");

function row(label: string, id: string, help: string | undefined, ...fields: Node[]): HTMLElement {
  const name = h("label", { class: "sw-label", for: id, title: help || null }, label);
  return h("div", { class: "sw-row" }, name, ...fields);
}

export function slider(range: Range, changed: Changed<number>, signal: AbortSignal): Control<number> {
  const id = uniqueId("field");
  const track = h("input", {
    type: "range",
    class: "sw-range",
    min: 0,
    max: POSITIONS,
    step: 1,
    "aria-label": range.label,
  });
  const field = h("input", {
    type: "number",
    class: "sw-number",
    id,
    min: range.min,
    max: range.max,
    step: range.whole ? 1 : "any",
    title: range.help || null,
  });
  const show = (value: number): void => {
    const position = toPosition(value, range);
    track.value = String(position);
    track.style.setProperty("--sw-fill", `${position / 10}%`);
    setAttributes(track, { "aria-valuetext": String(value) });
  };
  const slid = (live: boolean) => () => {
    const value = fromPosition(Number(track.value), range);
    field.value = typed(value);
    track.style.setProperty("--sw-fill", `${Number(track.value) / 10}%`);
    setAttributes(track, { "aria-valuetext": String(value) });
    changed(value, live);
  };
  track.addEventListener("input", slid(true), { signal });
  track.addEventListener("change", slid(false), { signal });
  // One step of the arrow keys is one step of the parameter, not a thousandth of the slider.
  const arrows = (event: KeyboardEvent): void => {
    const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    if (by === undefined) {
      return;
    }
    event.preventDefault();
    const now = fromPosition(Number(track.value), range);
    let next = settle(now + by * range.step, range);
    if (range.log) {
      const factor = settle(now * 1.1 ** by, range);
      next = factor === now ? settle(now + by * range.step, range) : factor;
    }
    field.value = typed(next);
    show(next);
    changed(next, false);
  };
  track.addEventListener("keydown", arrows, { signal });
  field.addEventListener(
    "change",
    () => {
      const entered = field.valueAsNumber;
      const value = settleTyped(Number.isFinite(entered) ? entered : range.min, range);
      field.value = typed(value);
      show(value);
      changed(value, false);
    },
    { signal },
  );
  return {
    el: row(range.label, id, range.help, track, field),
    set(value) {
      // While a hand is on it the control knows better.
      if (field.ownerDocument.activeElement !== field) {
        field.value = typed(value);
      }
      if (fromPosition(Number(track.value), range) !== value) {
        show(value);
      }
    },
    setDisabled(disabled) {
      track.disabled = disabled;
      field.disabled = disabled;
    },
  };
}

export interface Option {
  value: string;
  label: string;
  disabled?: boolean;
  title?: string | null;
  /** Options of one group stand under its name; groups come in the order of their first options. */
  group?: string;
}

/** The options as elements, those with a group inside of it. */
function optionElements(options: readonly Option[]): HTMLElement[] {
  const groups = new Map<string, HTMLElement>();
  const top: HTMLElement[] = [];
  for (const { value, label, disabled, title, group } of options) {
    const option = h("option", { value, disabled: disabled ?? false, title: title ?? null }, label);
    const known = group === undefined ? undefined : groups.get(group);
    if (known !== undefined) {
      known.append(option);
    } else if (group !== undefined) {
      const made = h("optgroup", { label: group }, option);
      groups.set(group, made);
      top.push(made);
    } else {
      top.push(option);
    }
  }
  return top;
}

export function choice(
  given: { label: string; help?: string | undefined; options: readonly Option[]; name?: string },
  changed: Changed<string>,
  signal: AbortSignal,
): Control<string> & { setOptions(options: readonly Option[]): void } {
  const id = uniqueId("field");
  const select = h("select", {
    class: "sw-select",
    id,
    title: given.help || null,
    "data-field": given.name ?? null,
  });
  const setOptions = (options: readonly Option[]): void => {
    const kept = select.value;
    select.replaceChildren(...optionElements(options));
    select.value = kept;
  };
  setOptions(given.options);
  select.addEventListener("change", () => changed(select.value, false), { signal });
  const shell = h("span", { class: "sw-select-shell" }, select);
  return {
    el: row(given.label, id, given.help, shell),
    setOptions,
    set(value) {
      if (select.value !== value) {
        select.value = value;
      }
    },
    setDisabled(disabled) {
      select.disabled = disabled;
    },
  };
}

export function checkbox(
  given: { label: string; help?: string | undefined },
  changed: Changed<boolean>,
  signal: AbortSignal,
): Control<boolean> {
  const input = h("input", { type: "checkbox", class: "sw-check" });
  input.addEventListener("change", () => changed(input.checked, false), { signal });
  const label = h("label", { class: "sw-check-label", title: given.help || null }, input, given.label);
  return {
    el: h("div", { class: "sw-row sw-row-check" }, label),
    set(value) {
      input.checked = value;
    },
    setDisabled(disabled) {
      input.disabled = disabled;
    },
  };
}

/** The control of one method parameter. A slider's moves are reported too: whoever listens waits for its rest. */
export function paramControl(
  param: Param,
  changed: (value: ParamValue) => void,
  signal: AbortSignal,
): Control<ParamValue> {
  const { label, help } = param;
  if (param.kind === "bool") {
    const made = checkbox({ label, help }, changed, signal);
    return { ...made, set: (value) => made.set(value === true) };
  }
  if (param.kind === "choice") {
    const options = (param.choices ?? []).map((value) => ({ value, label: words(value) }));
    const made = choice({ label, help, options, name: param.name }, changed, signal);
    return { ...made, set: (value) => made.set(String(value)) };
  }
  const whole = param.kind === "int";
  const min = param.min ?? 0;
  const max = param.max ?? Math.max(1, 10 * (Number(param.default) || 0));
  const step = param.step ?? (whole ? 1 : (max - min) / 100);
  const range = { label, help, min, max, step, whole, log: param.log === true };
  const made = slider(range, changed, signal);
  return { ...made, set: (value) => made.set(Number(value)) };
}

export function isDefault(params: readonly Param[], values: Params): boolean {
  return params.every((p) => (values[p.name] ?? p.default) === p.default);
}
