// The controls one click away: maps that explain nothing, beside which an explanation can be judged; knows none by name.
import { h, onChange, type Part, setAttributes, setText } from "./dom.ts";
import { isLocked } from "./locks.ts";
import type { Card } from "./protocol.ts";
import { methodLabel } from "./sentences.ts";
import type { SessionState } from "./state.ts";
import { CONTROLS, methodOf } from "./targets.ts";

/** "Edge detector (control)" without the remark: that it is a control is said beside it. */
const short = (label: string): string => label.replace(/ \(.*\)$/, "");

export function createCompare(actions: { compare(control: string): void }, signal: AbortSignal): Part<SessionState> {
  const list = h("span", { class: "sw-compare-list" });
  const back = h("button", { type: "button", class: "sw-link sw-back", hidden: true }, "Back");
  const what = h("span", {}, "Compare with");
  const el = h("fieldset", { class: "sw-compare", role: "group", "aria-label": "Compare with" }, what, back, list);
  let buttons: [string, HTMLElement][] = [];
  let shown = "";
  const build = onChange((card: Card) => {
    buttons = card.methods
      .filter((m) => m.family === CONTROLS && m.status !== "no")
      .map((m) => [m.name, h("button", { type: "button", class: "sw-chip", title: m.explain }, short(m.label))]);
    list.replaceChildren(...buttons.map(([, button]) => button));
    el.hidden = buttons.length === 0;
  });
  list.addEventListener(
    "click",
    (event) => {
      const pressed = buttons.find(([, button]) => button.contains(event.target as Node));
      if (pressed !== undefined) {
        actions.compare(pressed[0]);
      }
    },
    { signal },
  );
  back.addEventListener("click", () => actions.compare(shown), { signal });
  return {
    el,
    update(state) {
      const { card, choice, compared } = state;
      el.disabled = isLocked(state, "method");
      build(card);
      shown = choice.method;
      const on = methodOf(card, shown)?.family === CONTROLS;
      for (const [name, button] of buttons) {
        setAttributes(button, { "aria-pressed": String(name === shown) });
      }
      if ((!on || compared === null) && document.activeElement === back) {
        buttons[0]?.[1].focus();
      }
      back.hidden = !on || compared === null;
      what.hidden = !back.hidden;
      setText(back, compared === null ? "Back" : `Back to ${methodLabel(card, compared.method)}`);
    },
  };
}
