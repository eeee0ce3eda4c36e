// The method, what it does and who wrote it, its parameters, its layer and the score; draws from the card, knows no
// method by name.
import { type Control, checkbox, choice, isDefault, paramControl } from "./controls.ts";
import type { Clock } from "./cost.ts";
import { h, onChange, type Part, setText } from "./dom.ts";
import { isLocked, lockNote } from "./locks.ts";
import type { Modules } from "./modules.ts";
import type { Card, Method, NetworkLayer, Params, ParamValue, Picture } from "./protocol.ts";
import { layerLabel, sentence } from "./sentences.ts";
import { currentPicture, type SessionState } from "./state.ts";
import { fullParams, methodOf } from "./targets.ts";

export interface MethodActions {
  /** What a run will cost can be told once their code is here: without a kernel there is none. */
  readonly modules: Pick<Modules, "ready">;
  setMethod(method: string): void;
  set(change: { score: string } | { layer: string | null } | { tolerance: number | null }): void;
  setParams(patch: Params): void;
}

const SCORES: Readonly<Record<string, string>> = {
  logit: "Logit",
  log_softmax: "Log-softmax",
  probability: "Probability",
};

/** Where a run stops that is told to stop by itself and not when. */
const TOLERANCE = 0.05;

const SHORT: Readonly<Record<string, string>> = { cam: "CAM" };

/** "class model" as a heading. */
function familyLabel(family: string): string {
  return SHORT[family] ?? sentence(family);
}

export function createMethod(actions: MethodActions, signal: AbortSignal): Part<SessionState> {
  const method = choice({ label: "Method", options: [], name: "method" }, (name) => actions.setMethod(name), signal);
  method.el.classList.add("sw-row-first");
  const select = method.el.querySelector("select") as HTMLSelectElement;
  let clock: Clock | null = null;
  const cost = h("p", { class: "sw-small sw-cost" });
  method.el.append(cost);
  const explain = h("p", { class: "sw-explain" });
  const cite = h("p", { class: "sw-small sw-cite" });
  const reserve = h("p", { class: "sw-reserve", hidden: true });
  const score = choice(
    {
      label: "Score",
      help: "The number whose gradient is taken",
      options: [],
      name: "score",
    },
    (name) => actions.set({ score: name }),
    signal,
  );
  const layer = choice(
    { label: "Layer", help: "Where in the network the method looks", options: [], name: "layer" },
    (name) => actions.set({ layer: layers.find((l) => l.name === name)?.default ? null : name }),
    signal,
  );
  let tolerance = TOLERANCE;
  const stops = checkbox(
    { label: "Stop when precise", help: "Stops by itself once the map's estimated error is small enough" },
    (on) => actions.set({ tolerance: on ? tolerance : null }),
    signal,
  );
  const params = h("div", { class: "sw-params" });
  const reset = h("button", { type: "button", class: "sw-link" }, "Reset to defaults");
  const lock = lockNote();
  const el = h(
    "fieldset",
    { class: "sw-section", "aria-label": "Method" },
    lock,
    method.el,
    explain,
    reserve,
    cite,
    h("div", { class: "sw-params" }, params, stops.el, layer.el, score.el, reset),
  );

  let current: Method | undefined;
  let layers: readonly NetworkLayer[] = [];
  let controls: [string, Control<ParamValue>][] = [];
  let lifetime = new AbortController();

  reset.addEventListener(
    "click",
    () => current && actions.setParams(Object.fromEntries(current.params.map((p) => [p.name, p.default]))),
    { signal },
  );

  const list = onChange((methods: readonly Method[]) =>
    method.setOptions(
      methods.map((m) => ({
        value: m.name,
        label: m.label,
        disabled: m.status === "no",
        title: m.reason === null ? null : sentence(m.reason),
        group: familyLabel(m.family),
      })),
    ),
  );
  /** Each method in the list says what choosing it would take, with its defaults; the chosen one says it under the list. */
  const price = onChange((card: Card, chosen: string, picture: Picture | null, stops: boolean, _turn: number) => {
    for (const option of select.options) {
      const one = methodOf(card, option.value);
      if (one !== undefined && one.status !== "no") {
        const [time] =
          clock === null ? [""] : clock.cost(one, fullParams(card, one.name, {}), picture?.input ?? [], stops);
        setText(option, time && one.name !== chosen ? `${one.label} · ${time}` : one.label);
      }
    }
  });
  const places = onChange((found: readonly NetworkLayer[]) => {
    layers = found;
    layer.setOptions(
      found.map((l) => ({ value: l.name, label: `${layerLabel(l)}${l.default ? ", the default" : ""}` })),
    );
  });
  const scores = onChange((names: readonly string[]) => {
    score.setOptions(names.map((name) => ({ value: name, label: SCORES[name] ?? name })));
    score.el.hidden = names.length < 2;
  });
  const build = onChange((next: Method | undefined) => {
    current = next;
    lifetime.abort();
    lifetime = new AbortController();
    const until = AbortSignal.any([signal, lifetime.signal]);
    controls = (next?.params ?? []).map((p) => [
      p.name,
      paramControl(p, (value) => actions.setParams({ [p.name]: value }), until),
    ]);
    params.replaceChildren(...controls.map(([, control]) => control.el));
    setText(explain, next?.explain ?? "");
    setText(cite, next?.cite ?? "");
    reserve.hidden = !next?.reason;
    setText(reserve, next?.reason ? `${sentence(next.reason)}.` : "");
    reserve.classList.toggle("sw-warning", next?.status === "equals");
  });
  return {
    el,
    update(state) {
      const { card, choice: chosen } = state;
      const picture = currentPicture(state);
      el.disabled = isLocked(state, "method");
      lock.hidden = !el.disabled;
      list(card.methods);
      const stopping = chosen.tolerance !== null;
      clock ??= actions.modules.ready && new actions.modules.ready.Clock();
      clock?.hear(state.map, state.predictions.ms);
      price(card, chosen.method, picture, stopping, clock?.turn ?? -1);
      scores(card.scores);
      places(card.layers);
      build(methodOf(card, chosen.method));
      method.set(chosen.method);
      setText(cost, (current && clock?.cost(current, chosen.params, picture?.input ?? [], stopping)[1]) ?? "");
      score.set(chosen.score);
      stops.el.hidden = !current?.stops;
      stops.set(chosen.tolerance !== null);
      tolerance = chosen.tolerance ?? tolerance;
      layer.el.hidden = !current?.layer || layers.length === 0;
      layer.set(chosen.layer ?? layers.find((l) => l.default)?.name ?? "");
      for (const [name, control] of controls) {
        const value = chosen.params[name];
        if (value !== undefined) {
          control.set(value);
        }
      }
      const untouched = isDefault(current?.params ?? [], chosen.params);
      reset.disabled = untouched;
      reset.hidden = controls.length === 0;
    },
  };
}
