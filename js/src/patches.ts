// What a request, its acceptance and its end change of what the views are told; pure, so it neither asks nor listens.
import type { MapData } from "./maps.ts";
import type { Card, End, Frame } from "./protocol.ts";
import { doneNotice } from "./sentences.ts";
import type { Phase, SessionState } from "./state.ts";
import type { Choice } from "./traits.ts";

type Patch = Partial<SessionState>;

/** The page asks; `cached` is a map that it has already. */
export function asking(
  choice: Choice,
  map: MapData | null,
  cached: MapData | undefined,
  live: boolean,
  card: Card,
): Patch {
  // A map from the cache is complete: checking it is no run that a person waits for.
  const phase = live ? "live" : cached === undefined ? "running" : "idle";
  return {
    choice,
    map: cached ?? map,
    stale: cached === undefined && map !== null,
    phase,
    startedAt: performance.now(),
    progress: null,
    cancelled: false,
    error: null,
    notice: live ? "Live" : cached === undefined ? "" : doneNotice(cached, card),
  };
}

/** The kernel took a request: this page's own, or one that was made elsewhere. */
export function taken({ map, stale, startedAt }: SessionState, choice: Choice, own: boolean, begun: Phase): Patch {
  const painted = own && map !== null && !stale;
  return {
    choice,
    phase: painted && begun === "running" ? "idle" : begun,
    stale: !painted && map !== null,
    startedAt: own ? startedAt : performance.now(),
    progress: null,
    cancelled: false,
    error: null,
  };
}

/** A frame of the followed job. */
export function running({ done, total, unit }: Frame, map: MapData | null, startedAt: number | null): Patch {
  return {
    map,
    stale: false,
    phase: "running",
    progress: { done, total, unit },
    startedAt: startedAt ?? performance.now(),
  };
}

/** The followed job has ended; null where that is no news. */
export function ending(m: End, { map, phase }: SessionState): Patch | null {
  if (m.status === "error") {
    return { phase: "error", error: m.message ?? m.code, notice: m.message ?? "" };
  }
  if (m.status === "cancelled") {
    return { cancelled: map?.job === m.job && !map.final, notice: "Cancelled." };
  }
  if (m.status === "unchanged" && map !== null && m.job !== null) {
    return { map: { ...map, job: m.job }, stale: false };
  }
  return phase === "idle" ? null : {};
}
