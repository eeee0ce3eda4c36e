// What lies over a panel: crosshair, region, the radius of the smoothing; vector lines in CSS pixels, no map.
import { h, setAttributes } from "./dom.ts";
import type { Linked } from "./linked.ts";
import type { Picture } from "./protocol.ts";
import { boxOf, outline, type Region } from "./region.ts";
import { type Frame, onScreen, type Point, toScreen } from "./viewport.ts";

const SVG = "http://www.w3.org/2000/svg";

function vector(tag: string, attributes: Record<string, string | number> = {}): SVGElement {
  const element = document.createElementNS(SVG, tag);
  setAttributes(element, attributes);
  return element;
}

/** From this size on the cell under the cursor has a frame of its own. */
const CELL = 5;
const ARM = 12;
const GAP = 4;

export interface Marks {
  readonly el: Element;
  update(linked: Linked, frame: Frame, picture: Picture | null, cross: boolean): void;
}

/** Each line twice, dark under light, so that it is seen on any picture. */
function seamed(name: string): { el: SVGElement; draw(d: string): void } {
  const paths = [vector("path", { class: "sw-seam" }), vector("path", { class: `sw-ink ${name}` })];
  const el = vector("g");
  el.append(...paths);
  return { el, draw: (d) => paths.forEach((path) => void setAttributes(path, { d })) };
}

export function createMarks(): Marks {
  const region = seamed("sw-mark-region");
  const cross = seamed("sw-mark-cross");
  const radius = seamed("sw-mark-radius");
  const number = vector("text", { class: "sw-mark-number" });
  const svg = vector("svg", { class: "sw-marks" });
  const edges = vector("g");
  let drawn: Linked["outlines"] = [];
  svg.append(edges, region.el, cross.el, radius.el, number);
  const el = h("span", { class: "sw-over", "aria-hidden": "true" });
  el.append(svg);
  /** Masks: in the picture's own pixels, so that only their place changes with the zoom. */
  function outlined({ outlines, view, peeking }: Linked, { width, height, across, down }: Frame): void {
    if (outlines !== drawn) {
      drawn = outlines;
      edges.replaceChildren(
        ...outlines.map(({ path, ink }) => {
          const line = seamed(`sw-mark-mask sw-mask-${ink}`);
          line.draw(path);
          return line.el;
        }),
      );
    }
    const [x, y] = [(view.zoom * width) / across, (view.zoom * height) / down];
    const move = `translate(${width / 2 - view.zoom * view.x * width} ${height / 2 - view.zoom * view.y * height})`;
    setAttributes(edges, { transform: `${move} scale(${x} ${y})`, opacity: peeking ? 0 : 1 });
  }

  function regionPath(shape: Region | null, linked: Linked, frame: Frame): string {
    if (shape === null) {
      return "";
    }
    const at = (point: Point): string => {
      const [x, y] = toScreen(linked.view, frame, point);
      return `${x.toFixed(1)} ${y.toFixed(1)}`;
    };
    return `M${outline(shape).map(at).join("L")}Z`;
  }

  function crossPath(point: Point, linked: Linked, frame: Frame, picture: Picture): string {
    const [x, y] = toScreen(linked.view, frame, point);
    const [l, t, r, b] = picture.box;
    const [w, ht] = [(r - l) / picture.input[0], (b - t) / picture.input[1]];
    const [i, j] = [Math.floor((point[0] - l) / w), Math.floor((point[1] - t) / ht)];
    const cell = onScreen(linked.view, frame, [l + i * w, t + j * ht, l + (i + 1) * w, t + (j + 1) * ht]);
    if (cell[2] >= CELL) {
      const [cx, cy, cw, ch] = cell;
      const [mx, my] = [cx + cw / 2, cy + ch / 2];
      const arms = `M${cx - ARM} ${my}h${ARM}M${cx + cw} ${my}h${ARM}M${mx} ${cy - ARM}v${ARM}M${mx} ${cy + ch}v${ARM}`;
      return `M${cx} ${cy}h${cw}v${ch}h${-cw}Z${arms}`;
    }
    return `M${x - ARM - GAP} ${y}h${ARM}M${x + GAP} ${y}h${ARM}M${x} ${y - ARM - GAP}v${ARM}M${x} ${y + GAP}v${ARM}`;
  }

  return {
    el,
    update(linked, frame, picture, crossed) {
      setAttributes(svg, { viewBox: `0 0 ${frame.width} ${frame.height}` });
      outlined(linked, frame);
      const { cursor, draft, tool, brush } = linked;
      region.draw(regionPath(draft ?? linked.region, linked, frame));
      cross.draw(cursor !== null && crossed && picture !== null ? crossPath(cursor, linked, frame, picture) : "");
      number.textContent = "";
      const painting = tool === "brush" && cursor !== null ? brush : null;
      if (picture === null || (painting ?? linked.radius) === null) {
        radius.draw("");
        return;
      }
      const [l, t, r, b] = picture.box;
      const centre = cursor ?? [linked.view.x * frame.across, linked.view.y * frame.down];
      const [x, y] = toScreen(linked.view, frame, centre);
      const size = painting?.radius ?? ((r - l) / picture.input[0]) * (linked.radius ?? 0);
      const wide = onScreen(linked.view, frame, [0, 0, size, b - t])[2];
      radius.draw(`M${x - wide} ${y}a${wide} ${wide} 0 1 0 ${2 * wide} 0a${wide} ${wide} 0 1 0 ${-2 * wide} 0`);
      if (painting === null && linked.radius !== null) {
        setAttributes(number, { x: x + wide + 6, y: y + 4 });
        number.textContent = `${Number(linked.radius.toFixed(1))} px`;
      }
    },
  };
}

/** A region too small to have been meant. */
export function slight(region: Region, view: Linked["view"], frame: Frame): boolean {
  const [, , width, height] = onScreen(view, frame, boxOf(region.points));
  return width < 3 || height < 3 || region.points.length < 2;
}
