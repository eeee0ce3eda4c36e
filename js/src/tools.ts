// The buttons under the picture: what a drag does, zoom, and a hold to see the picture alone; moves nothing itself.
import { h, type Part, setAttributes, setText } from "./dom.ts";
import { STEP } from "./gestures.ts";
import { icon } from "./icons.ts";
import type { Linked, Tool } from "./linked.ts";
import type { Store } from "./store.ts";
import { FIT, zoomAt } from "./viewport.ts";

type Icon = Parameters<typeof icon>[0];

function button(sign: Icon, label: string, key: string): HTMLButtonElement {
  const made = h("button", { type: "button", class: "sw-tool", "aria-label": label, title: `${label} (${key})` });
  made.append(icon(sign));
  return made;
}

const MIDDLE = [0.5, 0.5] as const;

export function createTools(
  linked: Store<Linked>,
  most: () => number,
  signal: AbortSignal,
): Part<Linked> & { peek(on: boolean): void } {
  const box = button("box", "Mark a box", "b");
  const lasso = button("lasso", "Mark with a lasso", "l");
  const clear = button("clear", "Clear the marked region", "Delete");
  const out = button("minus", "Zoom out", "−");
  const into = button("plus", "Zoom in", "+");
  const fit = button("fit", "Fit the picture", "0");
  const much = h("span", { class: "sw-zoom" });
  const eye = button("eye", "Hold to see the picture alone", "p");
  const el = h(
    "div",
    { class: "sw-tools" },
    h("span", { class: "sw-tool-group", role: "group", "aria-label": "Zoom" }, much, out, into, fit),
    h("span", { class: "sw-tool-group", role: "group", "aria-label": "Region" }, box, lasso, clear),
    eye,
  );
  const on = (target: HTMLElement, run: () => void): void => target.addEventListener("click", run, { signal });
  const zoom = (factor: number) => (): void => {
    linked.set({ view: zoomAt(linked.get().view, factor, MIDDLE, most()) });
  };
  const choose = (tool: Tool) => (): void => {
    linked.set({ tool: linked.get().tool === tool ? "pan" : tool, draft: null });
  };
  on(out, zoom(1 / STEP));
  on(into, zoom(STEP));
  on(fit, () => linked.set({ view: FIT }));
  on(box, choose("box"));
  on(lasso, choose("lasso"));
  on(clear, () => linked.set({ region: null, draft: null }));

  const peek = (peeking: boolean): void => linked.set({ peeking });
  eye.addEventListener("pointerdown", () => peek(true), { signal });
  for (const name of ["pointerup", "pointercancel", "blur"]) {
    window.addEventListener(name, () => peek(false), { signal });
  }
  eye.addEventListener("blur", () => peek(false), { signal });
  const held = (down: boolean) => (event: KeyboardEvent) => {
    if (event.key === " " || event.key === "Enter") {
      peek(down);
      event.preventDefault();
    }
  };
  eye.addEventListener("keydown", held(true), { signal });
  eye.addEventListener("keyup", held(false), { signal });
  // Neither pointer nor key: something that helps a person press. It cannot hold, so it presses again to end.
  eye.addEventListener("click", (event) => event.detail === 0 && peek(!linked.get().peeking), { signal });

  /** A focused button that cannot be pressed any more would drop the focus to the top of the page. */
  const enable = (target: HTMLButtonElement, able: boolean, other: HTMLElement): void => {
    if (!able && document.activeElement === target) {
      other.focus();
    }
    target.disabled = !able;
  };
  return {
    el,
    peek,
    update({ view, tool, region, peeking }) {
      enable(out, view.zoom > 1, into);
      enable(fit, view.zoom > 1, into);
      enable(into, view.zoom < most() * 0.999, out);
      enable(clear, region !== null, box);
      setText(much, view.zoom > 1 ? `${view.zoom < 10 ? view.zoom.toFixed(1) : Math.round(view.zoom)}×` : "");
      setAttributes(box, { "aria-pressed": String(tool === "box") });
      setAttributes(lasso, { "aria-pressed": String(tool === "lasso") });
      setAttributes(eye, { "aria-pressed": String(peeking) });
    },
  };
}
