// What the reader of a question may not change, and what stays hidden until it is revealed. The kernel says which parts
// these are (`locked`) and refuses what changes them; revealing is the page's own act, one picture at a time.
import { h, type Part } from "./dom.ts";
import { icon } from "./icons.ts";
import type { Session } from "./session.ts";
import type { SessionState } from "./state.ts";
import type { Choice } from "./traits.ts";

export type Hidden = "predictions" | "truth";
export type Lockable = "image" | "model" | "target" | "method" | "display" | Hidden;

/** As the kernel writes it: `reveal` are those of the hidden parts that have a button. */
export interface Locked {
  readonly parts: readonly string[];
  readonly reveal: readonly string[];
}

export const LOCKED = "Locked for this question";

type Scene = Pick<SessionState, "locked" | "choice" | "revealed">;

export const isLocked = ({ locked }: Pick<SessionState, "locked">, part: Lockable): boolean =>
  locked.parts.includes(part);

/** Of each picture it is revealed anew: the next one is a question again. */
const reveals = (part: Hidden, { choice }: Pick<SessionState, "choice">): string => `${part} ${choice.image}`;

export const isHidden = (state: Scene, part: Hidden): boolean =>
  isLocked(state, part) && !state.revealed.includes(reveals(part, state));

/** It was hidden, and the reader has had it shown. */
export const isRevealed = (state: Scene, part: Hidden): boolean => isLocked(state, part) && !isHidden(state, part);

/** What was revealed and may still be seen: what was unlocked meanwhile is hidden again when it is locked again. */
export const stillRevealed = ({ reveal }: Locked, revealed: readonly string[]): string[] =>
  revealed.filter((one) => reveal.some((part) => one.startsWith(part)));

/** Whether another choice would change something locked. The layers of another model are not those of this one. */
export function barred(state: Pick<SessionState, "locked" | "choice">, change: Partial<Choice>): boolean {
  return Object.entries(change).some(([name, value]) => {
    const own = ["image", "target", "model"].includes(name);
    const part = own ? name : name === "layer" && change.model !== undefined ? "model" : "method";
    const same = JSON.stringify(value) === JSON.stringify(state.choice[name as keyof Choice]);
    return !same && isLocked(state, part as Lockable);
  });
}

const NO_MASKS: SessionState["masks"] = { data: null };
const nameless = new WeakMap<SessionState["images"], SessionState["images"]>();

/** What the views draw: nothing that is hidden. A picture's name may tell what it shows, so it goes too. */
export function veiled(state: SessionState): SessionState {
  const { predictions, images, album } = state;
  const { heads: _, ...rest } = predictions;
  const named = nameless.get(images) ?? images.map((picture) => ({ ...picture, label: "", truth: {}, notes: [] }));
  nameless.set(images, named);
  return {
    ...state,
    ...(isHidden(state, "predictions") && { predictions: rest }),
    ...(isHidden(state, "truth") && { images: named, masks: NO_MASKS, album: { ...album, labelled: false } }),
  };
}

/** The sign of a lock with a word, at the head of what is locked; hidden at first. */
export const lockNote = (): HTMLElement => h("p", { class: "sw-small sw-lock", hidden: true }, icon("lock"), LOCKED);

const PARTS: readonly [Hidden, string][] = [
  ["predictions", "Predictions are hidden"],
  ["truth", "The truth is hidden"],
];

/** What stands in place of what is hidden: that it is, and a button that shows it. Takes the state as it is, unveiled. */
export function createReveal({ store }: Session, signal: AbortSignal): Part<SessionState> {
  const rows = PARTS.map(([part, text]) => {
    const button = h("button", { type: "button", class: "sw-button" }, `Reveal ${part}`);
    const row = h("div", { class: "sw-kept" }, h("span", { class: "sw-small" }, icon("lock"), text), button);
    const show = (): void => {
      const state = store.get();
      store.set({
        revealed: [...state.revealed, reveals(part, state)],
        notice: `${part === "truth" ? "Truth" : "Predictions"} revealed.`,
      });
      // A focused button that vanishes would drop the focus to the top of the page.
      row.closest<HTMLElement>(".sw-root")?.focus();
    };
    button.addEventListener("click", show, { signal });
    return { part, row, button };
  });
  return {
    el: h("div", { class: "sw-keeps" }, ...rows.map(({ row }) => row)),
    update(state) {
      const { album, masks, images, image, locked } = state;
      const known = album.labelled || masks.data?.length || Object.keys(images[image]?.truth ?? {}).length;
      for (const { part, row, button } of rows) {
        row.hidden = !isHidden(state, part) || (part === "truth" && !known);
        button.hidden = !locked.reveal.includes(part);
      }
    },
  };
}
