// Where the evidence is by somebody's word: the outline on the picture, and each map's share inside; computes no map.
import { contours } from "./contour.ts";
import { h, onChange, type Part } from "./dom.ts";
import { isRevealed } from "./locks.ts";
import type { Picture } from "./protocol.ts";
import type { Area } from "./region.ts";
import type { Session } from "./session.ts";
import type { Marked } from "./shares.ts";
import { type SessionState, shownPicture } from "./state.ts";
import type { Bench } from "./workshop.ts";

/** Pixels on a grid over the whole picture, row by row as 0 and 1. */
export interface Mask {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly inside: Uint8Array;
}

const INKS = 4;

/** The masks of a picture, from the lengths of their runs outside, inside, outside, ...; none where they make no sense. */
export function unpack({ masks = [], data }: SessionState["masks"]): Mask[] {
  const view = data === null ? null : new DataView(data.buffer, data.byteOffset, data.byteLength);
  let read = 0;
  return masks.flatMap(({ name, width, height, runs }) => {
    const [w, ht] = [Number(width), Number(height)];
    const inside = new Uint8Array(w * ht);
    let at = 0;
    for (let i = 0; i < Number(runs) && view !== null && read + 2 <= view.byteLength; i++, read += 2) {
      const length = view.getUint16(read, true);
      inside.fill(i % 2, at, at + length);
      at += length;
    }
    return at === w * ht ? [{ name: String(name), width: w, height: ht, inside }] : [];
  });
}

/** The cells of a grid over what the model saw whose centres lie in a mask. */
export function areaOf(mask: Mask, { width: across, height: down, box: [l, t, r, b] }: Picture): Area {
  return {
    inside(width, height) {
      const found = new Uint8Array(width * height);
      for (let y = 0; y < height; y++) {
        const row = Math.floor(((t + ((y + 0.5) / height) * (b - t)) / down) * mask.height);
        for (let x = 0; x < width && row >= 0 && row < mask.height; x++) {
          const column = Math.floor(((l + ((x + 0.5) / width) * (r - l)) / across) * mask.width);
          const seen = column >= 0 && column < mask.width;
          found[y * width + x] = seen ? (mask.inside[row * mask.width + column] as number) : 0;
        }
      }
      return found;
    },
  };
}

/** The edge of a mask as an SVG path in the picture's pixels. */
export function edge({ inside, width, height }: Mask, picture: Picture): string {
  const [across, down] = [picture.width / width, picture.height / height];
  const lines = contours({ values: inside, width, height }, 0.5).map(({ points, closed }) => {
    const line = points.map(([x, y]) => `${(x * across).toFixed(1)} ${(y * down).toFixed(1)}`).join("L");
    return `M${line}${closed ? "Z" : ""}`;
  });
  return lines.join("");
}

export function createMasks(session: Session, { linked, shares }: Bench, signal: AbortSignal): Part<SessionState> {
  /** By name, so that the same ones are shown of the next picture. */
  const on = new Set<string>();
  const chips = h("div", { class: "sw-chips", role: "group", "aria-label": "Masks" });
  const tables = h("div");
  const el = h("div", { hidden: true }, chips, tables);
  let shown: { area: Area; part: Part<Marked> }[] = [];
  let list: readonly Mask[] = [];
  let now: SessionState | null = null;

  const read = onChange((masks: SessionState["masks"], picture: Picture | null) => {
    list = picture !== null && masks.image === picture.id ? unpack(masks) : [];
  });
  const build = onChange((_list: readonly Mask[], picture: Picture | null, _on: number) => {
    chips.replaceChildren(
      "Masks",
      ...list.map(({ name }, i) => {
        const line = h("i", { class: `sw-tag-line sw-mask-${i % INKS}` });
        // Of its own, since a head may be called the same.
        const label = { "aria-label": `Mask ${name}`, "aria-pressed": String(on.has(name)), "data-mask": name };
        return h("button", { type: "button", class: "sw-tag", ...label }, line, name);
      }),
    );
    el.hidden = list.length === 0;
    const chosen = picture === null ? [] : list.filter(({ name }) => on.has(name));
    shown = chosen.map((mask) => ({ area: areaOf(mask, picture as Picture), part: shares(mask.name) }));
    tables.replaceChildren(...shown.map(({ part }) => part.el));
    const outlines = chosen.map((mask) => ({ path: edge(mask, picture as Picture), ink: list.indexOf(mask) % INKS }));
    linked.set({ outlines });
  });

  let turns = 0;
  /** What was revealed is shown at once. */
  const show = onChange((revealed: boolean, masks: readonly Mask[]) => {
    for (const { name } of revealed ? masks : []) {
      on.add(name);
    }
    turns += 1;
  });
  chips.addEventListener(
    "click",
    (event) => {
      const name = (event.target as Element).closest("button")?.getAttribute("data-mask");
      if (name === null || name === undefined || now === null) {
        return;
      }
      if (!on.delete(name)) {
        on.add(name);
      }
      turns += 1;
      update(now);
      chips.querySelector<HTMLElement>(`[data-mask="${CSS.escape(name)}"]`)?.focus();
    },
    { signal },
  );

  function update(state: SessionState): void {
    now = state;
    const picture = state.live === null ? shownPicture(state) : null;
    read(state.masks, picture);
    show(isRevealed(state, "truth"), list);
    build(list, picture, turns);
    const { map, card, stale, choice } = state;
    const fits = map !== null && map.image === picture?.id && map.picture === null;
    const maps = fits && shown.length > 0 ? [map, ...(stale ? [] : session.library.related(choice, card))] : [];
    for (const { area, part } of shown) {
      part.update({ region: area, picture, maps, card });
    }
  }
  return { el, update };
}
