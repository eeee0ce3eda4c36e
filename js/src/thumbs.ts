// The strip of small pictures under the large one: only what is in sight is drawn, and asked of the kernel.
import type { Beside } from "./beside.ts";
import { h, type Part, setAttributes } from "./dom.ts";
import { isLocked, veiled } from "./locks.ts";
import type { Told } from "./protocol.ts";
import type { Session } from "./session.ts";
import { placeOf, type SessionState } from "./state.ts";
import { thumbsOf } from "./told.ts";

/** Asked for at once, and how long a hand that scrolls must rest first. */
const TOGETHER = 24;
const REST = 60;
/** Milliseconds until what was not answered is asked for again: a long job may be in the way. */
const AGAIN = 20_000;
/** Kept; of those that were forgotten another copy is asked for. */
const KEPT = 600;
/** CSS pixels from one to the next. */
const STEP = 56;
/** Drawn beyond both ends of what is in sight. */
const BEYOND = 3;

/** The small copies that a page has, shared by its views and their parts. */
class Thumbs {
  readonly #beside: Beside;
  readonly #urls = new Map<number, string>();
  readonly #heard = new Set<() => void>();
  /** What each part has in sight and not here. */
  readonly #wanted = new Map<unknown, readonly number[]>();
  #asked: readonly number[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor({ beside, signal }: Session) {
    this.#beside = beside;
    beside.copied = (told) => this.#take(told);
    signal.addEventListener("abort", () => {
      clearTimeout(this.#timer);
      this.#forget(0);
    });
  }

  /** Undefined until it is there; "" for a picture that cannot be read. */
  get(place: number): string | undefined {
    return this.#urls.get(place);
  }

  /** A part has these in sight; what it had before and was not asked for is let go. */
  want(part: unknown, places: readonly number[]): void {
    const missing = places.filter((place) => !this.#urls.has(place));
    this.#wanted.set(part, missing);
    if (missing.length > 0 && this.#asked.length === 0) {
      this.#ask(REST);
    }
  }

  listen(heard: () => void, signal: AbortSignal): void {
    this.#heard.add(heard);
    signal.addEventListener("abort", () => this.#heard.delete(heard));
  }

  /** Asks once a hand that scrolls has rested; again, should no answer come. */
  #ask(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const missing = [...this.#wanted.values()].flat().filter((place) => !this.#urls.has(place));
      this.#asked = [...new Set(missing)].slice(0, TOGETHER);
      if (this.#asked.length > 0 && this.#beside.copies([...this.#asked])) {
        this.#ask(AGAIN);
      }
    }, ms);
  }

  #take(told: Told): void {
    for (const [place, jpeg] of thumbsOf(told) ?? []) {
      const before = this.#urls.get(place);
      if (before) {
        URL.revokeObjectURL(before);
      }
      this.#urls.set(place, jpeg.length > 0 ? URL.createObjectURL(new Blob([jpeg as BlobPart])) : "");
    }
    this.#forget(KEPT);
    if (this.#asked.every((place) => this.#urls.has(place))) {
      this.#asked = [];
      this.#ask(0);
    }
    for (const heard of this.#heard) {
      heard();
    }
  }

  #forget(most: number): void {
    for (const [place, url] of [...this.#urls].slice(0, Math.max(0, this.#urls.size - most))) {
      URL.revokeObjectURL(url);
      this.#urls.delete(place);
    }
  }
}

const all = new WeakMap<Session, Thumbs>();

export function thumbsFor(session: Session): Thumbs {
  const thumbs = all.get(session) ?? new Thumbs(session);
  all.set(session, thumbs);
  return thumbs;
}

/** A small picture, or its number until it is there. */
export function thumb(url: string | undefined, place: number): HTMLElement {
  return url
    ? h("img", { class: "sw-thumb", src: url, alt: "", draggable: "false" })
    : h("span", { class: "sw-thumb" }, String(place + 1));
}

export function createStrip(session: Session, signal: AbortSignal): Part<SessionState> {
  const thumbs = thumbsFor(session);
  const rail = h("div", {
    class: "sw-rail",
    role: "radiogroup",
    "aria-label": "Pictures",
  });
  const el = h("div", { class: "sw-strip", hidden: true }, rail);
  const drawn = new Map<number, HTMLElement>();
  let state: SessionState | null = null;
  let [current, count] = [-1, 0];
  /** The first map comes first. */
  let ready = false;

  function render(): void {
    const first = Math.max(0, Math.floor(el.scrollLeft / STEP) - BEYOND);
    const last = Math.min(count, Math.ceil((el.scrollLeft + (el.clientWidth || 9 * STEP)) / STEP) + BEYOND);
    for (const [place, item] of drawn) {
      if ((place < first || place >= last) && item !== document.activeElement) {
        item.remove();
        drawn.delete(place);
      }
    }
    const places: number[] = [];
    for (let place = first; place < last; place++) {
      places.push(place);
      let item = drawn.get(place);
      if (item === undefined) {
        item = h("div", {
          class: "sw-frame",
          role: "radio",
          "data-picture": place,
        });
        item.style.left = `${place * STEP}px`;
        drawn.set(place, item);
        rail.append(item);
      }
      const url = thumbs.get(place);
      if (item.firstChild === null || (url && item.firstElementChild?.tagName !== "IMG")) {
        item.replaceChildren(thumb(url, place));
      }
      const label = state?.images.find(({ at }) => at === place)?.label;
      const name = `Picture ${place + 1}${label ? `, ${label}` : ""}`;
      const on = place === current;
      setAttributes(item, {
        "aria-label": name,
        title: label || null,
        "aria-checked": String(on),
        "aria-setsize": count,
        "aria-posinset": place + 1,
        tabindex: on ? 0 : -1,
      });
    }
    if (ready) {
      thumbs.want(el, places);
    }
  }

  /** Scrolls the strip, never the notebook. */
  function reveal(): void {
    const [left, width] = [current * STEP, el.clientWidth];
    el.scrollLeft = Math.min(left - STEP, Math.max(el.scrollLeft, left + 2 * STEP - width));
  }

  rail.addEventListener(
    "click",
    (event) => {
      const item = (event.target as Element).closest("[data-picture]");
      if (item !== null) {
        session.setImage(Number(item.getAttribute("data-picture")));
      }
    },
    { signal },
  );
  rail.addEventListener(
    "keydown",
    (event) => {
      const to = { ArrowRight: current + 1, ArrowLeft: current - 1, Home: 0, End: count - 1 }[event.key];
      if (to === undefined || state === null) {
        return;
      }
      event.preventDefault();
      session.setImage(Math.min(count - 1, Math.max(0, to)));
      update(veiled(session.store.get()));
      drawn.get(current)?.focus({ preventScroll: true });
    },
    { signal },
  );
  el.addEventListener("scroll", () => requestAnimationFrame(render), { signal, passive: true });
  thumbs.listen(render, signal);

  function update(next: SessionState): void {
    const place = placeOf(next, next.choice.image) ?? next.at;
    const changed = place !== current || next.album.count !== count || next.images !== state?.images;
    const shown = (el.hidden && next.album.count > 1) || (!ready && next.map?.final === true);
    ready ||= next.map?.final === true;
    state = next;
    setAttributes(rail, { "aria-disabled": isLocked(next, "image") ? "true" : null });
    if (!(changed || shown)) {
      return;
    }
    const moved = place !== current || shown;
    [current, count] = [place, next.album.count];
    el.hidden = count < 2;
    rail.style.width = `${count * STEP - 8}px`;
    if (!el.hidden) {
      if (moved) {
        reveal();
      }
      render();
    }
  }
  return { el, update };
}
