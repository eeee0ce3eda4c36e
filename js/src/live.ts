// What a session and its views need to know of live maps; all that makes them (livemaps.ts) needs a kernel, and comes from it.
import type { Accepted, EndStatus, Frame, Outgoing } from "./protocol.ts";
import type { Phase, SessionState } from "./state.ts";

/** What live maps need of the session. */
export interface LiveHost {
  readonly page: string;
  /** Asks for a live job of the current choice, or once more for a plain map when live has ended. */
  request(): void;
  send(message: Outgoing, data: Uint8Array): void;
  /** Whether the page is on screen, and waits for no answer. */
  ready(): boolean;
}

/** What the session tells live maps. */
export interface LiveSide {
  readonly on: boolean;
  stop(): void;
  /** Ends live on this side alone. */
  off(): void;
  /** A job was accepted; gives the phase that begins. */
  accepted(message: Accepted, own: boolean): Phase;
  refused(): void;
  ended(job: number | null, status: EndStatus): void;
  /** A map has come; whether it will be drawn. */
  frame(frame: Frame, wanted: boolean): boolean;
}

const nothing = (): void => {};

/** Until somebody begins: live jobs are another page's, or of pictures that Python shows. */
export const NOT_LIVE: LiveSide = {
  on: false,
  stop: nothing,
  off: nothing,
  accepted: ({ kind, req }) => (kind !== "live" ? "running" : req === null ? "live" : "idle"),
  refused: nothing,
  ended: nothing,
  frame: () => false,
};

/** What the views draw: the live picture in place of the chosen one, once there is a map of it. */
export function liveView(state: SessionState): SessionState {
  const shown = state.live?.shown;
  if (!shown) {
    return state;
  }
  const { picture, map, heads } = shown;
  return { ...state, images: [picture], image: 0, predictions: { image: picture.id, heads }, map, stale: false };
}
