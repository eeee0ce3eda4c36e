// What all panels of one view share: the cursor, the part in sight, the region, what a hand is doing; draws nothing.
import type { Region } from "./region.ts";
import { createStore, type Store } from "./store.ts";
import { FIT, type Point, type Viewport } from "./viewport.ts";

/** What a drag on a picture does: moves it, marks a region, or is handed on to a brush. */
export type Tool = "pan" | "box" | "lasso" | "brush";

/** Takes over what hands and keys do on a picture; points are in its pixels. */
export interface Brush {
  /** Shown as a circle. */
  readonly radius: number;
  /** `off`: what was begun shall not count. */
  touch(phase: "down" | "move" | "up" | "off", at: Point): void;
  /** Whether the key meant something. */
  key(event: KeyboardEvent): boolean;
}

export interface Linked {
  /** In the picture's pixels; all panels show it. */
  cursor: Point | null;
  /** The panel under the mouse, where the pointer itself is the cross; null when keys or a finger moved it. */
  under: Element | null;
  view: Viewport;
  tool: Tool;
  brush: Brush | null;
  /** Edges of masks that are shown: a path in the picture's pixels, and which ink. */
  outlines: readonly { readonly path: string; readonly ink: number }[];
  region: Region | null;
  /** A region that is being drawn: `region` takes its place when the hand lifts. */
  draft: Region | null;
  /** The picture alone is shown while held. */
  peeking: boolean;
  /** Radius in pixels of the model's input, shown on the picture while it is chosen. */
  radius: number | null;
}

export function createLinked(): Store<Linked> {
  return createStore<Linked>({
    cursor: null,
    under: null,
    view: FIT,
    tool: "pan",
    brush: null,
    outlines: [],
    region: null,
    draft: null,
    peeking: false,
    radius: null,
  });
}
