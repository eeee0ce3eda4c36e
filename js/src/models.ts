// Which of several models is explained; not there where a widget has one.
import { choice } from "./controls.ts";
import { h, onChange, type Part } from "./dom.ts";
import { isLocked, lockNote } from "./locks.ts";
import type { ModelCard } from "./protocol.ts";
import type { SessionState } from "./state.ts";

export function createModels(
  actions: { set(change: { model: string; layer: null }): void },
  signal: AbortSignal,
): Part<SessionState> {
  const given = { label: "Model", options: [], name: "model" };
  const select = choice(given, (model) => actions.set({ model, layer: null }), signal);
  const lock = lockNote();
  const el = h("div", { class: "sw-models", hidden: true }, select.el, lock);
  const list = onChange((models: readonly ModelCard[], method: string) => {
    select.setOptions(
      models.map(({ name, refused }) => ({
        value: name,
        label: name,
        disabled: refused[method] !== undefined,
        title: refused[method] ?? null,
      })),
    );
  });
  return {
    el,
    update(state) {
      const { card, choice: chosen } = state;
      lock.hidden = !isLocked(state, "model");
      select.setDisabled(!lock.hidden);
      const { models = [] } = card;
      el.hidden = models.length === 0;
      list(models, chosen.method);
      select.set(chosen.model ?? "");
    },
  };
}
