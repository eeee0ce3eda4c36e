// How the map is drawn: colours, sign, opacity, smoothing, clipping. All in the page; the kernel is never asked.
import { COLORMAPS, colormapFor } from "./colour.ts";
import { choice, slider } from "./controls.ts";
import { h, onChange, type Part } from "./dom.ts";
import type { Display, Sign } from "./protocol.ts";
import { signLabels } from "./sentences.ts";

interface Shown {
  display: Display;
  /** What is explained is a value and no class. */
  ofValue: boolean;
}

export function createDisplay(
  change: (patch: Partial<Display>) => void,
  open: boolean,
  signal: AbortSignal,
): Part<Shown> {
  const sign = choice({ label: "Sign", options: [], name: "sign" }, (value) => change({ sign: value as Sign }), signal);
  const colormap = choice(
    { label: "Colours", options: [], name: "colormap" },
    (value) => change({ colormap: value }),
    signal,
  );
  const opacity = slider(
    { label: "Opacity", min: 0, max: 100, step: 1, whole: true, help: "Of the map over the picture, in percent" },
    (value) => change({ opacity: value / 100 }),
    signal,
  );
  const smooth = slider(
    {
      label: "Smoothing",
      min: 0,
      max: 10,
      step: 0.1,
      help: "Standard deviation of a Gaussian, in pixels of the model's input",
    },
    (value) => change({ smooth: value }),
    signal,
  );
  const clip = slider(
    {
      label: "Clip at",
      min: 90,
      max: 100,
      step: 0.1,
      help: "The colour scale ends at this percentile of the absolute values",
    },
    (value) => change({ clip: value }),
    signal,
  );
  const el = h(
    "details",
    { class: "sw-section sw-display", open },
    h("summary", { class: "sw-summary" }, "Display"),
    h("div", { class: "sw-params" }, sign.el, colormap.el, opacity.el, smooth.el, clip.el),
  );
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
    update({ display, ofValue }) {
      const diverging = display.sign === "signed";
      signs(ofValue);
      colours(diverging);
      sign.set(display.sign);
      colormap.set(colormapFor(display.colormap, diverging).name);
      opacity.set(Math.round(100 * display.opacity));
      smooth.set(display.smooth);
      clip.set(display.clip);
      // A locked scale has its end already.
      clip.setDisabled(display.locked);
    },
  };
}
