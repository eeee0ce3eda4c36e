// Mouse, touch, wheel and keys on one panel, as changes of what the panels share; draws nothing, reads no map.
import type { Linked } from "./linked.ts";
import { slight } from "./marks.ts";
import type { Picture } from "./protocol.ts";
import type { Region } from "./region.ts";
import type { Store } from "./store.ts";
import { FIT, type Frame, maxZoom, type Point, pan, showing, toScreen, type Viewport, zoomAt } from "./viewport.ts";

export interface Ground {
  readonly el: Element;
  frame(): Frame;
  picture(): Picture | null;
  /** Where on the picture a point of the panel lies. */
  at(point: Point): Point;
  /** Says in words what is under the crosshair, or the whole map. */
  say(what: "place" | "map"): void;
}

/** One press of a key or button, and a double click. */
export const STEP = 1.5;
const TWICE = 2;
const FAR = 10;

const ARROWS: Readonly<Record<string, Point>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** The middle of the cell of the model's input that lies `by` cells from a point; at the edge, the last one. */
export function stepped([x, y]: Point, [dx, dy]: Point, { box, input }: Picture): Point {
  const [l, t, r, b] = box;
  const next = (at: number, low: number, high: number, count: number, by: number): number => {
    const size = (high - low) / count;
    const cell = Math.min(count - 1, Math.max(0, Math.floor((at - low) / size) + by));
    return low + (cell + 0.5) * size;
  };
  return [next(x, l, r, input[0], dx), next(y, t, b, input[1], dy)];
}

/** The box that has both cells, given the middles of two, in whichever order. */
export function spanning([ax, ay]: Point, [bx, by]: Point, { box: [l, t, r, b], input }: Picture): Region {
  const [w, h] = [(r - l) / input[0] / 2, (b - t) / input[1] / 2];
  return {
    kind: "box",
    points: [
      [Math.min(ax, bx) - w, Math.min(ay, by) - h],
      [Math.max(ax, bx) + w, Math.max(ay, by) + h],
    ],
  };
}

