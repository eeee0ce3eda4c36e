// The part "Compare maps": all classes, methods or models, or pinned maps, side by side below the picture, two of them on each other.
import { type Cell, cellsOf, type Kind, leftOut } from "./cells.ts";
import { h, type Part, setAttributes, setText } from "./dom.ts";
import { createDuel, type Side } from "./duel.ts";
import { formatNumber } from "./format.ts";
import { createLinked } from "./linked.ts";
import { liveView } from "./live.ts";
import { barred, isHidden, isLocked } from "./locks.ts";
import type { MapData } from "./maps.ts";
import type { Display, Picture, Target } from "./protocol.ts";
import { methodLabel } from "./sentences.ts";
import type { Session } from "./session.ts";
import { type SessionState, seenBy, shownPicture } from "./state.ts";
import { sameTarget, targetLabel, valueUnit } from "./targets.ts";
import { createTile, type Shown, type Tile } from "./tile.ts";
import { createWall } from "./wall.ts";
import { createWanted } from "./wanted.ts";
import type { Bench } from "./workshop.ts";

/** A map that stays where it is whatever is chosen next, with all that it needs to be read. */
interface Pin {
  readonly id: string;
  readonly map: MapData;
  readonly picture: Picture;
  readonly bitmap: ImageBitmap | null;
  readonly title: string;
  readonly note: string;
}

interface Item extends Omit<Shown, "side" | "fixed" | "pinned" | "display" | "label"> {
  readonly id: string;
  readonly cell: Cell | null;
}

const KINDS = ["targets", "methods", "models"] as const;
const TITLES = { targets: "All classes", methods: "All methods", models: "All models", none: "Pinned maps" };

/** What each of them would show more of than the one that is chosen. */
const PARTS = { targets: "target", methods: "method", models: "model" } as const;

const unlocked = new WeakMap<Display, Display>();

/** The display with no scale locked: the same object for the same display, so that nothing is drawn twice. */
function plain(display: Display): Display {
  const made = unlocked.get(display) ?? { ...display, locked: false };
  unlocked.set(display, made);
  return made;
}

/** Classes that join the likeliest ones of their heads, the newest. */
const MOST_JOINED = 12;

const nameOf = ({ args: { model, method, targets } }: Cell): string =>
  `${model ?? ""} ${method} ${JSON.stringify(targets[0])}`;

/** "logit 3.55"; "8.7 years" of a value. */
function scoreText(said: number, { choice, card }: SessionState): string {
  const unit = valueUnit(choice.target, card.heads);
  return unit === null ? `${choice.score} ${formatNumber(said)}` : `${formatNumber(said)} ${unit}`.trim();
}

/** Cells a side of a small panel while a hand moves a slider: twelve of them must be drawn in one frame. */
const FEW = 96;

