// One per model: asks the kernel, follows the newest job, keeps maps, and tells the views; draws nothing.
import { decode } from "./decode.ts";
import { Flow } from "./flow.ts";
import { Follow, type Held } from "./follow.ts";
import { Library } from "./library.ts";
import { Link } from "./link.ts";
import { loadState, pick } from "./load.ts";
import { Look } from "./look.ts";
import { splitMaps } from "./maps.ts";
import { listen, type Model } from "./model.ts";
import type { Accepted, Display, End, ExplainArgs, Frame, Params, Target, Welcome } from "./protocol.ts";
import { doneNotice } from "./sentences.ts";
import { currentPicture, type SessionState } from "./state.ts";
import { createStore, type Store } from "./store.ts";
import { fullParams, sameTarget } from "./targets.ts";
import { Timers } from "./timers.ts";
import { type Choice, readCard, readChoice, readPictures, readPredictions, readResult } from "./traits.ts";

/** Milliseconds. The first is rule 8; the others are ours. */
export const TIMES = { queued: 300, debounce: 150, welcome: 2500, silence: 10_000 };

interface Asked {
  n: number;
  args: ExplainArgs;
  at: number;
}

export class Session {
  readonly store: Store<SessionState>;
  readonly flow: Flow;
  /** Aborts when the model goes, and its views with it. */
  readonly signal: AbortSignal;
  readonly #model: Model;
  readonly #link: Link;
  readonly #look: Look;
  readonly #follow: Follow;
  readonly #library: Library;
  readonly #timers: Timers;
  #n = 0;
  /** The page's newest request, and what the followed job is of. */
  #asked: Asked | null = null;
  #args: ExplainArgs | null = null;
  /** Its parameters as the kernel spells them. */
  #canonical: Params | undefined;
  #cancelWanted = false;
  #welcomed = false;

