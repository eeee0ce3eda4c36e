// Which part of a picture is on screen, and where a point of it lies; plain arithmetic, knows neither map nor element.

export type Point = readonly [x: number, y: number];
export type Box = readonly [left: number, top: number, right: number, bottom: number];

/** In shares of the picture, so that panels of several sizes can show the same part. */
export interface Viewport {
  /** 1 shows the whole picture. */
  readonly zoom: number;
  /** What lies in the middle of the panel, 0..1. */
  readonly x: number;
  readonly y: number;
}

/** A panel: how large it is on the screen, and the size of the picture in it. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly across: number;
  readonly down: number;
}

export const FIT: Viewport = { zoom: 1, x: 0.5, y: 0.5 };

/** Of the shorter side at least this many pixels stay in sight. */
const FEWEST = 6;
const LEAST_MOST = 8;

export function maxZoom({ across, down }: Pick<Frame, "across" | "down">): number {
  return Math.max(LEAST_MOST, Math.min(across, down) / FEWEST);
}

export function toScreen(view: Viewport, frame: Frame, [px, py]: Point): Point {
  const { width, height, across, down } = frame;
  return [
    (px / across - view.x) * view.zoom * width + width / 2,
    (py / down - view.y) * view.zoom * height + height / 2,
  ];
}

export function toPicture(view: Viewport, frame: Frame, [sx, sy]: Point): Point {
  const { width, height, across, down } = frame;
  return [
    ((sx - width / 2) / (view.zoom * width) + view.x) * across,
    ((sy - height / 2) / (view.zoom * height) + view.y) * down,
  ];
}

/** Where a part of the picture lies on the screen: left, top, width, height. */
export function onScreen(view: Viewport, frame: Frame, [l, t, r, b]: Box): readonly [number, number, number, number] {
  const [x, y] = toScreen(view, frame, [l, t]);
  const [right, bottom] = toScreen(view, frame, [r, b]);
  return [x, y, right - x, bottom - y];
}

/** The nearest viewport that shows nothing beside the picture. */
export function inside({ zoom, x, y }: Viewport, most: number): Viewport {
  const z = Math.min(most, Math.max(1, zoom));
  const edge = 0.5 / z;
  const within = (at: number): number => Math.min(1 - edge, Math.max(edge, at));
  return { zoom: z, x: within(x), y: within(y) };
}

/** Zooms about a point of the panel (shares of it, 0..1), which stays where it is unless an edge is in the way. */
export function zoomAt(view: Viewport, factor: number, [u, v]: Point, most: number): Viewport {
  const zoom = Math.min(most, Math.max(1, view.zoom * factor));
  const by = 1 / view.zoom - 1 / zoom;
  return inside({ zoom, x: view.x + (u - 0.5) * by, y: view.y + (v - 0.5) * by }, most);
}

/** Moves the picture by shares of the panel, as a hand that drags it. */
export function pan(view: Viewport, du: number, dv: number, most: number): Viewport {
  return inside({ ...view, x: view.x - du / view.zoom, y: view.y - dv / view.zoom }, most);
}

/** The smallest move after which a point (shares of the picture) is in sight, a little off the edge. */
export function showing(view: Viewport, [px, py]: Point, most: number): Viewport {
  const half = 0.46 / view.zoom;
  const near = (centre: number, at: number): number => Math.min(at + half, Math.max(at - half, centre));
  return inside({ ...view, x: near(view.x, px), y: near(view.y, py) }, most);
}