export function createGallery(session: Session, bench: Bench, outer: AbortSignal): Part<SessionState> {
  const button = (text: string): HTMLButtonElement => h("button", { type: "button", class: "sw-button" }, text);
  const all: Readonly<Record<Kind, HTMLButtonElement>> = {
    targets: button("All classes"),
    methods: button("All methods"),
    models: button("All models"),
  };
  const pin = button("Pin this map");
  const about = h(
    "p",
    { class: "sw-small" },
    "Small maps below the picture. A click on one makes it big; “Compare” on two lays them over each other. A class that is clicked in the list joins them.",
  );
  const el = h("div", {}, about, h("div", { class: "sw-live-sources" }, all.targets, all.methods, all.models, pin));

  const title = h("h3", { class: "sw-head-name" });
  const count = h("span", { class: "sw-small" });
  const one = h("input", { type: "checkbox", class: "sw-check" });
  const lock = h("label", { class: "sw-check-label" }, one, "One scale");
  const stop = h("button", { type: "button", class: "sw-link" }, "Stop");
  const close = h("button", { type: "button", class: "sw-link" }, "Close");
  const problem = h("p", { class: "sw-reserve sw-warning", role: "alert", hidden: true });

  let kind: Kind | null = null;
  let pins: Pin[] = [];
  let pair: string[] = [];
  let pinned = 0;
  /** Values of several methods share no unit, so that each has its own scale unless a person says otherwise. */
  const locked: Record<Kind | "none", boolean> = { targets: true, methods: false, models: true, none: false };
  let stopped = false;
  /** What was chosen while all classes are shown joins them; what a person took away stays away. Both until they are closed. */
  let joined: Target[] = [];
  const away = new Set<string>();
  let state: SessionState | null = null;
  /** Pictures other than the one on screen have their own zoom and cursor. */
  const apart = new Map<string, ReturnType<typeof createLinked>>();
  const linkedOf = (id: string | undefined) => {
    const shown = state === null ? null : shownPicture(state);
    if (id === undefined || id === shown?.id) {
      return bench.linked;
    }
    const own = apart.get(id) ?? createLinked();
    apart.set(id, own);
    return own;
  };

  const wall = createWall(outer, () => state !== null && tell());
  const wanted = createWanted(session, () => bench.repaint(), outer);
  const make = (linked: typeof bench.linked) => bench.pane(linked, FEW);
  const duel = createDuel(
    bench.linked,
    (linked) => bench.pane(linked),
    { swap: () => choose([...pair].reverse()), close: () => choose([]) },
    outer,
  );
  const region = h(
    "section",
    { class: "sw-gallery-region", "aria-label": "Maps compared", hidden: true },
    h("div", { class: "sw-gallery-head" }, title, count, lock, stop, close),
    problem,
    duel.el,
    wall.el,
  );
  bench.below.append(region);
  outer.addEventListener("abort", () => region.remove());

  function choose(next: string[]): void {
    pair = next.slice(-2);
    bench.repaint();
  }

  const whatOf = (cell: Cell | null, map: MapData | null) => ({
    target: cell?.args.targets[0] ?? map?.target,
    method: cell?.args.method ?? map?.method,
    model: cell?.args.model ?? map?.model,
  });

  /** What opening it would change is locked. */
  function fixed(now: SessionState, cell: Cell | null, map: MapData | null): boolean {
    const { target, method, model } = whatOf(cell, map);
    return barred(now, { ...(target && { target }), ...(method && { method }), ...(model && { model }) });
  }

  function open(cell: Cell | null, map: MapData | null): void {
    const { choice } = session.store.get();
    const { target, method, model } = whatOf(cell, map);
    if (model && model !== choice.model) {
      session.set({ model, layer: null });
    } else if (method !== undefined && method !== choice.method) {
      session.setMethod(method);
    } else if (target !== undefined && !sameTarget(target, choice.target)) {
      session.select(target);
    }
  }

  function show(next: Kind | null): void {
    kind = kind === next ? null : next;
    stopped = false;
    joined = [];
    away.clear();
    pair = pair.filter((id) => id.startsWith("pin"));
    if (kind === null) {
      wanted.stop();
    }
    bench.repaint();
  }
  for (const name of KINDS) {
    all[name].addEventListener(
      "click",
      () => {
        show(name);
        requestAnimationFrame(() => requestAnimationFrame(() => region.scrollIntoView?.({ block: "nearest" })));
      },
      { signal: outer },
    );
  }
  const closeAll = (): void => {
    pins = [];
    pair = [];
    show(null);
    all.targets.focus();
  };
  close.addEventListener("click", closeAll, { signal: outer });
  stop.addEventListener(
    "click",
    () => {
      stopped = true;
      wanted.stop();
      bench.repaint();
    },
    { signal: outer },
  );
  one.addEventListener(
    "change",
    () => {
      locked[kind ?? "none"] = one.checked;
      bench.repaint();
    },
    { signal: outer },
  );
  pin.addEventListener(
    "click",
    () => {
      const now = state;
      const picture = now === null ? null : shownPicture(now);
      if (now?.map && picture !== null) {
        const { map, card } = now;
        pinned += 1;
        const what = targetLabel(map.target, card.heads);
        const note = [map.model, methodLabel(card, map.method), picture.label].filter(Boolean).join(" · ");
        pins = [...pins, { id: `pin ${pinned}`, map, picture, bitmap: bench.stage.bitmap(), title: what, note }];
        bench.repaint();
      }
    },
    { signal: outer },
  );

  function items(now: SessionState): Item[] {
    const picture = shownPicture(now);
    const bitmap = bench.stage.bitmap();
    const { target } = now.choice;
    if (target !== null && !joined.some((one) => sameTarget(one, target))) {
      joined = [...joined, target].slice(-MOST_JOINED);
    }
    const cells = kind === null ? [] : cellsOf(kind, now, joined).filter((cell) => !away.has(nameOf(cell)));
    if (kind !== null && !stopped) {
      wanted.set(cells);
    }
    const drawn = (map: MapData | null): MapData | null => session.recast.of(map, now.display.channels);
    const current = (cell: Cell): boolean =>
      cell.args.model === now.choice.model &&
      cell.args.method === now.choice.method &&
      sameTarget(cell.args.targets[0] ?? null, now.choice.target);
    return [
      ...cells.map((cell): Item => {
        const id = nameOf(cell);
        const found = wanted.map(cell);
        const said = found?.score ?? null;
        const told = kind === "models" && said !== null && !isHidden(now, "predictions");
        const note = told ? scoreText(said, now) : cell.note;
        const whole = picture && seenBy(picture, cell.args.model);
        const own = { title: cell.title, note, picture: whole, bitmap, current: current(cell) };
        return { id, cell, map: drawn(found), ...own };
      }),
      ...pins.map((p): Item => ({ ...p, map: drawn(p.map) ?? p.map, cell: null, current: false })),
    ];
  }

  function paint(now: SessionState): void {
    const list = items(now);
    region.hidden = list.length === 0;
    const { waiting, running, problem: why } = wanted.state();
    setText(title, TITLES[kind ?? "none"]);
    const done = list.filter(({ map }) => map?.final).length;
    setText(count, done < list.length ? `${done} of ${list.length} maps` : `${list.length} maps`);
    stop.hidden = !(running && waiting > 0);
    const without = kind === "models" ? leftOut(now) : "";
    problem.hidden = why === "" && without === "";
    setText(problem, why || without);
    const together = locked[kind ?? "none"];
    one.checked = together;
    pair = pair.filter((id) => list.some((item) => item.id === id));
    const display = plain(now.display);
    const shown = new Map<string, Shown>();
    for (const item of list) {
      const at = pair.indexOf(item.id);
      const { title: named, note, map, picture, bitmap, current } = item;
      shown.set(item.id, {
        ...{ title: named, note, map, picture, bitmap, current, display },
        fixed: fixed(now, item.cell, map),
        side: at < 0 ? null : at === 0 ? "A" : "B",
        pinned: item.cell === null,
        label: `Picture with the map ${named} ${note}`.trim(),
      });
    }
    wall.update(
      list.map((item) => ({ id: item.id, shown: shown.get(item.id) as Shown, make: () => hang(item) })),
      together,
    );
    compare(now, shown);
    wall.point(bench.linked.get());
  }

  function hang({ id, cell, picture, map }: Item): Tile {
    return createTile(
      linkedOf(picture?.id),
      make,
      {
        open: () => open(cell, map),
        compare: () => choose(pair.includes(id) ? pair.filter((other) => other !== id) : [...pair, id]),
        drop: () => (cell === null ? dropPin(id) : takeAway(id)),
      },
      outer,
    );
  }

  function compare(now: SessionState, shown: ReadonlyMap<string, Shown>): void {
    const sides = pair.map((id): Side | null => {
      const found = shown.get(id);
      return found === undefined || found.map === null || found.picture === null
        ? null
        : {
            title: `${found.title}${kind === "methods" || found.pinned ? ` (${methodLabel(now.card, found.map.method)})` : ""}`,
            map: found.map,
            picture: found.picture,
            bitmap: found.bitmap,
            end: wall.end(id),
            display: wall.look(found.display),
          };
    });
    duel.update({ a: sides[0] ?? null, b: sides[1] ?? null });
  }

  /** The small maps are drawn, and with them their common scale is known. */
  function tell(): void {
    const { locked: on, scale } = wall.look(plain(session.store.get().display));
    setAttributes(region, { "data-scale": on ? scale : null });
  }

  function takeAway(id: string): void {
    away.add(id);
    bench.repaint();
  }

  function dropPin(id: string): void {
    pins = pins.filter((p) => p.id !== id);
    bench.repaint();
  }

  let pending = 0;
  let cursor = bench.linked.get().cursor;
  bench.linked.subscribe((now) => {
    if (now.cursor !== cursor && !region.hidden && pending === 0) {
      pending = requestAnimationFrame(() => {
        pending = 0;
        cursor = bench.linked.get().cursor;
        wall.point(bench.linked.get());
      });
    }
  }, outer);
  outer.addEventListener("abort", () => cancelAnimationFrame(pending));

  return {
    el,
    update(next) {
      state = next;
      // Live maps come too fast to be compared; the panels wait for the chosen picture.
      const live = liveView(next) !== next;
      pin.disabled = next.map === null || next.map.picture !== null || !next.map.final || live;
      all.models.hidden = next.card.models === undefined;
      for (const name of KINDS) {
        all[name].disabled = isLocked(next, PARTS[name]);
        if (all[name].disabled && kind === name) {
          show(null);
        }
        setAttributes(all[name], { "aria-pressed": String(kind === name) });
      }
      if (!live) {
        paint(next);
      }
    },
  };
}
