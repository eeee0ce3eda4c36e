// The part "Add pictures": drop, paste, choose, take or cut one out; what is wrong with it is said before it is sent.
import { h, type Part, setText } from "./dom.ts";
import { isLocked, LOCKED, lockNote } from "./locks.ts";
import { KINDS, LIMITS, prepared, snapshot, Unfit } from "./picture_file.ts";
import { boxOf } from "./region.ts";
import type { Session } from "./session.ts";
import { openCamera, type Source, SourceError } from "./source.ts";
import { type SessionState, shownPicture } from "./state.ts";
import { addedOf } from "./told.ts";
import type { Bench } from "./workshop.ts";

const PREVIEW = 224;

export function createPictures(session: Session, bench: Bench, signal: AbortSignal): Part<SessionState> {
  const { linked, stage } = bench;
  const button = (text: string): HTMLButtonElement => h("button", { type: "button", class: "sw-button" }, text);
  const choose = button("Choose files…");
  const camera = button("Webcam");
  const mark = button("Mark a part");
  const cut = button("Cut it out");
  const file = h("input", {
    type: "file",
    accept: KINDS.join(),
    multiple: true,
    "aria-label": "Picture files",
    hidden: true,
  });
  const alert = h("p", { class: "sw-reserve sw-warning", role: "alert", hidden: true });
  const done = h("p", { class: "sw-small sw-added", "aria-live": "polite" });
  const finder = h("div", { class: "sw-finder", hidden: true });
  const about = h("p", { class: "sw-small" }, `Drop pictures on the one that is shown, or paste one. ${LIMITS}`);
  const lock = lockNote();
  const el = h(
    "fieldset",
    { class: "sw-adding" },
    lock,
    about,
    h("div", { class: "sw-buttons" }, choose, camera, file),
    finder,
    h("div", { class: "sw-buttons" }, mark, cut),
    alert,
    done,
  );

  const say = (text: string): void => {
    alert.hidden = text === "";
    setText(alert, text);
  };

  // One after the other: the kernel decodes one at a time, and a connection carries one large message at a time.
  let line: Promise<void> = Promise.resolve();
  const later = (work: () => Promise<void>): void => {
    line = line.then(work).catch((error: unknown) => {
      const known = error instanceof Unfit || error instanceof SourceError;
      const text = known ? error.message : `This picture cannot be added: ${error}`;
      say([alert.textContent, text].filter(Boolean).join(" ")); // of several files each has its say
      el.closest("details")?.setAttribute("open", "");
    });
  };

  /** Sends it, and shows it when it is there. */
  const hand = (name: string, send: (hear: Parameters<Session["beside"]["image"]>[2]) => void): Promise<void> =>
    new Promise((resolve, reject) => {
      setText(done, `Sending ${name}…`);
      send((news) => {
        if (news.type === "added") {
          const added = addedOf(news);
          if (added !== null) {
            session.setImage(added.image);
            setText(done, [`Added ${name}`, ...added.notes].join("; "));
          }
        } else if (news.type === "lost") {
          setText(done, "");
          reject(new Unfit("There is no kernel to send a picture to. Run the cell again."));
        } else if (news.type === "end") {
          if (news.status !== "complete") {
            setText(done, "");
            reject(new Unfit(news.message ?? `The picture was not added: ${news.status}.`));
          }
          resolve();
        }
      });
    });

  const add = (name: string, data: Blob): void =>
    later(async () => {
      const { bytes, note } = await prepared(data, name);
      await hand(name, (hear) => session.beside.image(name, bytes, hear));
      if (note !== "") {
        setText(done, `${done.textContent}; ${note}`);
      }
    });
  const addAll = (files: Iterable<File>): void => {
    say("");
    if (el.disabled) {
      later(() => Promise.reject(new Unfit(`${LOCKED}.`)));
      return;
    }
    for (const one of files) {
      add(one.name || "pasted picture", one);
    }
  };

  choose.addEventListener("click", () => file.click(), { signal });
  file.addEventListener(
    "change",
    () => {
      addAll([...(file.files ?? [])]);
      file.value = ""; // the same file may be chosen again
    },
    { signal },
  );

  const pictures = (data: DataTransfer | null): File[] => [...(data?.files ?? [])];
  const holds = (event: DragEvent): boolean => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const over = (event: DragEvent): void => {
    if (holds(event)) {
      // Else the browser would leave the page for the file.
      event.preventDefault();
      event.stopPropagation();
      stage.figure.classList.add("sw-dropping");
    }
  };
  const left = (): void => stage.figure.classList.remove("sw-dropping");
  for (const type of ["dragenter", "dragover"] as const) {
    stage.figure.addEventListener(type, over, { signal });
  }
  stage.figure.addEventListener("dragleave", left, { signal });
  stage.figure.addEventListener(
    "drop",
    (event) => {
      left();
      if (holds(event)) {
        event.preventDefault();
        event.stopPropagation();
        addAll(pictures(event.dataTransfer));
      }
    },
    { signal },
  );
  const paste = (event: Event): void => {
    const found = pictures((event as ClipboardEvent).clipboardData);
    if (found.length > 0) {
      event.preventDefault();
      event.stopPropagation();
      addAll(found);
    }
  };

  let source: Source | null = null;
  function shut(): void {
    source?.close();
    source = null;
    finder.hidden = true;
    finder.replaceChildren();
    camera.setAttribute("aria-pressed", "false");
  }
  function look(opened: Source): void {
    source = opened;
    camera.setAttribute("aria-pressed", "true");
    const screen = h("canvas", { class: "sw-finder-screen", role: "img", "aria-label": "What the camera sees" });
    const shoot = h("button", { type: "button", class: "sw-button" }, "Take the picture");
    const off = h("button", { type: "button", class: "sw-button" }, "Camera off");
    finder.replaceChildren(screen, h("div", { class: "sw-buttons" }, shoot, off));
    finder.hidden = false;
    const context = screen.getContext("2d");
    const draw = (): void => {
      const [width, height] = opened.size();
      if (source !== opened || signal.aborted) {
        return;
      }
      if (width > 0 && height > 0) {
        screen.width = PREVIEW;
        screen.height = Math.round((PREVIEW * height) / width);
        opened.draw(context as unknown as OffscreenCanvasRenderingContext2D);
      }
      requestAnimationFrame(draw);
    };
    draw();
    off.addEventListener("click", () => {
      shut();
      camera.focus();
    });
    shoot.addEventListener("click", () => {
      say("");
      later(async () => add("webcam.jpg", await snapshot(opened)));
    });
  }
  camera.addEventListener(
    "click",
    () => {
      if (source !== null) {
        shut();
        return;
      }
      say("");
      openCamera(shut).then(
        (opened) => (signal.aborted ? opened.close() : look(opened)),
        (error: unknown) => say(error instanceof SourceError ? error.message : `The camera cannot be used: ${error}`),
      );
    },
    { signal },
  );
  signal.addEventListener("abort", shut);

  mark.addEventListener("click", () => linked.set({ tool: linked.get().tool === "box" ? "pan" : "box" }), { signal });
  cut.addEventListener(
    "click",
    () => {
      const { region } = linked.get();
      const picture = shownPicture(session.store.get());
      if (region !== null && picture !== null) {
        say("");
        const args = { image: picture.id, box: [...boxOf(region.points)] };
        later(() => hand("the part", (hear) => void session.beside.ask({ kind: "cut", args }, hear)));
      }
    },
    { signal },
  );
  function follow(): void {
    const { tool, region } = linked.get();
    mark.setAttribute("aria-pressed", String(tool === "box"));
    cut.disabled = region === null;
    cut.title = region === null ? "Mark a part of the picture first: press Mark a part, then drag over it" : "";
  }
  linked.subscribe(follow, signal);
  follow();

  let root: Element | null = null;
  return {
    el,
    update(state) {
      const { live } = state;
      el.disabled = isLocked(state, "image");
      lock.hidden = !el.disabled;
      if (el.disabled) {
        shut();
      }
      const found = el.closest(".sw-root");
      if (found !== null && found !== root) {
        root = found;
        root.addEventListener("paste", paste, { signal });
      }
      camera.disabled = live !== null;
      mark.disabled = live !== null;
    },
  };
}
