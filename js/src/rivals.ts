// Which methods an experiment compares: the map's own, which is always among them, and any that apply beside it; runs none.
import { ALWAYS, type Run } from "./bill.ts";
import { unitsOf } from "./cost.ts";
import { h, onChange, type Part, setText } from "./dom.ts";
import { isLocked, lockNote } from "./locks.ts";
import type { Card, Method } from "./protocol.ts";
import { counted } from "./sentences.ts";
import { currentPicture, type SessionState } from "./state.ts";
import { CONTROLS, fullParams } from "./targets.ts";

/** With the map's own; more lines could not be told apart. */
const MOST = 6;
const NOTE = `At most ${MOST}. An edge detector and a random map are always on the plot, as controls.`;

export interface Rivals extends Part<SessionState> {
  /** All methods that are compared, with their parameters; the map's own first, the others as in the card. */
  runs(): readonly Run[];
}

export function createRivals(changed: () => void, signal: AbortSignal): Rivals {
  const chosen = new Set<string>();
  const lock = lockNote();
  const list = h("div", { class: "sw-rivals-list" });
  const legend = h("legend", { class: "sw-label" }, "Methods compared");
  const el = h("fieldset", {}, legend, lock, list, h("p", { class: "sw-small" }, NOTE));
  let rows: { method: Method; box: HTMLInputElement; cost: HTMLElement }[] = [];
  let runs: Run[] = [];

  const build = onChange((card: Card, own: string) => {
    const beside = ({ name, kind, status, family }: Method): boolean =>
      name !== own && status !== "no" && kind !== "picture" && family !== CONTROLS;
    const all = [...card.methods.filter(({ name }) => name === own), ...card.methods.filter(beside)];
    rows = all.map((method) => {
      const box = h("input", { type: "checkbox", class: "sw-check", value: method.name });
      const toggled = (): void => {
        chosen[box.checked ? "add" : "delete"](method.name);
        changed();
      };
      box.addEventListener("change", toggled, { signal });
      return { method, box, cost: h("span", { class: "sw-small" }) };
    });
    list.replaceChildren(
      ...rows.map(({ method, box, cost }) =>
        h("label", { class: "sw-check-label" }, box, h("span", {}, method.label), cost),
      ),
    );
  });

  return {
    el,
    runs: () => runs,
    update(next) {
      const { card, choice } = next;
      build(card, choice.method);
      const locked = isLocked(next, "method");
      lock.hidden = !locked;
      runs = [];
      for (const { method, box, cost } of rows) {
        const own = method.name === choice.method;
        box.checked = own || (!locked && chosen.has(method.name) && runs.length < MOST);
        const params = own ? choice.params : fullParams(card, method.name, {});
        if (box.checked) {
          runs.push({ method, params });
        }
        const units = unitsOf(method, params, currentPicture(next)?.input ?? []);
        setText(cost, units === null || ALWAYS.includes(method.name) ? "" : counted(units, units, method.unit));
      }
      for (const { method, box } of rows) {
        box.disabled = method.name === choice.method || locked || (runs.length >= MOST && !box.checked);
      }
    },
  };
}
