// The part "Experiments": what a map is worth, found out with the model; chooses one, asks for it, and draws what it finds.
import type { News } from "./beside.ts";
import { type Chart, createChart } from "./chart.ts";
import { h, onChange, type Part, setAttributes, setText } from "./dom.ts";
import { formatPercent } from "./format.ts";
import { type Colours, type Curve, type Figure, type Finding, findingOf, type Place } from "./found.ts";
import { createLabForm } from "./labform.ts";
import { createLabTable } from "./labtable.ts";
import { createLinked } from "./linked.ts";
import type { Pane } from "./pane.ts";
import type { Display, Told } from "./protocol.ts";
import type { Session } from "./session.ts";
import { type SessionState, shownPicture } from "./state.ts";
import type { Bench } from "./workshop.ts";

/** Cells a side of a small panel while a hand moves. */
const FEW = 96;
/** What the slider of an experiment is called that puts several maps to one test. */
const MAPS = "map";
const NO_KERNEL = "This needs a running kernel.";

export function createLab(session: Session, bench: Bench, signal: AbortSignal): Part<SessionState> {
  let asked = false;
  let finding: Finding | null = null;
  /** What the finding is called, and what it is of. */
  let called = "";
  let of = "";
  /** What Python shows: the newest message that was read, and all of it; `deaf` once it was closed here. */
  let heard: Told | null = null;
  let shown: Finding | null = null;
  let deaf = false;
  let cancel: (() => void) | null = null;
  let problem = "";
  let at = 0;

  const form = createLabForm(session, bench, signal);
  const run = h("button", { type: "button", class: "sw-button" }, "Run");
  const hint = h("p", { class: "sw-small" });
  const el = h("div", {}, form.el, h("div", { class: "sw-live-sources" }, run), hint);

  const title = h("h3", { class: "sw-head-name" });
  const count = h("span", { class: "sw-small" });
  const close = h("button", { type: "button", class: "sw-link" }, "Close");
  const fill = h("i", { class: "sw-progress-fill" });
  const bar = h("div", { class: "sw-progress" }, fill);
  const alert = h("p", { class: "sw-reserve sw-warning", role: "alert", hidden: true });
  const reading = h("p", { class: "sw-lab-reading", "aria-live": "polite" });
  const numbers = h("dl", { class: "sw-lab-numbers" });
  const charts = h("div", { class: "sw-charts" });
  const goTo = (place: number): void => {
    at = place;
    bench.repaint();
  };
  const table = createLabTable(goTo, signal);
  const slider = h("input", {
    type: "range",
    class: "sw-lab-slider",
    "aria-label": "Place",
    min: 0,
    step: 1,
    value: 0,
  });
  const where = h("output", { class: "sw-lab-where" });
  const what = h("span");
  const move = h("label", { class: "sw-lab-move" }, what, where, slider);
  const seen = h("div", { class: "sw-lab-seen" });
  const said = h("p", { class: "sw-small sw-lab-said" });
  const here = h("dl", { class: "sw-lab-numbers" });
  const caveat = h("p", { class: "sw-small sw-lab-caveat" });
  const region = h(
    "section",
    { class: "sw-lab-region", "aria-label": "Experiment", hidden: true },
    h("div", { class: "sw-gallery-head" }, title, count, close),
    ...[bar, alert, reading, numbers, charts, table.el, move, seen, said, here, caveat],
  );
  bench.below.append(region);
  signal.addEventListener("abort", () => {
    region.remove();
    cancel?.();
  });
  close.addEventListener(
    "click",
    () => {
      cancel?.();
      deaf = finding === shown;
      finding = null;
      problem = "";
      bench.repaint();
      run.focus();
    },
    { signal },
  );
  slider.addEventListener("input", () => goTo(Number(slider.value)), { signal });
  const shell = bench.aside.closest("details");
  shell?.addEventListener("toggle", () => bench.repaint(), { signal });
  run.addEventListener("click", () => (cancel === null ? begin() : cancel()), { signal });

  function begin(): void {
    const asked = form.ask();
    if (asked === null) {
      return;
    }
    finding = null;
    problem = "";
    at = 0;
    ({ called, of } = asked);
    deaf = true;
    cancel = session.beside.ask({ kind: "lab", args: asked.args }, hear);
    region.hidden = false;
    requestAnimationFrame(() => region.scrollIntoView?.({ block: "nearest" }));
    bench.repaint();
  }

  /** Takes what Python shows in place of what is there; the slider follows the newest place, unless it stands at an older one. */
  function take(told: Told): void {
    heard = told;
    const next = findingOf(told, shown);
    if (next === null) {
      form.fetch(); // and all of it comes once more
      return;
    }
    const old = shown?.places ?? [];
    const [before, newest] = [old[at]?.value ?? 0, finding !== shown || at >= old.length - 1];
    // Another one begins: who closed the one before has not seen this.
    deaf &&= next.places.some((place) => old.some(({ key }) => key === place.key));
    shown = next;
    if (deaf || cancel !== null) {
      return;
    }
    finding = next;
    problem = "";
    at = newest
      ? next.places.length - 1
      : Math.max(
          0,
          next.places.findIndex(({ value }) => value >= before),
        );
    const name = next.experiment;
    called = form.label(name) ?? `${name[0]?.toUpperCase()}${name.slice(1)}`;
    of = "shown from Python";
  }

  function hear(news: News): void {
    if (news.type === "finding") {
      finding = findingOf(news) ?? finding;
    } else if (news.type === "end" || news.type === "lost") {
      cancel = null;
      const failed = news.type === "end" && news.status === "error";
      if (news.type === "end" && news.status === "complete") {
        form.took(news.ms);
      }
      problem = news.type === "lost" ? NO_KERNEL : failed ? (news.message ?? "Something went wrong.") : "";
    }
    bench.repaint();
  }

  const list = (figures: readonly Figure[]): HTMLElement[] =>
    figures.flatMap(({ text, means }) => [h("dt", {}, text), h("dd", {}, means)]);
  const figures = onChange((found: readonly Figure[]) => numbers.replaceChildren(...list(found)));
  const figuresHere = onChange((found: readonly Figure[]) => here.replaceChildren(...list(found)));

  let plots: readonly (readonly [string, Chart])[] = [];
  const panels = onChange((names: string) => {
    plots = (JSON.parse(names) as string[]).map((name) => [name, createChart(name, signal)] as const);
    charts.replaceChildren(...plots.map(([, chart]) => chart.el));
  });

  function plot(curves: readonly Curve[], place: Place | undefined): void {
    panels(JSON.stringify([...new Set(curves.map(({ panel }) => panel))]));
    for (const [name, chart] of plots) {
      chart.update(
        curves.filter(({ panel }) => panel === name),
        place?.value ?? null,
      );
    }
  }

  // Pictures are decoded once; a panel is drawn again when its own is there.
  const bitmaps = new WeakMap<Uint8Array, ImageBitmap | null>();
  function bitmapOf({ picture: { width, height }, rgb }: Colours): ImageBitmap | null {
    const made = bitmaps.get(rgb);
    if (made !== undefined) {
      return made;
    }
    bitmaps.set(rgb, null);
    const rgba = new Uint8ClampedArray(4 * width * height).fill(255);
    for (let i = 0; i < width * height; i++) {
      rgba.set(rgb.subarray(3 * i, 3 * i + 3), 4 * i);
    }
    createImageBitmap(new ImageData(rgba, width, height)).then(
      (bitmap) => {
        bitmaps.set(rgb, bitmap);
        bench.repaint();
      },
      () => {},
    );
    return null;
  }

  const linked = createLinked();
  const panes: { pane: Pane; name: HTMLElement; el: HTMLElement }[] = [];
  function paneAt(i: number): (typeof panes)[number] {
    const there = panes[i];
    if (there !== undefined) {
      return there;
    }
    const pane = bench.pane(linked, FEW);
    const name = h("figcaption", { class: "sw-tile-note" });
    const made = { pane, name, el: h("figure", { class: "sw-lab-pane" }, pane.el, name) };
    panes.push(made);
    seen.append(made.el);
    return made;
  }

  function show(found: Finding, place: Place | undefined, display: Display): void {
    const look = { ...display, locked: false };
    const maps = place?.maps ?? [];
    const pictures = place?.pictures ?? [];
    const under = found.seen ?? pictures[0] ?? null;
    const all = [
      ...maps.map(({ label, map }) => ({ label, map, colours: under })),
      ...pictures.map(({ label, ...colours }) => ({ label, map: null, colours })),
    ];
    all.forEach(({ label, map, colours }, i) => {
      const { pane, name, el: figure } = paneAt(i);
      const { mode } = look;
      figure.hidden = false;
      setText(name, label);
      pane.update({
        ...{ map, display: look, stale: false, picture: colours?.picture ?? null },
        bitmap: colours === null ? null : bitmapOf(colours),
        mode: map === null ? "picture" : mode === "beside" || mode === "picture" ? "overlay" : mode,
        label: () => `${label}, ${found.slider} ${place?.label ?? ""}`,
      });
    });
    for (const { el: figure } of panes.slice(all.length)) {
      figure.hidden = true;
    }
    setAttributes(seen, { "data-panels": all.length });
  }

  function paint(found: Finding, display: Display): void {
    setText(reading, found.reading);
    setText(caveat, found.caveat);
    setText(count, found.done < found.total ? `${found.done} of ${found.total} evaluations` : "");
    fill.style.transform = `scaleX(${found.done / Math.max(1, found.total)})`;
    figures(found.numbers);
    const places = found.places;
    at = Math.min(at, Math.max(0, places.length - 1));
    const place = places[at];
    plot(found.curves, found.slider === MAPS ? undefined : place);
    move.hidden = places.length < 2;
    setText(what, found.slider);
    setAttributes(slider, {
      "aria-label": found.slider || "Place",
      max: Math.max(0, places.length - 1),
      "aria-valuetext": place?.label ?? "",
    });
    slider.value = String(at);
    setText(where, place?.label ?? "");
    show(found, place, display);
    const heads = Object.entries(place?.says ?? {}).map(([head, { top, probability, value, unit }]) =>
      value === undefined
        ? `${head}: ${top} ${formatPercent(probability ?? 0)}`
        : `${head}: ${value.toPrecision(3)} ${unit ?? ""}`,
    );
    setText(said, heads.join(" · "));
    // All maps' figures stand in one table; what they mean is said of the first one.
    const compared = found.slider === MAPS && places.length > 1;
    table.el.hidden = !compared;
    if (compared) {
      table.update(places, at);
    }
    figuresHere(compared ? [] : (place?.numbers ?? []));
  }

  return {
    el,
    update(next) {
      if (!asked && shell?.open) {
        asked = true;
        form.fetch();
      }
      form.update(next);
      if (next.shown !== null && next.shown !== heard) {
        take(next.shown);
      }
      const why = form.problem();
      run.disabled = cancel === null && (why !== "" || shownPicture(next) === null || next.live !== null);
      setText(hint, cancel === null ? why : "");
      setText(run, cancel === null ? "Run" : "Stop");
      region.hidden = finding === null && cancel === null && problem === "";
      setText(title, [called, of].filter(Boolean).join(": "));
      bar.classList.toggle("sw-busy", cancel !== null);
      bar.classList.toggle("sw-unknown", finding === null);
      bar.hidden = cancel === null;
      alert.hidden = problem === "";
      setText(alert, problem);
      for (const part of [reading, numbers, charts, table.el, move, seen, said, here, caveat]) {
        part.hidden = finding === null;
      }
      setAttributes(region, {
        "data-experiment": finding?.experiment ?? null,
        "data-final": finding && String(cancel === null),
      });
      if (finding !== null) {
        paint(finding, next.display);
      }
    },
  };
}
