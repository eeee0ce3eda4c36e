// The part "Paint to occlude": brush, fill, what of the map is hidden, and how every head's scores move; the mask and its
// job are the easel's concern.
import { choice, slider } from "./controls.ts";
import { h, onChange, type Part, setAttributes, setText } from "./dom.ts";
import { Easel, type Fill } from "./easel.ts";
import { formatNumber } from "./format.ts";
import type { Brush } from "./linked.ts";
import { isLocked } from "./locks.ts";
import { createBars } from "./paintbars.ts";
import { changeText, scoreOf, scoreUnit, targetOr } from "./paintscores.ts";
import type { Picture, Sign } from "./protocol.ts";
import type { Session } from "./session.ts";
import { type SessionState, shownPicture } from "./state.ts";
import { targetLabel } from "./targets.ts";
import { Timers } from "./timers.ts";
import { createVeils, veilOf } from "./veil.ts";
import type { Bench } from "./workshop.ts";

const FILLS = [
  { value: "blur", label: "Blur" },
  { value: "mean", label: "Mean colour" },
  { value: "black", label: "Black" },
  { value: "noise", label: "Noise" },
  { value: "inpaint", label: "Surroundings (inpaint)" },
];
/** Of the shorter side of what the model sees, in percent. */
const SIZE = 14;
const BIGGER = 1.25;
/** Milliseconds after which a screen reader is told what came out. */
const SAID_AFTER = 600;

const TOP: Readonly<Record<Sign, string>> = {
  signed: "Top: the highest signed values, what speaks most for it",
  positive: "Top: the highest positive values, what speaks most for it",
  negative: "Top: the largest negative values, what speaks most against it",
  absolute: "Top: the largest absolute values, for and against alike",
};
const KEYS =
  "Drag on the picture. By key: arrows move the crosshair, Enter or Space paints there, U or Ctrl+Z undoes, E erases, [ and ] change the size.";

