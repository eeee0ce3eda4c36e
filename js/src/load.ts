// What the traits say: the state that a session begins with, as after a reload or in a saved notebook, and its changes.
import type { Library } from "./library.ts";
import { stillRevealed } from "./locks.ts";
import type { MapData } from "./maps.ts";
import { listen, type Model } from "./model.ts";
import type { Target } from "./protocol.ts";
import type { SessionState } from "./state.ts";
import type { Store } from "./store.ts";
import { sameTarget } from "./targets.ts";
import {
  readCard,
  readChoice,
  readDisplay,
  readError,
  readLocked,
  readPictures,
  readPredictions,
  readResult,
} from "./traits.ts";

/** The map of the target, or the first one. */
export function pick(maps: readonly MapData[], target: Target | null): MapData | null {
  return maps.find((map) => sameTarget(map.target, target)) ?? maps[0] ?? null;
}

/** The last finished maps as the `result` trait has them, put into the library too; null before the first. */
export function takeResult(
  model: Model,
  library: Library,
  { choice, card }: Pick<SessionState, "choice" | "card">,
): { maps: MapData[]; job: number } | null {
  const result = readResult(model);
  if (result !== null) {
    library.keep(result.maps, result.args ?? { ...choice, targets: [] }, card);
  }
  return result;
}

/** Reads the traits. */
export function loadState(model: Model, library: Library): SessionState {
  const card = readCard(model);
  const pictures = readPictures(model);
  const id = pictures.images[pictures.image]?.id ?? "";
  const choice = readChoice(model, card, id);
  const map = pick(takeResult(model, library, { choice, card })?.maps ?? [], choice.target);
  const error = readError(model);
  return {
    ...pictures,
    card,
    predictions: readPredictions(model),
    choice: { ...choice, target: choice.target ?? map?.target ?? null },
    display: readDisplay(model),
    phase: error === null ? "idle" : "error",
    progress: null,
    compared: null,
    startedAt: null,
    map: map?.image === id ? map : null,
    stale: false,
    cancelled: false,
    live: null,
    error,
    kept: 0,
    shown: null,
    locked: readLocked(model),
    revealed: [],
    notice: "",
  };
}

/** Takes over what the kernel writes; what a new choice or a new result means is for the session to say. */
export function followTraits(
  model: Model,
  store: Store<SessionState>,
  tell: { chosen(): void; resulted(): void },
  signal: AbortSignal,
): void {
  const on = (names: string, run: () => void): void => {
    for (const name of names.split(" ")) {
      listen(model, `change:${name}`, run, signal);
    }
  };
  on("images image gallery base masks masks_data", () => {
    store.set(readPictures(model));
    tell.chosen();
  });
  on("locked", () => {
    const locked = readLocked(model);
    store.set({ locked, revealed: stillRevealed(locked, store.get().revealed) });
  });
  on("card", () => store.set({ card: readCard(model) }));
  on("predictions", () => store.set({ predictions: readPredictions(model) }));
  on("target method params score layer seed tolerance model", tell.chosen);
  on("result result_data", tell.resulted);
}
