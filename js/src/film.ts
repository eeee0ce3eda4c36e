// What stands under the picture and needs a kernel: the strip of small pictures, and the masks; lays both out.
import { h, type Part } from "./dom.ts";
import { createMasks } from "./masks.ts";
import type { Session } from "./session.ts";
import type { SessionState } from "./state.ts";
import { createStrip } from "./thumbs.ts";
import type { Bench } from "./workshop.ts";

export function createFilm(session: Session, bench: Bench, signal: AbortSignal): Part<SessionState> {
  const strip = createStrip(session, signal);
  const masks = createMasks(session, bench, signal);
  return {
    el: h("div", {}, strip.el, masks.el),
    update(state) {
      strip.update(state);
      masks.update(state);
    },
  };
}
