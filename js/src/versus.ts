// The other class of a contrast as a field beside a head's name, for keyboard and touch; a mouse has Shift and a click too.
import { h, type Part } from "./dom.ts";
import type { ClassHead } from "./protocol.ts";
import { ALL } from "./protocol.ts";

interface Shown {
  /** The chosen class of this head, if it is the head of the choice. */
  chosen: number | null;
  against: number | null;
  /** The rows that are drawn: of a thousand classes only these are offered. */
  shown: readonly number[];
  locked: boolean;
}

const RATHER = "rather than";

export function createVersus(
  head: ClassHead,
  select: (index: number, versus: number | null) => void,
  signal: AbortSignal,
): Part<Shown> {
  const field = h("select", {
    class: "sw-versus",
    "data-field": "versus",
    "aria-label": "Rather than",
    title: "Why this class rather than another (or Shift and a click on the other one)",
  });
  const el = h("span", { class: "sw-versus-shell" }, field);
  let now: Shown = { chosen: null, against: null, shown: [], locked: false };
  let drawn = "";
  field.addEventListener(
    "change",
    () => now.chosen !== null && select(now.chosen, field.value === "" ? null : Number(field.value)),
    { signal },
  );
  return {
    el,
    update(next) {
      now = next;
      const { chosen, against, shown } = next;
      el.hidden = chosen === null || chosen === ALL || head.classes.length < 2;
      if (el.hidden) {
        return;
      }
      const others = shown.filter((index) => index !== chosen);
      const key = others.join();
      // A list that is open must not be made anew under the hand.
      if (key !== drawn) {
        drawn = key;
        field.replaceChildren(
          h("option", { value: "" }, `${RATHER} …`),
          ...others.map((index) => h("option", { value: index }, `${RATHER} ${head.classes[index] ?? index}`)),
        );
      }
      const value = against === null ? "" : String(against);
      if (field.value !== value) {
        field.value = value;
      }
      field.disabled = next.locked;
      field.classList.toggle("sw-on", against !== null);
    },
  };
}
