// One view: lays the parts out, paints once per animation frame, and tells the session what was painted and seen.
import { createAbout } from "./about.ts";
import { underPicture } from "./arrange.ts";
import { createColourbar } from "./colourbar.ts";
import { createDisplay } from "./display.ts";
import { h, onChange, type Part, setAttributes } from "./dom.ts";
import { createHeads } from "./heads.ts";
import { createInstrument } from "./instrument.ts";
import { liveView } from "./live.ts";
import { createReveal, isHidden, isLocked, veiled } from "./locks.ts";
import { createMethod } from "./method.ts";
import { createModels } from "./models.ts";
import { createPane } from "./pane.ts";
import type { Card, Head, Picture } from "./protocol.ts";
import { remarks, scaleUnit } from "./sentences.ts";
import type { Session } from "./session.ts";
import { currentPicture, type SessionState, shownPicture } from "./state.ts";
import { createStatus } from "./status.ts";
import { sameTarget, valueUnit } from "./targets.ts";
import { createWorkshop } from "./workshop.ts";

/** From this width on the panel stands beside the picture (styles say the same). */
const WIDE = 560;
const PEEK_KEY = "p";
const NO_MARKS: readonly number[] = [];

export function mountView(session: Session, host: HTMLElement, signal: AbortSignal, styles = ""): void {
  const { store } = session;
  let pending = 0;
  const repaint = (): void => {
    if (pending === 0 && !signal.aborted) {
      pending = requestAnimationFrame(paint);
    }
  };

  const instrument = createInstrument(session, { repaint, point: (place) => scale.point(place) }, signal);
  const { stage } = instrument;
  const status = createStatus({ cancel: () => session.cancel(), dismiss: () => session.dismiss() }, signal);
  const scale = createColourbar((locked) => {
    session.setDisplay({ locked, scale: locked ? (stage.layer()?.end ?? 0) : 0 });
  }, signal);
  const heads = createHeads((target) => {
    const { choice, phase } = store.get();
    // A second click on a class that is being computed must not start it again.
    if (!(sameTarget(choice.target, target) && (phase === "running" || phase === "queued"))) {
      session.select(target);
    }
  }, signal);
  const models = createModels(session, signal);
  const reveal = createReveal(session, signal);
  const method = createMethod(session, signal);
  const wide = (host.clientWidth || WIDE) >= WIDE;
  const look = { change: session.setDisplay.bind(session), smoothing: instrument.smoothing };
  const display = createDisplay(look, wide, signal);
  const name = h("h2", { class: "sw-model" });
  const notes = h("div", { class: "sw-notes" });
  const compare = h("div", { class: "sw-beside" });
  let compared: Part<SessionState> | null = null;
  const below = h("div");
  const panes = { focusable: false, describedBy: "", say: () => {} };
  const pane = (linked: typeof instrument.linked, few?: number) => createPane(linked, { ...panes, few }, signal);
  const workshop = createWorkshop(session, { linked: instrument.linked, stage, below, pane, repaint }, signal);
  const about = createAbout();
  const told = [status.progress, status.alert, status.el];
  const parts = [stage.el, stage.figure, ...instrument.under, workshop.under, ...told, scale.el, compare, below];
  const left = h("div", { class: "sw-stage" }, ...parts);
  const panel = h(
    "div",
    { class: "sw-panel" },
    name,
    models.el,
    reveal.el,
    heads.el,
    method.el,
    display.el,
    notes,
    ...workshop.els,
    about.el,
  );

  const root = h(
    "div",
    {
      class: "sw-root",
      tabindex: -1,
      role: "group",
      "aria-label": "Saliency maps",
      "data-lm-suppress-shortcuts": "true",
    },
    h("div", { class: "sw-grid" }, left, panel),
    status.live,
    instrument.live,
  );

  const describe = onChange((card: Card, picture: Picture | null) => {
    name.textContent = card.model;
    name.hidden = card.models !== undefined; // of several, the names that they were given count
    about.update(card);
    notes.replaceChildren(...remarks(picture).map((text) => h("p", { class: "sw-small" }, text)));
  });
  const arrange = onChange((classes: readonly Head[], height: number, _width: number) => {
    // Beside each other; or the panel begins where the picture's column ends.
    const beside = panel.getBoundingClientRect().top < left.getBoundingClientRect().bottom;
    const under = beside && underPicture(classes, height);
    if (under !== left.contains(display.el)) {
      panel.insertBefore(display.el, notes);
      left.append(...(under ? [display.el] : []), below);
    }
  });

  function paint(): void {
    pending = 0;
    if (signal.aborted) {
      return;
    }
    const live = veiled(liveView(store.get()));
    const state = { ...live, map: session.recast.of(live.map, live.display.channels) };
    describe(state.card, shownPicture(state));
    stage.update(state);
    if (state.live === null) {
      arrange(state.card.heads, stage.height(), root.clientWidth); // nothing jumps when live begins or ends
    }
    status.update(state);
    const { display: look, map } = state;
    const layer = stage.layer();
    const pictured = stage.showsPicture();
    const drawn = valueUnit(map?.target ?? null, state.card.heads) !== null;
    scale.el.hidden = pictured;
    display.el.hidden = pictured;
    scale.update({
      end: layer?.end ?? look.scale,
      curve: layer?.curve ?? null,
      sign: look.sign,
      colormap: layer?.colormap ?? look.colormap,
      unit: scaleUnit(map?.scoreUnit ?? "", look.sign, drawn),
      locked: look.locked,
      lockable: look.curve !== "rank",
      mode: look.mode,
      marks: layer?.marks ?? NO_MARKS,
      fixed: isLocked(state, "display"),
      shown: instrument.readable(state),
    });
    instrument.update(state);
    const { predictions, choice, card } = state;
    const { image, model } = predictions;
    const old =
      (image !== undefined && image !== currentPicture(state)?.id) || (model ?? choice.model) !== choice.model;
    const { truth } = shownPicture(state) ?? {};
    const kept = { locked: isLocked(state, "target"), hidden: isHidden(state, "predictions") };
    heads.update({ heads: card.heads, predictions, target: choice.target, old, truth, ...kept });
    reveal.update(store.get());
    models.update(state);
    method.update(state);
    workshop.update(state);
    if (compared === null && session.modules.ready !== null) {
      compared = session.modules.ready.compare(session, signal);
      compare.append(compared.el);
    }
    compared?.update(state);
    const ofValue = valueUnit(choice.target, card.heads) !== null;
    const locked = isLocked(state, "display");
    display.update({ display: look, ofValue, sigma: layer?.sigma ?? look.smooth, locked });
    mark(root, state);
    session.flow.painted();
  }

  root.addEventListener("keydown", (event) => onKey(event), { signal });
  root.addEventListener("keyup", (event) => event.key === PEEK_KEY && instrument.peek(false), { signal });
  function onKey(event: KeyboardEvent): void {
    const busy = ["running", "queued", "live"].includes(store.get().phase);
    if (event.key === "Escape" && busy) {
      session.cancel();
      event.preventDefault();
    } else if (event.key === PEEK_KEY && !(event.target instanceof HTMLInputElement)) {
      instrument.peek(true);
    }
    // Hosts without the attribute above read single keys as commands ("d d" deletes the cell). Tab goes on, and so
    // do the host's own chords.
    if (event.key !== "Tab" && !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey) {
      event.stopPropagation();
    }
  }

  host.replaceChildren(...(styles === "" ? [] : [h("style", {}, styles)]), root);
  store.subscribe(repaint, signal);
  watchVisibility(root, signal, (on) => {
    session.flow.show(root, on);
    repaint();
  });
  const resized = new ResizeObserver(repaint);
  resized.observe(stage.figure);
  signal.addEventListener("abort", () => {
    cancelAnimationFrame(pending);
    resized.disconnect();
    session.flow.show(root, false);
    root.remove();
  });
  repaint();
}

/** What browser tests rely on (docs/protocol.md, last section). */
function mark(root: HTMLElement, { phase, map }: SessionState): void {
  setAttributes(root, {
    "data-state": phase,
    "data-job": map?.job ?? "",
    "data-seq": map?.seq ?? "",
    "data-final": map === null ? "" : String(map.final),
    "data-target": map?.name ?? "",
    "data-method": map?.method ?? "",
  });
}

/** Tells whether the view is on screen: its tab is shown and it is not scrolled away or hidden by the notebook. */
function watchVisibility(element: Element, signal: AbortSignal, tell: (on: boolean) => void): void {
  let near = false;
  const update = (): void => tell(near && !document.hidden);
  const observer = new IntersectionObserver((entries) => {
    near = entries.at(-1)?.isIntersecting ?? near;
    update();
  });
  observer.observe(element);
  document.addEventListener("visibilitychange", update, { signal });
  signal.addEventListener("abort", () => observer.disconnect());
}