  constructor(model: Model, signal: AbortSignal, cacheBytes?: number) {
    this.#model = model;
    this.signal = signal;
    this.#library = new Library(cacheBytes);
    this.#timers = new Timers(signal);
    this.#link = new Link(model, () => this.#lost());
    this.#follow = new Follow(this.#link.page);
    this.flow = new Flow(this.#link.page, (message) => this.#link.send(message));
    this.store = createStore(loadState(model, this.#library));
    this.#look = new Look(model, this.store, this.#timers, signal);

    listen(model, "msg:custom", ((m: unknown, b?: unknown[]) => this.#receive(m, b)) as never, signal);
    for (const name of ["images", "image", "base"]) {
      listen(model, `change:${name}`, () => this.store.set(readPictures(model)), signal);
    }
    listen(model, "change:card", () => this.store.set({ card: readCard(model) }), signal);
    const predicted = () => this.store.set({ predictions: readPredictions(model) });
    listen(model, "change:predictions", predicted, signal);
    for (const name of ["target", "method", "params", "score", "seed"]) {
      listen(model, `change:${name}`, () => this.#chosen(), signal);
    }
    listen(model, "change:result", () => this.#resulted(), signal);
    listen(model, "change:result_data", () => this.#resulted(), signal);

    this.#link.keep(() => this.#hello(), signal);
    this.#hello();
    this.#timers.later("welcome", TIMES.welcome, () => {
      if (!this.#welcomed && this.#state.phase === "idle") {
        this.store.set({ phase: "saved", notice: "No kernel answers; the last map is shown." });
      }
    });
  }

  // What a view may do.

  select(target: Target): void {
    this.#ask({ target });
  }

  setMethod(method: string): void {
    this.#ask({ method, params: fullParams(this.#state.card, method, {}), layer: null });
  }

  setScore(score: string): void {
    this.#ask({ score });
  }

  setImage(index: number): void {
    const picture = this.#state.images[index];
    if (picture !== undefined) {
      this.#ask({ image: picture.id });
    }
  }

  /** Sliders move many times: the kernel is asked once they rest. */
  setParams(patch: Params): void {
    const { choice } = this.#state;
    this.store.set({ choice: { ...choice, params: { ...choice.params, ...patch } } });
    this.#timers.later("params", TIMES.debounce, () => this.#ask({}));
  }

  setDisplay(patch: Partial<Display>): void {
    this.#look.change(patch);
  }

  cancel(): void {
    this.#timers.stop("params");
    if (this.#follow.asked !== null) {
      // Its job has no number yet.
      this.#cancelWanted = true;
    } else if (!this.#follow.ended) {
      this.#link.send({ type: "cancel", job: this.#follow.job });
    }
  }

  dismiss(): void {
    const { phase } = this.#state;
    this.store.set({ error: null, phase: phase === "error" ? "idle" : phase });
  }

  // Asking.

  #ask(change: Partial<Choice>): void {
    this.#timers.stop("params");
    const choice = { ...this.#state.choice, ...change };
    const args: ExplainArgs = {
      image: choice.image,
      targets: choice.target === null ? [] : [choice.target],
      method: choice.method,
      params: choice.params,
      score: choice.score,
      layer: choice.layer,
      seed: choice.seed,
    };
    const cached = this.#library.find(args, this.#state.card.revision);
    this.#n += 1;
    this.#asked = { n: this.#n, args, at: performance.now() };
    this.#cancelWanted = false;
    this.#follow.ask(this.#n);
    const { map } = this.#state;
    this.store.set({
      choice,
      map: cached ?? map,
      stale: cached === undefined && map !== null,
      // A map from the cache is complete: checking it is no run that a person waits for.
      phase: cached === undefined ? "running" : "idle",
      startedAt: performance.now(),
      progress: null,
      cancelled: false,
      error: null,
      notice: cached === undefined ? "" : doneNotice(cached, this.#state.card),
    });
    this.#request(cached?.key ?? null);
  }

  #request(have: string | null): void {
    if (this.#asked === null) {
      return;
    }
    const { n, args } = this.#asked;
    const req = { page: this.#link.page, n };
    if (this.#link.send({ type: "request", req, kind: "explain", args: { ...args, have } })) {
      this.#timers.later("queued", TIMES.queued, () =>
        this.store.set({ phase: "queued", notice: "Kernel busy, queued." }),
      );
      this.#watch();
    } else {
      this.#asked = null;
      this.#resume(this.#follow.forget());
    }
  }

  #hello(): void {
    this.#link.greeted = performance.now();
    const { visible } = this.flow;
    this.#link.send({ type: "hello", page: this.#link.page, visible, job: this.#follow.newest });
  }

  /** There is no kernel to send to; what is drawn stays. */
  #lost(): void {
    this.#timers.stop("queued");
    this.#finish({ phase: "disconnected", notice: "Kernel disconnected." });
  }

  // Listening.

  #receive(message: unknown, buffers?: unknown[]): void {
    const m = decode(message, buffers);
    if (m === null || (m.type === "welcome" && m.page !== this.#link.page)) {
      return;
    }
    if (["disconnected", "saved"].includes(this.#state.phase)) {
      this.store.set({ phase: "idle" });
    }
    this.#watch();
    switch (m.type) {
      case "welcome":
        this.#onWelcome(m);
        break;
      case "accepted":
        this.#onAccepted(m);
        break;
      case "frame":
        this.#onFrame(m);
        break;
      case "cache": {
        const maps = splitMaps(m, m.values, { image: m.image });
        this.#library.keep(maps, m.args, this.#state.card.revision);
        break;
      }
      case "end":
        this.#onEnd(m);
        break;
    }
  }

  #onWelcome(m: Welcome): void {
    this.#welcomed = true;
    this.#follow.newest = Math.max(this.#follow.newest, m.job);
    if (m.running) {
      return; // `accepted` and the newest frame follow.
    }
    if (this.#follow.asked !== null && this.#asked !== null && this.#asked.at < this.#link.greeted) {
      // Messages keep their order, so a request older than this greeting was lost on the way.
      this.#request(this.#library.find(this.#asked.args, this.#state.card.revision)?.key ?? null);
    } else if (this.#follow.asked === null && !this.#follow.ended) {
      this.#follow.ended = true;
      this.#resulted();
      this.#finish({});
    }
  }

  #onAccepted(m: Accepted): void {
    const asked = this.#follow.asked;
    const verdict = this.#follow.accepted(m);
    if (verdict === "ignore" || m.kind !== "explain") {
      return;
    }
    this.#timers.stop("queued");
    const own = asked !== null ? this.#asked : null;
    this.#args = own?.args ?? m.args;
    this.#canonical = m.args.params;
    const before = this.#state.choice;
    const { targets, ...rest } = m.args;
    const choice: Choice = {
      ...rest,
      target: targets[0] ?? before.target,
      // What was not asked for explicitly stays open, and a slider under a hand stays where it is.
      layer: own === null ? rest.layer : own.args.layer,
      params: this.#timers.has("params") ? before.params : rest.params,
    };
    const { map, phase } = this.#state;
    if (verdict === "again") {
      this.store.set({ phase: this.#follow.ended ? phase : "running" });
    } else {
      const painted = own !== null && map !== null && !this.#state.stale;
      this.store.set({
        choice,
        phase: painted ? "idle" : "running",
        stale: !painted && map !== null,
        startedAt: own === null ? performance.now() : this.#state.startedAt,
        progress: null,
        cancelled: false,
        error: null,
      });
    }
    if (this.#cancelWanted) {
      this.#cancelWanted = false;
      this.#link.send({ type: "cancel", job: m.job });
    }
  }

  #onFrame(frame: Frame): void {
    const verdict = this.#follow.frame(frame);
    this.flow.received(frame.seq, verdict !== "drop");
    if (verdict === "drop") {
      return;
    }
    if (verdict === "follow") {
      this.#args = null;
    }
    const { choice, map: before, startedAt } = this.#state;
    if (verdict === "paint" && before?.job === frame.job && before.seq >= frame.seq) {
      return;
    }
    const image = this.#args?.image ?? currentPicture(this.#state)?.id ?? "";
    const maps = splitMaps(frame, frame.values, { image, job: frame.job, seq: frame.seq });
    const map = pick(maps, choice.target);
    if (map !== null && !sameTarget(map.target, choice.target)) {
      this.store.set({ choice: { ...choice, target: map.target } });
    }
    const { done, total, unit } = frame;
    this.store.set({
      map,
      stale: false,
      phase: "running",
      progress: { done, total, unit },
      startedAt: startedAt ?? performance.now(),
    });
    if (frame.final) {
      if (this.#args !== null) {
        this.#library.keep(maps, this.#args, this.#state.card.revision, this.#canonical);
      }
      this.#finish({ notice: map === null ? "" : doneNotice(map, this.#state.card) });
    }
  }

  #onEnd(m: End): void {
    const verdict = this.#follow.end(m);
    if (verdict === "ignore") {
      return;
    }
    this.#timers.stop("queued");
    if (verdict === "refused") {
      this.#asked = null;
      this.#finish({ phase: "error", error: m.message ?? m.code, notice: m.message ?? "" });
      this.#resume(this.#follow.forget());
      return;
    }
    const { map, phase } = this.#state;
    if (m.status === "error") {
      this.#finish({ phase: "error", error: m.message ?? m.code, notice: m.message ?? "" });
    } else if (m.status === "cancelled") {
      this.#finish({ cancelled: map?.job === m.job && !map.final, notice: "Cancelled." });
    } else if (m.status === "unchanged" && map !== null && m.job !== null) {
      this.#finish({ map: { ...map, job: m.job }, stale: false });
    } else if (phase !== "idle") {
      this.#finish({});
    }
  }

  /** After a refusal: follows the job that was started elsewhere while the page waited for its own. */
  #resume(held: Held | null): void {
    if (held === null) {
      return;
    }
    const { error, phase } = this.#state;
    this.#onAccepted(held.accepted);
    if (held.frame !== null) {
      this.#onFrame(held.frame);
    }
    if (held.end !== null) {
      this.#onEnd(held.end);
    }
    this.store.set({ error, phase: this.#follow.ended ? phase : this.#state.phase });
  }

  #finish(patch: Partial<SessionState>): void {
    this.store.set({ phase: "idle", progress: null, startedAt: null, ...patch });
  }

  // Traits.

  /** The kernel's choice, unless the page's own is under way or a job says it better. */
  #chosen(): void {
    if (this.#follow.asked === null && this.#follow.ended && !this.#timers.has("params")) {
      const { card, choice } = this.#state;
      const id = currentPicture(this.#state)?.id ?? choice.image;
      const next = readChoice(this.#model, card, id);
      this.store.set({ choice: { ...next, layer: choice.layer, target: next.target ?? choice.target } });
    }
  }

  /** The last finished map as a trait: of use only where the final frame of the followed job was lost. */
  #resulted(): void {
    const { map, choice } = this.#state;
    const waiting = this.#follow.asked !== null || (map?.final && !this.#state.stale);
    const result = waiting ? null : readResult(this.#model);
    if (result === null || result.job === 0 || result.job !== this.#follow.job) {
      return;
    }
    this.#follow.ended = true;
    this.#finish({ map: pick(result.maps, choice.target), stale: false });
  }

  // Time.

  /** A kernel that owes an answer and says nothing is greeted again: the answer is the state as it is now. */
  #watch(): void {
    this.#timers.later("silence", TIMES.silence, () => {
      if (this.#follow.asked !== null || !this.#follow.ended) {
        this.#hello();
        this.#watch();
      }
    });
  }

  get #state(): SessionState {
    return this.store.get();
  }
}
