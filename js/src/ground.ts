// What the page goes back to when a request comes to nothing: the kernel's choice, or that of the map on screen.
import type { ExplainArgs, Target } from "./protocol.ts";
import type { SessionState } from "./state.ts";
import type { Choice } from "./traits.ts";

type Scene = Pick<SessionState, "choice" | "map" | "stale">;

export class Ground {
  /** The newest choice that the kernel is known to hold. */
  #settled: Choice;
  /** What the map on screen is of. */
  #drawn: Choice;
  #before: { map: SessionState["map"]; stale: boolean; drawn: Choice };

  constructor({ choice, map, stale }: Scene) {
    this.#settled = choice;
    this.#drawn = choice;
    this.#before = { map, stale, drawn: choice };
  }

  /**
   * The page asks. Of requests that overtake each other, the screen before the first one counts; `shown` is the choice
   * if the page has its map already, and shows it before the kernel has heard of it.
   */
  ask({ map, stale }: Scene, first: boolean, shown: Choice | undefined): void {
    if (first) {
      this.#before = { map, stale, drawn: this.#drawn };
    }
    this.#drawn = shown ?? this.#drawn;
  }

  /** The kernel took a request. What was not asked for explicitly stays open. */
  accept({ targets, ...rest }: ExplainArgs, asked: ExplainArgs, before: Choice): Choice {
    this.#settled = { ...rest, target: targets[0] ?? before.target, layer: asked.layer };
    return this.#settled;
  }

  /** The kernel's traits say what it holds: no target before the first prediction. */
  settle(next: Choice, before: Choice): Choice {
    this.#settled = { ...next, target: next.target ?? before.target };
    return this.#settled;
  }

  /** The kernel's map of this target is shown. */
  paint(target: Target | undefined): void {
    if (target !== undefined) {
      this.#settled = { ...this.#settled, target };
      this.#drawn = this.#settled;
    }
  }

  /** The kernel did not take the request: nothing has changed there, so nothing has here. */
  refused(): Scene {
    const { map, stale, drawn } = this.#before;
    this.#drawn = drawn;
    return { choice: this.#settled, map, stale };
  }

  /** No kernel will compute what was chosen: what is drawn is what there is, and the choice again. */
  lost({ map, stale }: Scene): Partial<Scene> {
    return map === null ? { choice: this.#settled } : stale ? { choice: this.#drawn, stale: false } : {};
  }
}
