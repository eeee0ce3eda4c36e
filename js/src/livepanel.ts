// The part "Live": which source, start and stop, how fast, and what went wrong with a source; the maps are not its concern.
import { decodePicture } from "./canvas.ts";
import { openCrop } from "./crop.ts";
import { h, type Part, setAttributes, setText } from "./dom.ts";
import { liveOf } from "./livemaps.ts";
import { isLocked, lockNote } from "./locks.ts";
import { rateText } from "./sentences.ts";
import type { Session } from "./session.ts";
import { openCamera, openFile, type Source, SourceError } from "./source.ts";
import { currentPicture, type SessionState } from "./state.ts";
import type { Bench } from "./workshop.ts";

const NO_PICTURE = "There is no picture yet to move a crop over.";

export function createLivePanel(session: Session, { aside }: Bench, signal: AbortSignal): Part<SessionState> {
  const live = liveOf(session);
  aside.classList.add("sw-live-rate");
  const button = (text: string): HTMLButtonElement => h("button", { type: "button", class: "sw-button" }, text);
  const camera = button("Webcam");
  const film = button("Video file…");
  const crop = button("Moving crop");
  const file = h("input", { type: "file", accept: "video/*", "aria-label": "Video file", hidden: true });
  const alert = h("p", { class: "sw-reserve sw-warning", role: "alert", hidden: true });
  const own = h("div", { class: "sw-live-source" });
  const stop = h("button", { type: "button", class: "sw-button sw-live-stop", hidden: true }, "Stop live");
  const about = h(
    "p",
    { class: "sw-small" },
    "Each picture gets its own map, by a method of one gradient. Pictures go to the kernel one by one, scaled down, and none is kept.",
  );
  const buttons = h("div", { class: "sw-live-sources" }, camera, film, crop, file);
  const lock = lockNote();
  const el = h("fieldset", {}, lock, about, buttons, alert, own, stop);

  let asked = 0;
  let mine: Source | null = null;
  const say = (text: string): void => {
    alert.hidden = text === "";
    setText(alert, text);
  };
  /** Opening takes a while, and a person may press another button meanwhile: the last one counts. */
  async function begin(open: () => Promise<Source>): Promise<void> {
    asked += 1;
    const turn = asked;
    say("");
    try {
      const source = await open();
      if (turn !== asked || signal.aborted) {
        source.close();
        return;
      }
      mine = source;
      live.start(source);
    } catch (error) {
      if (turn === asked) {
        say(error instanceof SourceError ? error.message : `This source cannot be used: ${error}`);
      }
    }
  }
  const halt = (): void => {
    asked += 1;
    live.stop();
  };
  async function overPicture(): Promise<Source> {
    const { base } = session.store.get();
    const bitmap = base === null ? null : await decodePicture(base);
    if (bitmap === null) {
      throw new SourceError(NO_PICTURE);
    }
    const [width, height] = currentPicture(session.store.get())?.input ?? [1, 1];
    return openCrop(bitmap, width / height, signal);
  }
  const unplugged = (): void => {
    halt();
    say("The camera was switched off or unplugged.");
  };
  /** A pressed button is a source that is on: pressing it again ends it. */
  const toggle = (kind: Source["kind"], start: () => void) => () =>
    session.store.get().live?.kind === kind ? halt() : start();
  camera.addEventListener(
    "click",
    toggle("camera", () => void begin(() => openCamera(unplugged))),
    { signal },
  );
  crop.addEventListener(
    "click",
    toggle("crop", () => void begin(overPicture)),
    { signal },
  );
  film.addEventListener(
    "click",
    toggle("video", () => file.click()),
    { signal },
  );
  file.addEventListener(
    "change",
    () => {
      const chosen = file.files?.[0];
      file.value = ""; // the same file may be chosen again
      if (chosen !== undefined) {
        void begin(() => openFile(chosen));
      }
    },
    { signal },
  );
  stop.addEventListener("click", halt, { signal });
  // The source's video or crop goes with this view.
  signal.addEventListener("abort", () => live.uses(mine) && live.stop());

  return {
    el,
    update(state) {
      const { live: now } = state;
      el.disabled = isLocked(state, "image");
      lock.hidden = !el.disabled;
      if (el.disabled && live.uses(mine)) {
        halt();
      }
      const shown = now?.el ?? null;
      if (own.firstChild !== shown && (shown === null || live.uses(mine))) {
        own.replaceChildren(...(shown === null ? [] : [shown]));
      }
      // A focused button that vanishes would drop the focus to the top of the page.
      if (now === null && document.activeElement === stop) {
        crop.focus();
      }
      stop.hidden = now === null;
      setText(aside, now === null ? "" : rateText(now.rate));
      setAttributes(camera, { "aria-pressed": String(now?.kind === "camera") });
      setAttributes(film, { "aria-pressed": String(now?.kind === "video") });
      setAttributes(crop, { "aria-pressed": String(now?.kind === "crop") });
    },
  };
}
