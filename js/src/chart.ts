// A plot of a few lines with their bands, axes with units, and the values under the cursor; knows no experiment.
import { h, setAttributes, setText } from "./dom.ts";
import { formatNumber } from "./format.ts";
import type { Curve } from "./found.ts";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [300, 176];
const EDGE = { left: 44, right: 18, top: 8, bottom: 34 };
const TICKS = 4;

type Span = readonly [number, number];

/** As many methods as are compared at most, and what they would be by chance. */
const INKS = 7;

/** Each curve's ink: controls share a grey and differ by their dashes, so that the colours are left for what is measured. */
function inksOf(curves: readonly Curve[]): string[] {
  let [own, grey] = [0, 0];
  return curves.map(({ role }) => (role === "control" ? `c${grey++ % 2}` : String(own++ % INKS)));
}

function s(tag: string, attributes: Record<string, string | number>, text = ""): SVGElement {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, String(value));
  }
  element.textContent = text;
  return element;
}

/** A piece of a line as it is drawn. */
function swatch(name: string, role: string): SVGElement {
  const made = s("svg", { class: name, viewBox: "0 0 22 4", "aria-hidden": "true" });
  made.append(s("path", { class: "sw-chart-line", "data-role": role, d: "M0 2H22" }));
  return made;
}

/** Round numbers between two, about so many. */
export function ticks([low, high]: Span, count = TICKS): number[] {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((m) => m * power >= rough) ?? 10);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

const known = (values: readonly (number | null)[]): number[] => values.filter((v): v is number => v !== null);

/** From the least to the largest value, never empty. */
function span(values: readonly number[]): Span {
  const [low, high] = values.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
  if (low > high) {
    return [0, 1];
  }
  const pad = high > low ? 0 : Math.abs(low) / 2 || 0.5;
  return [low - pad, high + pad];
}

/** The value of a curve at a place, between its points by a straight line; null outside. */
export function valueAt({ x, y }: Curve, at: number): number | null {
  for (let i = 0; i < x.length; i++) {
    const [left, right] = [x[Math.max(0, i - 1)] ?? null, x[i] ?? null];
    const [below, above] = [y[Math.max(0, i - 1)] ?? null, y[i] ?? null];
    if (left === null || right === null || below === null || above === null || at < left || at > right) {
      continue;
    }
    return right === left ? above : below + ((above - below) * (at - left)) / (right - left);
  }
  return null;
}

export interface Chart {
  readonly el: HTMLElement;
  /** `at` is where the slider stands, if it stands on this axis. */
  update(curves: readonly Curve[], at: number | null): void;
}

