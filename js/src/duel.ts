// Two maps, one over the other: with a divider that is dragged, blinking, side by side, or what one has that the other has
// not; and how alike they are, in numbers.
import { h, onChange, type Part, setAttributes, setText, uniqueId } from "./dom.ts";
import { formatNumber } from "./format.ts";
import type { Linked } from "./linked.ts";
import type { MapData } from "./maps.ts";
import type { Pane } from "./pane.ts";
import type { Display, Mode, Picture } from "./protocol.ts";
import { difference, type Similarity, similarity } from "./similar.ts";
import { sameView } from "./state.ts";
import type { Store } from "./store.ts";

export interface Side {
  title: string;
  map: MapData;
  picture: Picture;
  bitmap: ImageBitmap | null;
  /** Where its colour scale ends. */
  end: number;
  display: Display;
}

type Way = "swipe" | "blink" | "both" | "difference";

const WAYS: readonly [Way, string][] = [
  ["swipe", "Swipe"],
  ["blink", "Blink"],
  ["both", "Side by side"],
  ["difference", "Difference"],
];
const BLINK = 700;

const number = (value: number | null): string => (value === null ? "none" : value.toFixed(2).replace("-", "−"));

export function similarityText({ linear, rank, shared }: Similarity): string {
  return `rank correlation ${number(rank)}, linear ${number(linear)}; ${Math.round(100 * shared)} % of their strongest tenths in common`;
}