export function attachGestures(
  canvas: HTMLCanvasElement,
  linked: Store<Linked>,
  ground: Ground,
  signal: AbortSignal,
): void {
  const hands = new Map<number, Point>();
  let dragging: "pan" | "draw" | "read" | "brush" | null = null;
  /** A corner set by a key, from which the crosshair draws a box. */
  let anchor: Point | null = null;

  const most = (): number => maxZoom(ground.frame());
  const pointOf = (event: MouseEvent): Point => {
    const { left, top } = canvas.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };
  const shareOf = ([x, y]: Point): Point => [x / ground.frame().width, y / ground.frame().height];
  const look = (view: Viewport): void => linked.set({ view });
  const read = (point: Point, under: Element | null): void => {
    const [x, y] = ground.at(point);
    const { across, down } = ground.frame();
    const within = x >= 0 && y >= 0 && x < across && y < down;
    linked.set({ cursor: within ? [x, y] : null, under: within ? under : null });
  };
  const on = <K extends keyof HTMLElementEventMap>(
    name: K,
    run: (event: HTMLElementEventMap[K]) => void,
    passive = true,
  ): void => canvas.addEventListener(name, run, { signal, passive });

  function drawn(kind: Region["kind"], before: Region | null, point: Point): Region {
    const { across, down } = ground.frame();
    const [px, py] = ground.at(point);
    const to: Point = [Math.min(across, Math.max(0, px)), Math.min(down, Math.max(0, py))];
    const points = before?.points ?? [];
    return { kind, points: kind === "box" ? [points[0] ?? to, to] : [...points, to] };
  }

  function commit(): void {
    const { draft, view } = linked.get();
    anchor = null;
    if (draft !== null) {
      linked.set({ draft: null, region: slight(draft, view, ground.frame()) ? null : draft });
    }
  }

  on("pointerdown", (event) => {
    if (event.pointerType !== "touch" && event.button !== 0) {
      return;
    }
    canvas.setPointerCapture?.(event.pointerId);
    const point = pointOf(event);
    hands.set(event.pointerId, point);
    const { tool, view, brush } = linked.get();
    if (hands.size > 1) {
      if (dragging === "brush") {
        brush?.touch("off", ground.at(point));
      }
      dragging = null;
      linked.set({ draft: null });
    } else if (tool === "brush") {
      dragging = "brush";
      brush?.touch("down", ground.at(point));
    } else if (tool !== "pan") {
      dragging = "draw";
      linked.set({ draft: drawn(tool, null, point), cursor: null });
    } else {
      dragging = view.zoom > 1 ? "pan" : "read";
      read(point, event.pointerType === "mouse" ? ground.el : null);
    }
  });

  on("pointermove", (event) => {
    const point = pointOf(event);
    const before = hands.get(event.pointerId);
    const { tool, view, draft, brush } = linked.get();
    if (before === undefined || dragging === "brush") {
      read(point, event.pointerType === "mouse" ? ground.el : null);
    }
    if (before === undefined) {
      return;
    }
    hands.set(event.pointerId, point);
    const { width, height } = ground.frame();
    if (hands.size === 2) {
      const [other] = [...hands].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      const far = (a: Point, b: Point): number => Math.hypot(a[0] - b[0], a[1] - b[1]);
      if (other !== undefined) {
        const middle: Point = [(before[0] + other[0]) / 2, (before[1] + other[1]) / 2];
        const zoomed = zoomAt(view, far(point, other) / Math.max(1, far(before, other)), shareOf(middle), most());
        look(pan(zoomed, (point[0] - before[0]) / 2 / width, (point[1] - before[1]) / 2 / height, most()));
      }
    } else if (dragging === "brush") {
      brush?.touch("move", ground.at(point));
    } else if (dragging === "draw" && (tool === "box" || tool === "lasso")) {
      linked.set({ draft: drawn(tool, draft, point) });
    } else if (dragging === "pan") {
      look(pan(view, (point[0] - before[0]) / width, (point[1] - before[1]) / height, most()));
    } else if (dragging === "read") {
      read(point, event.pointerType === "mouse" ? ground.el : null);
    }
  });

  const lift = (event: PointerEvent): void => {
    hands.delete(event.pointerId);
    if (dragging === "draw") {
      commit();
    } else if (dragging === "brush") {
      linked.get().brush?.touch(event.type === "pointerup" ? "up" : "off", ground.at(pointOf(event)));
    }
    dragging = null;
  };
  on("pointerup", lift);
  on("pointercancel", (event) => {
    linked.set({ draft: null });
    lift(event);
  });
  on("pointerleave", (event) => {
    if (!hands.has(event.pointerId) && event.pointerType === "mouse") {
      linked.set({ cursor: null, under: null });
    }
  });
  on("dblclick", (event) => {
    if (linked.get().tool === "pan") {
      look(zoomAt(linked.get().view, event.shiftKey ? 1 / TWICE : TWICE, shareOf(pointOf(event)), most()));
    }
  });
  on(
    "wheel",
    (event) => {
      // A pinch on a touchpad comes as this too; a bare wheel scrolls the page.
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        const by = Math.min(40, Math.max(-40, event.deltaY));
        look(zoomAt(linked.get().view, Math.exp(-by / 80), shareOf(pointOf(event)), most()));
      }
    },
    false,
  );

  function move(by: Point): void {
    const picture = ground.picture();
    if (picture === null) {
      return;
    }
    const { view, cursor, draft } = linked.get();
    const { across, down } = ground.frame();
    const centre: Point = [view.x * across, view.y * down];
    const next = stepped(cursor ?? centre, cursor === null ? [0, 0] : by, picture);
    linked.set({
      cursor: next,
      under: null,
      view: showing(view, [next[0] / across, next[1] / down], most()),
      draft: anchor === null ? draft : spanning(anchor, next, picture),
    });
    ground.say("place");
  }

  function enter(): void {
    const { tool, cursor } = linked.get();
    const picture = ground.picture();
    if (tool === "pan" || picture === null) {
      ground.say("map");
    } else if (cursor === null) {
      move([0, 0]);
    } else if (anchor !== null) {
      commit();
    } else {
      anchor = stepped(cursor, [0, 0], picture);
      linked.set({ tool: "box", draft: spanning(anchor, anchor, picture) });
    }
  }

  /** Whether the key meant something here. */
  function pressed(event: KeyboardEvent): boolean {
    const { view, cursor, tool, draft } = linked.get();
    const arrow = ARROWS[event.key];
    const about: Point = cursor === null ? [0.5, 0.5] : shareOf(toScreen(view, ground.frame(), cursor));
    if (arrow !== undefined) {
      const by = event.shiftKey ? FAR : 1;
      move([arrow[0] * by, arrow[1] * by]);
      return true;
    }
    switch (event.key) {
      case "+":
      case "=":
        look(zoomAt(view, STEP, about, most()));
        return true;
      case "-":
      case "_":
        look(zoomAt(view, 1 / STEP, about, most()));
        return true;
      case "0":
        look(FIT);
        return true;
      case "Enter":
        enter();
        return true;
      case "b":
      case "l": {
        const wanted = event.key === "b" ? "box" : "lasso";
        anchor = null;
        linked.set({ tool: tool === wanted ? "pan" : wanted, draft: null });
        return true;
      }
      case "Delete":
      case "Backspace":
        linked.set({ region: null, draft: null });
        return true;
      case "Escape":
        anchor = null;
        linked.set({ draft: null, tool: "pan", cursor: null });
        // Of a hand at work only this is let go; else the key may mean more elsewhere.
        return draft !== null || tool !== "pan";
      default:
        return false;
    }
  }

  on(
    "keydown",
    (event) => {
      const { tool, brush } = linked.get();
      const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
      if ((tool === "brush" && brush?.key(event)) || (plain && pressed(event))) {
        event.preventDefault();
        event.stopPropagation();
      }
    },
    false,
  );
  on("blur", () => {
    anchor = null;
    if (linked.get().under === null) {
      linked.set({ cursor: null, draft: null });
    }
  });
}