export function createPaint(session: Session, bench: Bench, signal: AbortSignal): Part<SessionState> {
  const { linked, stage, aside } = bench;
  const button = (text: string): HTMLButtonElement => h("button", { type: "button", class: "sw-button" }, text);
  const [brushing, erasing, back, clear] = [button("Paint"), button("Erase"), button("Undo"), button("Clear")];
  const keep = button("Explain the painted picture");
  const line = h("p", { class: "sw-paint-line" });
  const amount = h("p", { class: "sw-small" });
  const said = h("p", { class: "sw-hidden", role: "status", "aria-live": "polite" });
  const about = h("p", { class: "sw-small" });
  const alert = h("p", { class: "sw-reserve sw-warning", role: "alert", hidden: true });
  const bars = createBars();
  const timers = new Timers(signal);
  const shell = aside.closest("details");
  aside.classList.add("sw-live-rate", "sw-paint-aside");

  let easel: Easel | null = null;
  let erase = false;
  let percent = SIZE;
  let fill = "blur";
  let busy = false;
  let wanted: string | null = null;
  let state = session.store.get();

  const fillWith = (): Fill => ({ fill, seed: state.choice.seed });
  const radius = (): number => {
    const [l, t, r, b] = easel?.picture.box ?? [0, 0, 1, 1];
    return (percent / 200) * Math.min(Math.abs(r - l), Math.abs(b - t));
  };

  // The brush

  const hand: Omit<Brush, "radius"> = {
    touch(phase, at) {
      busy = phase === "down" || phase === "move";
      if (phase === "down") {
        release();
        easel?.down(at, radius(), erase);
      } else if (phase === "move") {
        easel?.move(at, radius(), erase);
      } else if (phase === "up") {
        easel?.up();
      } else {
        easel?.undo();
      }
      show();
    },
    key({ key, ctrlKey, metaKey, altKey, shiftKey }) {
      const chord = ctrlKey || metaKey;
      if (altKey || (chord && (key.toLowerCase() !== "z" || shiftKey))) {
        return false;
      }
      const { cursor } = linked.get();
      if (key === "Enter" || key === " ") {
        if (cursor === null) {
          linked.set({ cursor: middle(), under: null });
        } else {
          release();
          easel?.down(cursor, radius(), erase);
          easel?.up();
        }
      } else if (key === "u" || chord) {
        undo();
      } else if (key === "e") {
        take(true, !erase);
      } else if (key === "[" || key === "]") {
        resize(percent * (key === "]" ? BIGGER : 1 / BIGGER));
      } else {
        return false;
      }
      return true;
    },
  };
  const grip = (): Brush => ({ ...hand, radius: radius() });
  const middle = (): readonly [number, number] => {
    const [l, t, r, b] = easel?.picture.box ?? [0, 0, 0, 0];
    return [(l + r) / 2, (t + b) / 2];
  };

  /** Takes the brush, to paint or to erase, or lays it down. */
  function take(on: boolean, rubber: boolean): void {
    erase = rubber;
    linked.set({ tool: on ? "brush" : "pan", brush: on ? grip() : null, draft: null });
    if (on) {
      easel?.begin();
    }
    show();
  }

  function resize(to: number): void {
    percent = Math.min(60, Math.max(2, Math.round(to)));
    size.set(percent);
    linked.set({ brush: linked.get().brush === null ? null : grip() });
  }

  function undo(): void {
    release();
    easel?.undo();
    show();
  }

  // What the map says

  /** The sliders go back to where they hide nothing: what is hidden is no longer what they say. */
  function release(): void {
    moving = null;
    hide.set(0);
    only.set(100);
  }
  let moving: "hide" | "only" | null = null;
  const byMap = (which: "hide" | "only") => (value: number, live: boolean) => {
    const field = stage.layer()?.field;
    if (easel === null || field === undefined) {
      return;
    }
    if (moving !== which) {
      easel.mark();
      moving = which;
    }
    (which === "hide" ? only : hide).set(which === "hide" ? 100 : 0);
    busy = live;
    easel.byMap(field, value / 100, which === "only");
    if (!live) {
      moving = null;
      easel.up();
    }
    show();
  };

  const size = slider(
    { label: "Brush size", min: 2, max: 60, step: 1, whole: true, help: "In percent of the picture's shorter side" },
    resize,
    signal,
  );
  const fills = choice(
    { label: "Replace by", options: FILLS, name: "fill", help: "What stands where the picture is hidden" },
    (value) => {
      fill = value;
      easel?.use(fillWith());
    },
    signal,
  );
  const percents = { min: 0, max: 100, step: 1, whole: true };
  const hide = slider({ label: "Hide the top %", ...percents, help: "Of the map's pixels" }, byMap("hide"), signal);
  const only = slider(
    { label: "Show only the top %", ...percents, help: "Of the map's pixels" },
    byMap("only"),
    signal,
  );
  size.set(SIZE);
  fills.set(fill);
  hide.set(0);
  only.set(100);

  const on = (target: HTMLElement, run: () => void): void => target.addEventListener("click", run, { signal });
  const holds = (): boolean => linked.get().tool === "brush";
  on(brushing, () => take(!holds() || erase, false));
  on(erasing, () => take(!(holds() && erase), !(holds() && erase)));
  on(back, undo);
  on(clear, () => {
    release();
    easel?.clear();
  });
  on(keep, () => easel?.keep());

  const el = h(
    "div",
    { class: "sw-paint-body" },
    h("div", { class: "sw-live-sources" }, brushing, erasing, back, clear),
    h("p", { class: "sw-small" }, KEYS),
    h("div", { class: "sw-params" }, size.el, fills.el, hide.el, only.el),
    about,
    alert,
    said,
    h("div", { class: "sw-live-sources" }, keep),
  );

  // What is shown

  /** What came out stands under the picture: the panel is long, and eyes are where the brush is. */
  const results = h("section", { class: "sw-paint-results", "aria-label": "Painted over" }, line, amount, bars.el);
  let drawing = 0;
  /** All that painting moves, once for each frame. */
  function show(): void {
    if (drawing === 0 && !signal.aborted) {
      drawing = requestAnimationFrame(() => {
        drawing = 0;
        draw();
      });
    }
  }
  const lay = createVeils(stage.figure);
  let veil: ImageData | null = null;
  signal.addEventListener("abort", () => {
    cancelAnimationFrame(drawing);
    take(false, false);
    veil = null;
    cover();
    results.remove();
  });
  const renew = onChange((drawn: Easel | null, _strokes: number) => {
    veil = drawn === null || drawn.empty ? null : veilOf(drawn);
  });
  const cover = (): void => {
    if (easel !== null) {
      lay(veil, [easel.picture.width, easel.picture.height], easel.grid, linked.get());
    }
  };
  let strokes = 0;

  function headline(): string[] {
    const { card, choice: chosen } = state;
    const target = targetOr(chosen.target, easel?.before ?? null, card.heads);
    const { before = null, after = null } = easel ?? {};
    if (target === null || before === null || after === null) {
      setText(aside, "");
      return [];
    }
    const of = (what: typeof before): number => scoreOf(what, card.heads, target, chosen.score) ?? Number.NaN;
    const unit = scoreUnit(target, card.heads, chosen.score);
    const change = `${changeText(of(before), of(after))} ${unit}`.trim();
    const name = targetLabel(target, card.heads);
    setText(aside, `${name} ${change}`);
    setAttributes(results, { "data-before": of(before), "data-after": of(after) });
    return [`${name} ${change}`, `${formatNumber(of(before))} → ${formatNumber(of(after))}`];
  }

  function draw(): void {
    const { card, choice: chosen, live } = state;
    const open = shell?.open ?? true;
    const able = easel !== null && live === null;
    const painted = easel !== null && !easel.empty;
    renew(open && live === null ? easel : null, strokes);
    cover();
    const first = headline();
    const share = easel === null ? 0 : 100 * easel.hidden;
    if (!results.isConnected) {
      stage.figure.after(results);
    }
    results.hidden = !(open && painted);
    const [what = "", ...numbers] = first;
    setText(line, what);
    const much = `${share < 0.1 ? "< 0.1" : share.toFixed(1)} % of what the model sees is hidden`;
    setText(amount, [...numbers, much].join(" · "));
    setAttributes(results, {
      "data-n": easel?.answered ?? 0,
      "data-sent": easel?.sent ?? 0,
      "data-hidden": (share / 100).toFixed(5),
    });
    results.classList.toggle("sw-waits", easel?.waits ?? false);
    if (what !== "" && !busy) {
      timers.later("say", SAID_AFTER, () => setText(said, first.join(", ")));
    }
    bars.update({
      heads: card.heads,
      target: chosen.target,
      score: chosen.score,
      before: easel?.before ?? null,
      after: easel?.after ?? null,
      busy,
    });
    const problem = live !== null ? "Not while live: its picture moves." : (easel?.problem ?? "");
    alert.hidden = problem === "";
    setText(alert, problem);
    const field = able && !stage.showsPicture() ? (stage.layer()?.field ?? null) : null;
    const mapped = field !== null && !field.nothing;
    hide.setDisabled(!mapped);
    only.setDisabled(!mapped);
    setText(about, mapped ? `${TOP[state.display.sign]}, of the map as it is drawn.` : "There is no map to go by.");
    setAttributes(brushing, { "aria-pressed": String(holds() && !erase) });
    setAttributes(erasing, { "aria-pressed": String(holds() && erase) });
    enable(back, able && (easel?.canUndo ?? false));
    enable(clear, able && painted);
    enable(keep, able && painted && wanted === null && !isLocked(state, "image"));
    brushing.disabled = !able;
    erasing.disabled = !able;
  }

  /** A focused button that cannot be pressed any more would drop the focus to the top of the page. */
  function enable(target: HTMLButtonElement, able: boolean): void {
    if (!able && document.activeElement === target) {
      brushing.focus();
    }
    target.disabled = !able;
  }

  const changed = (): void => {
    strokes += 1;
    if (easel?.kept) {
      wanted = easel.kept;
      easel.kept = null;
      follow();
    }
    show();
  };
  /** Goes to the painted picture once the page knows of it. */
  function follow(): void {
    const at = wanted === null ? -1 : state.images.findIndex(({ id }) => id === wanted);
    if (at >= 0) {
      wanted = null;
      session.setImage(at);
    }
  }

  const turn = onChange((_id: string | null, _model: string | undefined, picture: Picture | null) => {
    const before = easel;
    easel?.end();
    easel = picture === null ? null : new Easel(session, picture, fillWith(), changed, signal);
    release();
    if (before !== null) {
      easel?.takeOver(before);
    }
    if (linked.get().brush !== null) {
      linked.set({ brush: grip() });
      easel?.begin();
    }
  });
  linked.subscribe(({ tool }) => {
    cover();
    if (tool !== "brush" && linked.get().brush !== null) {
      linked.set({ brush: null });
      show();
    }
  }, signal);
  shell?.addEventListener(
    "toggle",
    () => {
      if (!shell.open) {
        if (holds()) {
          take(false, false);
        }
        easel?.end();
      }
      show();
    },
    { signal },
  );
  signal.addEventListener("abort", () => easel?.end());

  let current: Picture | null = null;
  let painter: string | undefined;
  return {
    el,
    update(next) {
      state = next;
      const picture = shownPicture(next);
      const { model } = next.choice;
      current = picture?.id === current?.id && model === painter ? current : picture;
      painter = model;
      turn(current?.id ?? null, model, current);
      easel?.use(fillWith());
      follow();
      if (next.live !== null && holds()) {
        take(false, false);
      }
      draw();
    },
  };
}
