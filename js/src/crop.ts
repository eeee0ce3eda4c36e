// A crop that moves over a picture, by hand or by itself: one of the sources of live pictures.
import { checkbox, slider } from "./controls.ts";
import { h } from "./dom.ts";
import type { Source } from "./source.ts";

/** Share of the picture's shorter side, in percent. */
const SIZE = 60;
/** Milliseconds in which the crop drifts once there and back; no whole ratio, so that its way does not close soon. */
const PERIODS = [7300, 11_900] as const;
/** How far an arrow key moves it, as a share of its way. */
const KEY_STEP = 0.05;

const KEYS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-KEY_STEP, 0],
  ArrowRight: [KEY_STEP, 0],
  ArrowUp: [0, -KEY_STEP],
  ArrowDown: [0, KEY_STEP],
};

/** Left, top, width and height of a crop; `at` says where it is between its two ends, 0 to 1, across and down. */
export function cropBox(
  [width, height]: readonly [number, number],
  aspect: number,
  share: number,
  at: readonly [number, number],
): [number, number, number, number] {
  const w = Math.max(1, share * Math.min(width, height * aspect));
  const ht = Math.max(1, w / aspect);
  return [at[0] * (width - w), at[1] * (height - ht), w, ht];
}

/** Where the crop is after so many milliseconds of drifting, 0 to 1 across and down. */
export function drift(ms: number): [number, number] {
  const wave = (period: number): number => 0.5 + 0.5 * Math.sin((2 * Math.PI * ms) / period);
  return [wave(PERIODS[0]), wave(PERIODS[1])];
}

/** A crop of the shape (width / height) of the model's input. */
export function openCrop(bitmap: ImageBitmap, aspect: number, signal: AbortSignal): Source {
  const whole = [bitmap.width, bitmap.height] as const;
  const still = globalThis.matchMedia?.("(prefers-reduced-motion: reduce)").matches ?? false;
  const lifetime = new AbortController();
  const until = AbortSignal.any([signal, lifetime.signal]);
  let at: [number, number] = drift(0);
  let share = SIZE / 100;
  let drifting = !still;
  let drifted = 0;
  let before: number | null = null;
  let fresh = true;

  const picture = h("canvas", { class: "sw-crop-picture", width: whole[0], height: whole[1] });
  picture.getContext("2d")?.drawImage(bitmap, 0, 0);
  const frame = h("div", {
    class: "sw-crop-box",
    tabindex: 0,
    role: "group",
    "aria-roledescription": "movable crop",
    "aria-label": "Crop: drag it, or move it with the arrow keys",
  });
  const pad = h("div", { class: "sw-crop-pad" }, picture, frame);
  const wander = checkbox({ label: "Drift" }, (on) => turn(on), until);
  const size = slider(
    { label: "Size", min: 20, max: 100, step: 1, whole: true, help: "Of the crop, in percent of the picture" },
    (value) => {
      share = value / 100;
      place();
    },
    until,
  );
  wander.set(drifting);
  size.set(SIZE);
  const el = h("div", { class: "sw-crop" }, pad, h("div", { class: "sw-params" }, size.el, wander.el));

  const box = (): [number, number, number, number] => cropBox(whole, aspect, share, at);

  function place(): void {
    fresh = true;
    const [left, top, width, height] = box();
    const percent = (part: number, of: number): string => `${(100 * part) / of}%`;
    frame.style.left = percent(left, whole[0]);
    frame.style.top = percent(top, whole[1]);
    frame.style.width = percent(width, whole[0]);
    frame.style.height = percent(height, whole[1]);
  }

  function turn(on: boolean): void {
    drifting = on;
    before = null;
    wander.set(on);
  }

  function move(x: number, y: number): void {
    turn(false);
    at = [Math.min(1, Math.max(0, x)), Math.min(1, Math.max(0, y))];
    place();
  }

  let held: { x: number; y: number } | null = null;
  const drag = (event: PointerEvent): void => {
    if (held === null) {
      return;
    }
    const shown = pad.getBoundingClientRect();
    const [, , width, height] = box();
    const way = (moved: number, total: number, full: number, part: number): number =>
      full === part ? 0.5 : (moved / total) * (full / (full - part));
    move(
      way(event.clientX - shown.left - held.x, shown.width, whole[0], width),
      way(event.clientY - shown.top - held.y, shown.height, whole[1], height),
    );
  };
  pad.addEventListener(
    "pointerdown",
    (event) => {
      const grabbed = frame.getBoundingClientRect();
      const inside = event.target === frame;
      // A press beside the crop brings its middle there.
      held = inside
        ? { x: event.clientX - grabbed.left, y: event.clientY - grabbed.top }
        : { x: grabbed.width / 2, y: grabbed.height / 2 };
      pad.setPointerCapture(event.pointerId);
      frame.focus();
      event.preventDefault();
      drag(event);
    },
    { signal: until },
  );
  pad.addEventListener("pointermove", drag, { signal: until });
  for (const name of ["pointerup", "pointercancel"] as const) {
    pad.addEventListener(name, () => (held = null), { signal: until });
  }
  frame.addEventListener(
    "keydown",
    (event) => {
      const by = KEYS[event.key];
      if (by !== undefined) {
        event.preventDefault();
        move(at[0] + by[0], at[1] + by[1]);
      }
    },
    { signal: until },
  );
  place();

  return {
    kind: "crop",
    label: "Crop",
    el,
    size: () => {
      const [, , width, height] = box();
      return [width, height];
    },
    moved(now) {
      if (drifting) {
        drifted += Math.min(100, now - (before ?? now)); // no leap after a pause
        before = now;
        at = drift(drifted);
        place();
      }
      return fresh;
    },
    draw(context) {
      fresh = false;
      context.drawImage(bitmap, ...box(), 0, 0, context.canvas.width, context.canvas.height);
    },
    close: () => lifetime.abort(),
  };
}