export function createDuel(
  linked: Store<Linked>,
  make: (linked: Store<Linked>) => Pane,
  actions: { swap(): void; close(): void },
  signal: AbortSignal,
): Part<{ a: Side | null; b: Side | null }> {
  const group = uniqueId("duel");
  const radios = WAYS.map(([value]) => h("input", { type: "radio", name: group, value }));
  const ways = h(
    "div",
    { class: "sw-segments", role: "radiogroup", "aria-label": "How two maps are compared" },
    ...WAYS.map(([, text], i) => h("label", { class: "sw-segment" }, radios[i] as HTMLElement, h("span", {}, text))),
  );
  const swap = h("button", { type: "button", class: "sw-link" }, "Swap");
  const close = h("button", { type: "button", class: "sw-link" }, "Close");
  const names = h("p", { class: "sw-duel-names" });
  const facts = h("p", { class: "sw-small sw-duel-facts", "aria-live": "polite" });
  /** Made when there are two maps to show. */
  let panes: readonly [Pane, Pane] | null = null;
  const divider = h("input", {
    type: "range",
    class: "sw-duel-divider",
    min: 0,
    max: 100,
    step: 0.5,
    value: 50,
    "aria-label": "Divider between the two maps",
  });
  const line = h("i", { class: "sw-duel-line" });
  const over = h("div", { class: "sw-duel-over" });
  const stack = h("div", { class: "sw-duel-stack" }, over, line);
  const blink = h("button", { type: "button", class: "sw-button sw-duel-blink" }, "Stop blinking");
  const el = h(
    "section",
    { class: "sw-duel", "aria-label": "Two maps compared", hidden: true },
    h("div", { class: "sw-duel-head" }, names, swap, close),
    ways,
    stack,
    divider,
    blink,
    facts,
  );

  let way: Way = "swipe";
  let pair: { a: Side | null; b: Side | null } = { a: null, b: null };
  let front = false;
  let blinking = !window.matchMedia?.("(prefers-reduced-motion: reduce)").matches;
  let timer: ReturnType<typeof setInterval> | undefined;

  const alike = onChange((a: MapData, b: MapData, fits: boolean) => {
    if (!fits) {
      setText(facts, "They cover different parts of the picture, so their values are not compared one by one.");
      setAttributes(el, { "data-rank": null, "data-linear": null, "data-shared": null });
      return;
    }
    const found = similarity(a, b);
    setText(facts, similarityText(found));
    setAttributes(el, { "data-rank": found.rank, "data-linear": found.linear, "data-shared": found.shared });
  });
  let minus: { a: MapData; b: MapData; same: boolean; map: MapData } | null = null;

  /** Values in one unit are subtracted as they are; others by their places on their own scales. */
  function differenceOf(a: Side, b: Side): MapData {
    const same = a.map.scoreUnit === b.map.scoreUnit;
    if (minus === null || minus.a !== a.map || minus.b !== b.map || minus.same !== same) {
      minus = { a: a.map, b: b.map, same, map: difference(a.map, b.map, same ? [1, 1] : [a.end, b.end]) };
    }
    return minus.map;
  }

  function place(): void {
    const at = Number(divider.value);
    const shown = way === "swipe" ? `inset(0 0 0 ${at}%)` : way === "blink" && !front ? "inset(0 0 0 100%)" : "none";
    over.style.clipPath = shown;
    line.style.left = `${at}%`;
    setAttributes(divider, { "aria-valuetext": `${at} % ${pair.a?.title ?? ""}` });
  }

  function beat(): void {
    clearInterval(timer);
    if (way === "blink" && blinking && !el.hidden) {
      timer = setInterval(() => {
        front = !front;
        draw();
      }, BLINK);
    }
  }

  function draw(): void {
    const { a, b } = pair;
    el.hidden = a === null || b === null;
    if (a === null || b === null) {
      clearInterval(timer);
      return;
    }
    if (panes === null) {
      panes = [make(linked), make(linked)];
      stack.prepend(panes[0].el);
      over.append(panes[1].el);
    }
    const [first, second] = panes;
    const fits = sameView(a.picture, b.picture);
    alike(a.map, b.map, fits);
    way = fits || way !== "difference" ? way : "both";
    const apart = way === "difference";
    const mode = (m: Mode): Mode => (apart ? "map" : m === "beside" || m === "picture" ? "overlay" : m);
    const stateOf = ({ map, picture, bitmap, display, title }: Side) => ({
      map,
      picture,
      bitmap,
      display,
      mode: mode(display.mode),
      stale: false,
      label: () => `Picture with the map ${title}`,
    });
    const minused: Side = {
      ...a,
      title: `${a.title} minus ${b.title}`,
      display: { ...a.display, sign: "signed", locked: false },
      map: apart ? differenceOf(a, b) : a.map,
    };
    first.update(stateOf(apart ? minused : a));
    if (!apart) {
      second.update(stateOf(b));
    }
    over.hidden = apart;
    line.hidden = way !== "swipe";
    divider.hidden = way !== "swipe";
    blink.hidden = way !== "blink";
    setText(blink, blinking ? "Stop blinking" : `Show ${front ? "A" : "B"}`);
    stack.classList.toggle("sw-duel-two", way === "both");
    const end = first.layer()?.end ?? 0;
    setText(
      names,
      apart
        ? `${minused.title}: ${minused.map.empty ?? `up to ±${formatNumber(end, 3)} (${minused.map.scoreUnit})`}`
        : `A: ${a.title} · B: ${b.title}`,
    );
    setAttributes(el, { "data-way": way, "data-front": way === "blink" ? (front ? "B" : "A") : null, "data-end": end });
    for (const radio of radios) {
      radio.checked = radio.value === way;
      radio.disabled = radio.value === "difference" && !fits;
    }
    place();
  }

  ways.addEventListener(
    "change",
    (event) => {
      way = (event.target as HTMLInputElement).value as Way;
      front = false;
      draw();
      beat();
    },
    { signal },
  );
  divider.addEventListener("input", place, { signal });
  // The divider is dragged on the maps themselves too.
  stack.addEventListener(
    "pointermove",
    (event) => {
      if (way === "swipe" && event.buttons > 0 && linked.get().view.zoom === 1 && linked.get().tool === "pan") {
        const { left, width } = stack.getBoundingClientRect();
        divider.value = String((100 * (event.clientX - left)) / Math.max(1, width));
        place();
      }
    },
    { signal },
  );
  blink.addEventListener(
    "click",
    () => {
      if (blinking) {
        blinking = false;
      } else {
        front = !front;
      }
      beat();
      draw();
    },
    { signal },
  );
  swap.addEventListener("click", actions.swap, { signal });
  close.addEventListener("click", actions.close, { signal });
  signal.addEventListener("abort", () => clearInterval(timer));
  return {
    el,
    update(next) {
      const was = el.hidden;
      pair = next;
      draw();
      if (was !== el.hidden) {
        beat();
      }
    },
  };
}
