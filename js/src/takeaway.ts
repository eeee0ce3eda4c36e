// The part "Take away": the Python code of the map on screen, its picture and its numbers as files. The kernel writes the
// code and the numbers; the picture is made here.
import type { News } from "./beside.ts";
import { h, type Part, setText } from "./dom.ts";
import { drawPoster, fileName } from "./poster.ts";
import type { FileArgs, FileData } from "./protocol.ts";
import type { Session } from "./session.ts";
import type { SessionState } from "./state.ts";
import type { Bench } from "./workshop.ts";

/** Milliseconds that the map and its display rest before the code is asked for again. */
export const REST = 250;
const TOLD = 2500;
const NO_KERNEL = "This needs a running kernel.";
const NO_MAP = "The code comes with a finished map.";

export function createTakeaway(session: Session, { aside, linked, stage }: Bench, signal: AbortSignal) {
  const button = (text: string): HTMLButtonElement => h("button", { type: "button", class: "sw-button" }, text);
  const copy = button("Copy");
  const png = button("Download PNG");
  const npz = button("Download NPZ");
  const text = h("code", {});
  const box = h(
    "pre",
    { class: "sw-code", tabindex: 0, role: "region", "aria-label": "Python code of this map" },
    text,
  );
  const alert = h("p", { class: "sw-reserve sw-warning", role: "alert", hidden: true });
  const told = h("span", { class: "sw-small", "aria-live": "polite" });
  const el: HTMLElement = h(
    "div",
    { class: "sw-take" },
    h("div", { class: "sw-take-head" }, h("span", { class: "sw-label" }, "Copy as Python"), told, copy),
    box,
    h(
      "div",
      { class: "sw-take-files" },
      png,
      npz,
      h("p", { class: "sw-small" }, "PNG: the map as it is shown. NPZ: all its numbers, for sw.Explanation.load."),
    ),
    alert,
  );

  let state: SessionState | null = null;
  /** What the shown code is of, or will be once it comes. */
  let wanted = "";
  let code = "";
  let resting: ReturnType<typeof setTimeout> | undefined;
  let fading: ReturnType<typeof setTimeout> | undefined;
  let cancel = (): void => {};

  const warn = (problem: string): void => {
    alert.hidden = problem === "";
    setText(alert, problem);
  };
  const tell = (news: string): void => {
    setText(told, news);
    clearTimeout(fading);
    fading = setTimeout(() => setText(told, ""), TOLD);
  };
  const shown = (): HTMLDetailsElement | null => aside.closest("details");

  /** The kernel knows the map by its key; null where it would not know what to do. */
  function request(what: FileArgs["what"]): FileArgs | null {
    const { map, stale, display, live } = state ?? session.store.get();
    return map === null || !map.final || !map.key || stale || live !== null
      ? null
      : {
          what,
          key: map.key,
          target: map.name,
          sign: display.sign,
          channels: display.channels,
          smooth: display.smooth,
        };
  }

  function ask(args: FileArgs, use: (file: FileData) => void, lost: (problem: string) => void): () => void {
    return session.beside.ask({ kind: "file", args }, (news: News) => {
      if (signal.aborted) {
        return;
      }
      if (news.type === "file") {
        use(news);
      } else if (news.type === "lost") {
        lost(NO_KERNEL);
      } else if (news.type === "end" && news.status === "error") {
        lost(news.message ?? NO_KERNEL);
      } else if (news.type === "end" && news.status === "superseded") {
        setTimeout(() => signal.aborted || ask(args, use, lost), REST); // another page asked at the same moment
      }
    });
  }

  const show = (found: string, empty = NO_MAP): void => {
    code = found;
    setText(text, found || empty);
    copy.disabled = found === "";
  };

  /** Has the code of what is on screen now, once it rests; only while the part is open. */
  function refresh(): void {
    const args = request("code");
    const now = args === null ? "" : JSON.stringify(args);
    npz.disabled = args === null;
    if (!shown()?.open || now === wanted) {
      return;
    }
    wanted = now;
    clearTimeout(resting);
    cancel();
    cancel = () => {};
    copy.disabled = true; // what is in the box is of the map before
    if (args === null) {
      show("");
      return;
    }
    resting = setTimeout(() => {
      cancel = ask(
        args,
        ({ data }) => wanted === now && show(new TextDecoder().decode(data)),
        (problem) => wanted === now && show("", problem),
      );
    }, REST);
  }

  /** Without the clipboard, as in a frame that the host has not allowed it, the old way; then at least it is selected. */
  function copyOldWay(): boolean {
    const range = document.createRange();
    range.selectNodeContents(text);
    const selection = window.getSelection();
    selection?.removeAllRanges();
    selection?.addRange(range);
    try {
      return document.execCommand("copy");
    } catch {
      return false;
    }
  }

  async function copyCode(): Promise<void> {
    try {
      await navigator.clipboard.writeText(code);
      tell("Copied");
    } catch {
      tell(copyOldWay() ? "Copied" : "Selected: copy it with Ctrl C");
    }
  }

  function save(name: string, content: Blob): void {
    const url = URL.createObjectURL(content);
    const link = h("a", { href: url, download: name, hidden: true });
    el.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  copy.addEventListener("click", () => void copyCode(), { signal });
  png.addEventListener(
    "click",
    () => {
      const now = state;
      const canvas = now && drawPoster(now, stage.bitmap(), linked.get().view);
      warn(canvas ? "" : "There is no picture to save yet.");
      canvas?.toBlob((made) => now && made && save(fileName(now, "png"), made), "image/png");
    },
    { signal },
  );
  npz.addEventListener(
    "click",
    () => {
      const args = request("npz");
      warn("");
      if (args !== null) {
        ask(args, ({ name, data }) => save(name, new Blob([data.slice()])), warn);
      }
    },
    { signal },
  );
  signal.addEventListener("abort", () => {
    clearTimeout(resting);
    clearTimeout(fading);
  });
  const toggled = (): void => {
    wanted = code === "" ? "" : wanted; // what could not be had may be had now
    refresh();
  };
  shown()?.addEventListener("toggle", toggled, { signal });
  show("");
  return {
    el,
    update(next) {
      state = next;
      png.disabled = next.live !== null || next.stale;
      refresh();
    },
  } satisfies Part<SessionState>;
}
