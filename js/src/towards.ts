// Which picture an experiment goes towards: black, or another one of the widget's; shows a small copy of it.
import { choice } from "./controls.ts";
import { onChange, type Part } from "./dom.ts";
import { isLocked } from "./locks.ts";
import type { Session } from "./session.ts";
import { pictureAt, placeOf, type SessionState } from "./state.ts";
import { thumb, thumbsFor } from "./thumbs.ts";

/** Of more pictures than this the list has those that somebody has looked at. */
const ALL = 200;

export interface Towards extends Part<SessionState> {
  /** Null for black. */
  picture(): { readonly id: string; readonly name: string } | null;
}

export function createTowards(session: Session, changed: () => void, signal: AbortSignal): Towards {
  const thumbs = thumbsFor(session);
  /** Its place among all pictures: an id may change when a picture is read. */
  let wanted: number | null = null;
  let state: SessionState | null = null;
  const select = choice(
    { label: "Other picture", options: [], name: "other" },
    (place) => {
      wanted = place === "" ? null : Number(place);
      changed();
    },
    signal,
  );
  let small: HTMLElement | null = null;
  thumbs.listen(changed, signal);

  const own = (now: SessionState): number => placeOf(now, now.choice.image) ?? now.at;
  const nameOf = ({ images }: SessionState, place: number): string => {
    const label = images.find(({ at }) => at === place)?.label;
    return label ? `${place + 1}: ${label}` : `Picture ${place + 1}`;
  };
  const list = onChange((images: SessionState["images"], { count }: SessionState["album"], without: number) => {
    const places =
      count > ALL
        ? images.flatMap(({ at }) => (at === undefined ? [] : [at])).sort((a, b) => a - b)
        : Array.from({ length: count }, (_, place) => place);
    const pictures = places.map((place) => ({
      ...{ value: String(place), label: nameOf(state as SessionState, place), disabled: place === without },
    }));
    select.setOptions([{ value: "", label: "A black picture" }, ...pictures]);
  });
  /** The one that was chosen, unless it is the picture itself by now. */
  const place = (): number | null =>
    state === null || wanted === own(state) || isLocked(state, "image") ? null : wanted;
  const draw = onChange((at: number | null, url: string | undefined) => {
    small?.remove();
    small = at === null ? null : thumb(url, at);
    select.el.append(...(small === null ? [] : [small]));
  });

  const { el } = select;
  return {
    el,
    picture() {
      const at = place();
      const id = at === null || state === null ? null : pictureAt(state, at);
      return id === null ? null : { id, name: nameOf(state as SessionState, at as number) };
    },
    update(next) {
      state = next;
      list(next.images, next.album, own(next));
      select.setDisabled(isLocked(next, "image"));
      const at = place();
      select.set(at === null ? "" : String(at));
      thumbs.want(el, at === null || el.hidden ? [] : [at]);
      draw(at, at === null ? undefined : thumbs.get(at));
    },
  };
}
