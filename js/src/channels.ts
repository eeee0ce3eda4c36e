// Maps whose channels are put together otherwise than as a sum: asked of the kernel, which keeps the full attribution.
import type { Beside } from "./beside.ts";
import { MapCache } from "./cache.ts";
import { type MapData, splitMaps } from "./maps.ts";
import type { Channels } from "./protocol.ts";

const BYTES = 32e6;

export class Recast {
  readonly #beside: Beside;
  readonly #changed: () => void;
  readonly #known = new MapCache<MapData>(BYTES);
  /** What is asked for, and what the kernel has no more. */
  readonly #asked = new Set<string>();
  readonly #queue: { key: string; channels: Channels }[] = [];
  #busy = false;

  constructor(beside: Beside, changed: () => void) {
    this.#beside = beside;
    this.#changed = changed;
  }

  /** The map as it is to be drawn: until the kernel has answered, and while it is still computed, as the sum. */
  of(map: MapData | null, channels: Channels): MapData | null {
    if (map === null || channels === "sum" || !map.final || map.key === null || map.picture !== null) {
      return map;
    }
    const name = `${channels} ${map.key} ${map.name}`;
    const found = this.#known.get(name);
    if (found === undefined && !this.#asked.has(name)) {
      this.#asked.add(name);
      this.#queue.push({ key: map.key, channels });
      this.#next();
    }
    // The same object for the same map, so that nothing is drawn twice; but what it says of its run is the map's.
    return found === undefined
      ? map
      : found.job === map.job
        ? found
        : this.#keep(name, { ...found, job: map.job, seq: map.seq });
  }

  #keep(name: string, map: MapData): MapData {
    this.#known.put(name, map);
    return map;
  }

  /** One at a time: a newer request of the kind would take the place of the one before. */
  #next(): void {
    const args = this.#busy ? undefined : this.#queue.shift();
    if (args === undefined) {
      return;
    }
    this.#busy = true;
    this.#beside.ask({ kind: "channels", args }, (news) => {
      if (news.type === "cell") {
        for (const map of splitMaps(news, news.values, { image: news.image, model: news.args.model })) {
          this.#keep(`${args.channels} ${args.key} ${map.name}`, map);
        }
        this.#changed();
      } else if (news.type === "end" || news.type === "lost") {
        this.#busy = false;
        this.#next();
      }
    });
  }
}
