// What is drawn and what goes on: the line of progress, two lines of text, Cancel, and the error bar; decides nothing.
import { h, type Part, setAttributes, setText } from "./dom.ts";
import { sentence, statusOf } from "./sentences.ts";
import type { SessionState } from "./state.ts";

export interface StatusActions {
  cancel(): void;
  dismiss(): void;
}

export function createStatus(
  actions: StatusActions,
  signal: AbortSignal,
): Part<SessionState> & { progress: HTMLElement; alert: HTMLElement; live: HTMLElement } {
  const fill = h("i", { class: "sw-progress-fill" });
  const progress = h("div", { class: "sw-progress", role: "progressbar", "aria-label": "Progress" }, fill);
  const title = h("p", { class: "sw-status-title" });
  const facts = h("p", { class: "sw-status-facts" });
  const cancel = h("button", { type: "button", class: "sw-button sw-cancel", title: "Esc" }, "Cancel");
  const el = h("div", { class: "sw-status" }, title, facts, cancel);
  const message = h("p", { class: "sw-alert-text" });
  const close = h("button", { type: "button", class: "sw-icon", "aria-label": "Dismiss" }, "×");
  const alert = h("div", { class: "sw-alert", role: "alert", hidden: true }, message, close);
  const live = h("div", { class: "sw-hidden", role: "status", "aria-live": "polite" });
  cancel.addEventListener("click", actions.cancel, { signal });
  close.addEventListener("click", actions.dismiss, { signal });

  let newest: SessionState | null = null;
  function tell(state: SessionState): void {
    const said = statusOf(state, performance.now());
    setText(title, said.title);
    setText(facts, said.facts.join(" · "));
    el.classList.toggle("sw-warning", said.tone === "warning");
  }
  // The elapsed time goes on between frames.
  const clock = setInterval(() => newest && newest.startedAt !== null && tell(newest), 100);
  signal.addEventListener("abort", () => clearInterval(clock));

  return {
    el,
    progress,
    alert,
    live,
    update(state) {
      newest = state;
      tell(state);
      const busy = state.phase === "running" || state.phase === "queued";
      const { progress: p } = state;
      const known = busy && p !== null && p.total > 0;
      progress.classList.toggle("sw-busy", busy);
      progress.classList.toggle("sw-unknown", busy && !known);
      setAttributes(progress, {
        "aria-valuemin": 0,
        "aria-valuemax": known ? p.total : null,
        "aria-valuenow": known ? p.done : null,
        "aria-hidden": busy ? null : "true",
      });
      fill.style.transform = known ? `scaleX(${Math.min(1, p.done / p.total)})` : "";
      // A focused button that vanishes would drop the focus to the top of the page.
      if (!busy && state.phase !== "live" && document.activeElement === cancel) {
        el.closest<HTMLElement>(".sw-root")?.focus();
      }
      const follows = state.phase === "live";
      setText(cancel, follows ? "Stop" : "Cancel");
      cancel.hidden = !(busy || follows);
      alert.hidden = state.error === null;
      setText(message, sentence(state.error ?? ""));
      setText(live, state.notice);
    },
  };
}
