// The finished maps of a model, found by what they are of; decides when a map counts as the same, not when to ask.
import { MapCache } from "./cache.ts";
import { cacheKey, type MapData, runKey } from "./maps.ts";
import type { Card, ExplainArgs, Params } from "./protocol.ts";

/** The checksum of a model's weights: that of the chosen one, or of another one of several. */
function revisionOf({ models, revision }: Card, model?: string): string {
  return models?.find(({ name }) => name === model)?.revision ?? revision;
}

export class Library {
  readonly #cache: MapCache<MapData>;

  constructor(bytes?: number) {
    this.#cache = new MapCache(bytes);
  }

  /** The map of a request for one target; what the top class is only the kernel knows. */
  find(args: ExplainArgs, card: Card): MapData | undefined {
    const [target] = args.targets;
    return target && this.#cache.get(cacheKey(args, target, revisionOf(card, args.model)));
  }

  /** The maps of all targets that are known of such a run. */
  related(args: Omit<ExplainArgs, "targets">, card: Card): MapData[] {
    return this.#cache.under(runKey(args, revisionOf(card, args.model)));
  }

  /** `canonical` are the parameters as the kernel spells them: either spelling may be asked for next. */
  keep(maps: readonly MapData[], args: ExplainArgs, card: Card, canonical?: Params): void {
    const revision = revisionOf(card, args.model);
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
