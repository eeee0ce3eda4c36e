// The method, what it does and who wrote it, its parameters and the score; draws from the card, knows no method by name.
import { type Control, choice, isDefault, paramControl } from "./controls.ts";
import { h, onChange, type Part, setText } from "./dom.ts";
import type { Method, Params, ParamValue } from "./protocol.ts";
import type { SessionState } from "./state.ts";

export interface MethodActions {
  setMethod(method: string): void;
  setScore(score: string): void;
  setParams(patch: Params): void;
}

const SCORES: Readonly<Record<string, string>> = {
  logit: "Logit",
  log_softmax: "Log-softmax",
  probability: "Probability",
};

export function createMethod(actions: MethodActions, signal: AbortSignal): Part<SessionState> {
  const method = choice({ label: "Method", options: [], name: "method" }, (name) => actions.setMethod(name), signal);
  method.el.classList.add("sw-row-first");
  const explain = h("p", { class: "sw-explain" });
  const cite = h("p", { class: "sw-small sw-cite" });
  const score = choice(
    {
      label: "Score",
      help: "The number whose gradient is taken",
      options: [],
      name: "score",
    },
    (name) => actions.setScore(name),
    signal,
  );
  const params = h("div", { class: "sw-params" });
  const reset = h("button", { type: "button", class: "sw-link" }, "Reset to defaults");
  const el = h(
    "section",
    { class: "sw-section", "aria-label": "Method" },
    method.el,
    explain,
    cite,
    h("div", { class: "sw-params" }, params, score.el, reset),
  );

  let current: Method | undefined;
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
        label: m.applies ? m.label : `${m.label} (${m.reason ?? "does not apply"})`,
        disabled: !m.applies,
        title: m.reason,
      })),
    ),
  );
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
    const partial = next?.kind === "partial" ? " Shown while it runs: a part of the way, not an estimate." : "";
    setText(explain, next ? next.explain + partial : "");
    setText(cite, next?.cite ?? "");
  });
  return {
    el,
    update({ card, choice: chosen }) {
      list(card.methods);
      scores(card.scores);
      build(card.methods.find((m) => m.name === chosen.method));
      method.set(chosen.method);
      score.set(chosen.score);
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
