// A marked region's share of the evidence, for the map on screen and the other known ones of its run; marks nothing.
import { h, onChange, type Part, setAttributes } from "./dom.ts";
import type { MapData } from "./maps.ts";
import type { Card, Picture } from "./protocol.ts";
import { type Area, cells, type Region, type Shares, shares } from "./region.ts";
import { stretch } from "./stretch.ts";
import { sameTarget, targetLabel } from "./targets.ts";

export interface Marked {
  region: Region | Area | null;
  picture: Picture | null;
  /** The map on screen first. */
  maps: readonly MapData[];
  card: Card;
}

const percent = (share: number | null): string =>
  share === null ? "none" : share > 0 && share < 0.001 ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`;

/** The shares of one map, on the model's grid: a coarse map is interpolated there, as it is drawn. */
export function sharesOf(region: Region | Area, map: MapData, picture: Picture): Shares {
  const coarse = map.width <= picture.input[0] && map.height <= picture.input[1];
  const [width, height] = coarse ? picture.input : [map.width, map.height];
  const values = stretch(map.values, [map.width, map.height], [width, height]);
  const inside = "inside" in region ? region.inside(width, height) : cells(region, width, height, picture.box);
  return shares({ values, width, height }, inside);
}

function meter(share: number | null, name: string): HTMLElement {
  const fill = h("i", { class: `sw-share-fill sw-share-${name}` });
  fill.style.transform = `scaleX(${share ?? 0})`;
  return h("td", {}, h("span", { class: "sw-share-number" }, percent(share)), h("span", { class: "sw-share" }, fill));
}

/** Of the marked region, or of a mask of this name. */
export function createShares(mask = ""): Part<Marked> {
  const area = h("p", { class: "sw-small sw-shares-area" });
  const body = h("tbody");
  const heading = h(
    "thead",
    {},
    h(
      "tr",
      {},
      h("th", { scope: "col" }, mask === "" ? "Evidence inside" : `Inside ${mask}`),
      h("th", { scope: "col" }, "positive"),
      h("th", { scope: "col" }, "negative"),
    ),
  );
  const table = h("table", { class: "sw-shares-table" }, heading, body);
  const el = h(
    "div",
    {
      class: "sw-shares",
      role: "group",
      "aria-label": mask || "Marked region",
      "data-mask": mask || null,
      hidden: true,
    },
    table,
    area,
  );
  let known = new WeakMap<MapData, Shares>();
  const renew = onChange((_region: Marked["region"], _picture: Picture | null) => {
    known = new WeakMap();
  });
  let written = "";
  function write(rows: readonly [MapData, Shares][], card: Card): void {
    body.replaceChildren(
      ...rows.map(([map, share], i) => {
        const name = h("th", { scope: "row", title: map.name }, targetLabel(map.target, card.heads));
        const row = h("tr", { class: i === 0 ? "sw-share-drawn" : null }, name);
        row.append(meter(share.positive, "positive"), meter(share.negative, "negative"));
        setAttributes(row, {
          "data-target": map.name,
          "data-positive": share.positive,
          "data-negative": share.negative,
        });
        return row;
      }),
    );
    const [first] = rows;
    area.textContent = first === undefined ? "" : `Its area is ${percent(first[1].area)} of what the model saw`;
    setAttributes(el, { "data-area": first?.[1].area ?? null });
  }
  return {
    el,
    update({ region, picture, maps, card }) {
      renew(region, picture);
      const distinct = maps.filter((map, i) => maps.findIndex((m) => sameTarget(m.target, map.target)) === i);
      const rows: [MapData, Shares][] = [];
      for (const map of region === null || picture === null ? [] : distinct) {
        let share = known.get(map);
        if (share === undefined && region !== null && picture !== null) {
          share = sharesOf(region, map, picture);
          known.set(map, share);
        }
        if (share !== undefined) {
          rows.push([map, share]);
        }
      }
      el.hidden = rows.length === 0;
      const now = JSON.stringify(rows.map(([map, share]) => [map.name, share]));
      if (now !== written) {
        written = now;
        write(rows, card);
      }
    },
  };
}
