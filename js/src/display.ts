// How the map is drawn: colours, sign, scale, smoothing, clipping, and what its mode needs. All in the page; the kernel
// is asked for nothing but other channels (channels.ts).
import { COLORMAPS, colormapFor } from "./colour.ts";
import { choice, type Option, slider } from "./controls.ts";
import { h, onChange, type Part } from "./dom.ts";
import { lockNote } from "./locks.ts";
import type { Channels, CurveName, Display, Mode, Sign } from "./protocol.ts";
import { signLabels } from "./sentences.ts";

interface Shown {
  display: Display;
  /** What is explained is a value and no class. */
  ofValue: boolean;
  /** The Gaussian that is drawn, in pixels of the model's input: contour lines have a smallest one. */
  sigma: number;
  locked?: boolean;
}

interface Actions {
  change(patch: Partial<Display>): void;
  /** A radius is being chosen. */
  smoothing(sigma: number): void;
}

const CURVES: readonly Option[] = [
  { value: "linear", label: "Linear" },
  { value: "sqrt", label: "Square root" },
  { value: "rank", label: "Rank" },
];
const CHANNELS: readonly Option[] = [
  { value: "sum", label: "Sum" },
  { value: "max", label: "The strongest" },
  { value: "norm", label: "Norm" },
];
const CLIPS: readonly Option[] = [
  { value: "percentile", label: "Percentile" },
  { value: "mass", label: "Share of the evidence" },
];
const RESTS: readonly Option[] = [
  { value: "blur", label: "Blurred" },
  { value: "dim", label: "Dimmed" },
];

/** Modes that lay something on the picture, which may be more or less opaque. */
const LAID: readonly Mode[] = ["overlay", "mask", "contours"];

export function createDisplay({ change, smoothing }: Actions, open: boolean, signal: AbortSignal): Part<Shown> {
  const select = (label: string, name: string, options: readonly Option[], take: (value: string) => void, help = "") =>
    choice({ label, options, name, help }, take, signal);
  const range = (
    label: string,
    [min, max, step]: readonly [number, number, number],
    help: string,
    take: (value: number) => void,
  ) => slider({ label, min, max, step, whole: step === 1, help }, take, signal);

  const sign = select("Sign", "sign", [], (value) => change({ sign: value as Sign }));
  const channels = select(
    "Channels",
    "channels",
    CHANNELS,
    (value) => change({ channels: value as Channels }),
    "How the channels of the model's input become one number for each pixel, before the sign is taken",
  );
  const colormap = select("Colours", "colormap", [], (value) => change({ colormap: value }));
  const opacity = range("Opacity", [0, 100, 1], "Of the map over the picture, in percent", (value) =>
    change({ opacity: value / 100 }),
  );
  const mask = range(
    "Threshold",
    [0, 99.9, 0.1],
    "The picture is shown where the map's absolute values are at or above this percentile",
    (value) => change({ mask: value }),
  );
  const rest = select("The rest", "rest", RESTS, (value) => change({ rest: value as Display["rest"] }));
  const levels = range(
    "Lines",
    [1, 8, 1],
    "Contour lines on each side of zero, at even steps of the colour scale",
    (n) => change({ levels: n }),
  );
  const smooth = range(
    "Smoothing",
    [0, 10, 0.1],
    "Standard deviation of a Gaussian, in pixels of the model's input; shown as a circle on the picture",
    (value) => {
      change({ smooth: value });
      smoothing(value);
    },
  );
  const curve = select(
    "Scale",
    "curve",
    CURVES,
    (value) => change({ curve: value as CurveName }),
    "How sizes become colours: evenly, by their square roots, or by their ranks among the map's pixels",
  );
  const clipBy = select(
    "Clip by",
    "clip_by",
    CLIPS,
    (value) => change({ clip_by: value as Display["clip_by"] }),
    "Where the colour scale ends",
  );
  const clip = range(
    "Clip at",
    [90, 100, 0.1],
    "The colour scale ends at this percentile of the absolute values",
    (v) => change({ clip: v }),
  );
  const mass = range(
    "Clip at",
    [50, 100, 0.5],
    "The colour scale ends at the size up to which values hold so many percent of the sum of all sizes",
    (value) => change({ mass: value }),
  );
  const note = h("p", { class: "sw-small sw-display-note", hidden: true });
  const parts = [sign, channels, colormap, opacity, mask, rest, levels, smooth, curve, clipBy, clip, mass];
  const lock = lockNote();
  const fields = h("fieldset", { class: "sw-params" }, lock, ...parts.map((part) => part.el), note);
  const el = h(
    "details",
    { class: "sw-section sw-display", open },
    h("summary", { class: "sw-summary" }, "Display"),
    fields,
  );
  smooth.el.after(note);
  const signs = onChange((ofValue: boolean) =>
    sign.setOptions(Object.entries(signLabels(ofValue)).map(([value, label]) => ({ value, label }))),
  );
  const colours = onChange((diverging: boolean) =>
    colormap.setOptions(
      COLORMAPS.filter((c) => c.diverging === diverging).map((c) => ({
        value: c.name,
        label: c.label,
      })),
    ),
  );
  return {
    el,
    update({ display, ofValue, sigma, locked = false }) {
      fields.disabled = locked;
      lock.hidden = !locked;
      const diverging = display.sign === "signed";
      signs(ofValue);
      colours(diverging);
      sign.set(display.sign);
      channels.set(display.channels);
      colormap.set(colormapFor(display.colormap, diverging).name);
      opacity.set(Math.round(100 * display.opacity));
      opacity.setDisabled(!LAID.includes(display.mode));
      mask.set(display.mask);
      rest.set(display.rest);
      levels.set(display.levels);
      smooth.set(display.smooth);
      curve.set(display.curve);
      clipBy.set(display.clip_by);
      clip.set(display.clip);
      mass.set(display.mass);
      mask.el.hidden = display.mode !== "mask";
      rest.el.hidden = display.mode !== "mask";
      levels.el.hidden = display.mode !== "contours";
      clip.el.hidden = display.clip_by !== "percentile";
      mass.el.hidden = display.clip_by !== "mass";
      // Ranks have no end, and a locked scale has its end already.
      for (const control of [clipBy, clip, mass]) {
        control.setDisabled(display.curve === "rank" || display.locked);
      }
      note.hidden = sigma <= display.smooth;
      note.textContent = `Lines are drawn of the map smoothed by ${Number(sigma.toFixed(1))} px: finer ones cannot be read.`;
    },
  };
}