export function createChart(title: string, signal: AbortSignal): Chart {
  const plot = document.createElementNS(SVG, "svg");
  setAttributes(plot, { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "sw-chart-plot" });
  const legend = h("ul", { class: "sw-chart-legend" });
  const el = h("figure", { class: "sw-chart" }, h("figcaption", { class: "sw-chart-title" }, title), plot, legend);
  const cross = s("line", { class: "sw-chart-cross", y1: EDGE.top, y2: HEIGHT - EDGE.bottom });
  let curves: readonly Curve[] = [];
  let mark: number | null = null;
  let under: number | null = null;
  let [across, up]: [Span, Span] = [
    [0, 1],
    [0, 1],
  ];
  const xOf = (v: number): number =>
    EDGE.left + ((v - across[0]) / (across[1] - across[0])) * (WIDTH - EDGE.left - EDGE.right);
  const yOf = (v: number): number =>
    HEIGHT - EDGE.bottom - ((v - up[0]) / (up[1] - up[0])) * (HEIGHT - EDGE.top - EDGE.bottom);

  function path({ x }: Curve, values: readonly (number | null)[]): string {
    let pen = "M";
    return x
      .map((at, i) => {
        const value = values[i] ?? null;
        if (at === null || value === null) {
          pen = "M";
          return "";
        }
        const point = `${pen}${xOf(at).toFixed(1)} ${yOf(value).toFixed(1)}`;
        pen = "L";
        return point;
      })
      .join("");
  }

  function band({ x, lower = [], upper = [] }: Curve): string {
    const there = x.flatMap((at, i) => {
      const [a, b] = [lower[i] ?? null, upper[i] ?? null];
      return at === null || a === null || b === null ? [] : [[xOf(at), yOf(a), yOf(b)] as const];
    });
    const point = (px: number, py: number): string => `${px.toFixed(1)},${py.toFixed(1)}`;
    return [...there.map(([px, , b]) => point(px, b)), ...there.reverse().map(([px, a]) => point(px, a))].join(" ");
  }

  function say(): void {
    const at = under ?? mark;
    const inside = at !== null && at >= across[0] && at <= across[1];
    cross.style.display = inside ? "" : "none";
    if (inside) {
      setAttributes(cross, { x1: xOf(at), x2: xOf(at) });
    }
    [...legend.children].forEach((item, i) => {
      const curve = curves[i];
      const value = curve === undefined || !inside ? null : valueAt(curve, at);
      setText(item.querySelector("output") as HTMLElement, value === null ? "" : formatNumber(value));
    });
  }

  plot.addEventListener(
    "pointermove",
    ({ clientX }) => {
      const box = plot.getBoundingClientRect();
      const at = ((clientX - box.left) / box.width) * WIDTH;
      const share = (at - EDGE.left) / (WIDTH - EDGE.left - EDGE.right);
      under = share < 0 || share > 1 ? null : across[0] + share * (across[1] - across[0]);
      say();
    },
    { signal },
  );
  plot.addEventListener(
    "pointerleave",
    () => {
      under = null;
      say();
    },
    { signal },
  );

  function draw(): void {
    across = span(curves.flatMap(({ x }) => known(x)));
    const tall = span(curves.flatMap(({ y, lower = [], upper = [] }) => known([...y, ...lower, ...upper])));
    const room = 0.04 * (tall[1] - tall[0]);
    up = [tall[0] - room, tall[1] + room];
    const [right, bottom] = [WIDTH - EDGE.right, HEIGHT - EDGE.bottom];
    const grid = ticks(up).flatMap((v) => [
      s("line", { class: "sw-chart-grid", x1: EDGE.left, x2: right, y1: yOf(v), y2: yOf(v) }),
      s("text", { class: "sw-chart-tick", x: EDGE.left - 6, y: yOf(v) + 3.5, "text-anchor": "end" }, formatNumber(v)),
    ]);
    const places = ticks(across).map((v) =>
      s("text", { class: "sw-chart-tick", x: xOf(v), y: bottom + 14, "text-anchor": "middle" }, formatNumber(v)),
    );
    const units = [
      s("text", { class: "sw-chart-unit", x: right, y: HEIGHT - 4, "text-anchor": "end" }, curves[0]?.x_unit ?? ""),
    ];
    const inks = inksOf(curves);
    const lines = curves.flatMap((curve, i) => {
      const ink = { class: `sw-chart-line sw-ink-${inks[i]}`, "data-role": curve.role };
      const own =
        curve.lower && curve.upper
          ? [s("polygon", { ...ink, class: `sw-chart-band sw-ink-${inks[i]}`, points: band(curve) })]
          : [];
      return [...own, s("path", { ...ink, d: path(curve, curve.y) })];
    });
    plot.replaceChildren(...grid, ...places, ...units, ...lines, cross);
    legend.replaceChildren(
      ...curves.map(({ label, role }, i) =>
        h(
          "li",
          {},
          swatch(`sw-chart-swatch sw-ink-${inks[i]}`, role),
          h("span", {}, label),
          h("output", { class: "sw-chart-value" }),
        ),
      ),
    );
    const told = curves.map(({ label, y }) => {
      const there = known(y);
      const [first, last] = [there[0], there.at(-1)];
      return first === undefined || last === undefined
        ? label
        : `${label} from ${formatNumber(first)} to ${formatNumber(last)}`;
    });
    const axes = `${curves[0]?.y_unit ?? ""} over ${curves[0]?.x_unit ?? ""}`;
    plot.setAttribute("aria-label", `${title ? `${title}, ` : ""}${axes}: ${told.join("; ")}`);
  }

  return {
    el,
    update(next, at) {
      if (next.length !== curves.length || next.some((curve, i) => curve !== curves[i])) {
        curves = next;
        draw();
      }
      mark = at;
      say();
    },
  };
}
