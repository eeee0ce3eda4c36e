// The finished maps of a model, found by what they are of; decides when a map counts as the same, not when to ask.
import { MapCache } from "./cache.ts";
import { cacheKey, type MapData, runKey } from "./maps.ts";
import type { ExplainArgs, Params } from "./protocol.ts";

export class Library {
  readonly #cache: MapCache<MapData>;

  constructor(bytes?: number) {
    this.#cache = new MapCache(bytes);
  }

  /** The map of a request for one target; what the top class is only the kernel knows. */
  find(args: ExplainArgs, revision: string): MapData | undefined {
    const [target] = args.targets;
    return target && this.#cache.get(cacheKey(args, target, revision));
  }

  /** The maps of all targets that are known of such a run. */
  related(args: Omit<ExplainArgs, "targets">, revision: string): MapData[] {
    return this.#cache.under(runKey(args, revision));
  }

  /** `canonical` are the parameters as the kernel spells them: either spelling may be asked for next. */
  keep(maps: readonly MapData[], args: ExplainArgs, revision: string, canonical?: Params): void {
    for (const map of maps) {
      const keys = [args, { ...args, params: canonical ?? args.params }].map((spelling) =>
        cacheKey(spelling, map.target, revision),
      );
      for (const key of new Set(keys)) {
        this.#cache.put(key, map);
      }
    }
  }
}
