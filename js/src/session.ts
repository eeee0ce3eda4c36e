// One per model: asks the kernel, follows the newest job, keeps maps, and tells the views; draws nothing.
import { Beside } from "./beside.ts";
import { Recast } from "./channels.ts";
import { decode } from "./decode.ts";
import { Flow } from "./flow.ts";
import { Follow, type Held } from "./follow.ts";
import { Ground } from "./ground.ts";
import { Library } from "./library.ts";
import { Link } from "./link.ts";
import { type LiveHost, type LiveSide, NOT_LIVE } from "./live.ts";
import { followTraits, loadState, pick, takeResult } from "./load.ts";
import { barred, LOCKED } from "./locks.ts";
import { Look } from "./look.ts";
import { splitMaps } from "./maps.ts";
import { listen, type Model } from "./model.ts";
import { Modules } from "./modules.ts";
import { asking, ending, running, taken } from "./patches.ts";
import type { Accepted, Display, End, ExplainArgs, Frame, Outgoing, Params, Target, Welcome } from "./protocol.ts";
import { doneNotice } from "./sentences.ts";
import { currentPicture, pictureAt, type SessionState } from "./state.ts";
import { createStore, type Store } from "./store.ts";
import { compare, sameTarget, withMethod } from "./targets.ts";
import { Timers } from "./timers.ts";
import { type Choice, readChoice } from "./traits.ts";

/** Milliseconds. The first is rule 8; the others are ours. */
export const TIMES = { queued: 300, debounce: 150, welcome: 2500, silence: 10_000 };

export class Session {
  readonly store: Store<SessionState>;
  readonly flow: Flow;
  live: LiveSide = NOT_LIVE;
  readonly liveHost: LiveHost;
  readonly beside: Beside;
  readonly modules: Modules;
  readonly library: Library;
  readonly recast: Recast;
  /** Aborts when the model goes, and its views with it. */
  readonly signal: AbortSignal;
  readonly #model: Model;
  readonly #link: Link;
  readonly #look: Look;
  readonly #follow: Follow;
  readonly #timers: Timers;
  readonly #ground: Ground;
  #n = 0;
  /** The page's newest request, what the followed job is of, and its parameters as the kernel spells them. */
  #asked: { n: number; args: ExplainArgs; at: number } | null = null;
  #args: ExplainArgs | null = null;
  #canonical: Params | undefined;
  #cancelWanted = false;
  #heard = false;
  /** performance.now() of the newest hello that was sent because the kernel owed an answer and said nothing. */
  #probed = 0;

  constructor(model: Model, signal: AbortSignal, cacheBytes?: number) {
    this.#model = model;
    this.signal = signal;
    this.library = new Library(cacheBytes);
    this.#timers = new Timers(signal);
    this.#link = new Link(model, this.#timers, {
      lost: () => this.#lost(),
      now: () => ({ visible: this.flow.visible, job: this.#follow.newest }),
    });
    this.#follow = new Follow(this.#link.page);
    this.flow = new Flow(this.#link.page, (message) => this.#link.send(message));
    this.store = createStore(loadState(model, this.library));
    this.#ground = new Ground(this.#state);
    this.#look = new Look(model, this.store, this.#timers, signal);
    const send = (message: Outgoing, data?: Uint8Array): boolean => this.#link.send(message, data);
    this.beside = new Beside(this.#link.page, send, () => ++this.#n);
    this.beside.shown = (shown) => this.store.set({ shown });
    this.modules = new Modules(this.#link.page, send);
    this.recast = new Recast(this.beside, () => this.store.set({ kept: this.#state.kept + 1 }));
    const ready = (): boolean => this.flow.visible && this.#follow.asked === null;
    this.liveHost = { page: this.#link.page, request: () => this.#ask({}), send, ready };

    listen(model, "msg:custom", ((m: unknown, b?: unknown[]) => this.#receive(m, b)) as never, signal);
    followTraits(model, this.store, { chosen: () => this.#chosen(), resulted: () => this.#resulted() }, signal);

    this.#link.open(signal);
    this.#timers.later("welcome", TIMES.welcome, () => {
      if (!this.#heard && this.#state.phase === "idle") {
        this.store.set({ phase: "saved", notice: "No kernel answers; the last map is shown." });
      }
    });
  }

  // What a view may do.

  select(target: Target, image = this.#state.choice.image): void {
    this.#ask({ target, image });
  }

  setMethod(method: string): void {
    this.#ask(withMethod(this.#state, method));
  }

  /** Shows a control, or, if that is shown, goes back to the method before. */
  compare(control: string): void {
    const [next, compared] = compare(this.#state, control);
    this.store.set({ compared });
    this.#ask(next);
  }

  /** A layer, the score, another one of several models, or when a run stops by itself. */
  set(change: Partial<Pick<Choice, "layer" | "model" | "score" | "tolerance">>): void {
    this.#ask(change);
  }

  setImage(which: number | string): void {
    const image = typeof which === "string" ? which : pictureAt(this.#state, which);
    if (image !== null) {
      this.#ask({ image });
    }
  }

  /** Sliders move many times: the kernel is asked once they rest. */
  setParams(patch: Params): void {
    const { choice } = this.#state;
    const params = { ...choice.params, ...patch };
    if (!barred(this.#state, { params })) {
      this.store.set({ choice: { ...choice, params } });
      this.#timers.later("params", TIMES.debounce, () => this.#ask({}));
    }
  }

  setDisplay(patch: Partial<Display>): void {
    this.#look.change(patch);
  }

  cancel(): void {
    this.#timers.stop("params");
    if (this.live.on) {
      this.live.stop();
    } else if (this.#follow.asked !== null) {
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
    if (barred(this.#state, change)) {
      this.store.set({ notice: LOCKED });
      return;
    }
    this.#timers.stop("params");
    const choice = { ...this.#state.choice, ...change };
    const { target, ...rest } = choice;
    const args: ExplainArgs = { ...rest, targets: target === null ? [] : [target] };
    const { on } = this.live;
    const cached = on ? undefined : this.library.find(args, this.#state.card);
    this.#n += 1;
    this.#asked = { n: this.#n, args, at: performance.now() };
    this.#cancelWanted = false;
    this.#ground.ask(this.#state, this.#follow.asked === null, cached && choice);
    this.#follow.ask(this.#n);
    this.store.set(asking(choice, this.#state.map, cached, on, this.#state.card));
    this.#request(cached?.key ?? null);
  }

  #request(have: string | null): void {
    if (this.#asked === null) {
      return;
    }
    const { n, args } = this.#asked;
    const what = this.live.on ? { kind: "live" as const, args } : { kind: "explain" as const, args: { ...args, have } };
    if (this.#link.send({ type: "request", req: { page: this.#link.page, n }, ...what })) {
      this.#timers.later("queued", TIMES.queued, () =>
        this.store.set({ phase: "queued", notice: "Kernel busy, queued." }),
      );
      this.#watch();
    }
  }

  /** There is no kernel to send to; what is drawn stays, and what waits for an answer will have none. */
  #lost(): void {
    this.#timers.stop("queued");
    this.live.off();
    this.beside.lost();
    this.modules.lost();
    this.#asked = null;
    this.#resume(this.#follow.forget());
    this.#finish({ ...this.#ground.lost(this.#state), phase: "disconnected", notice: "Kernel disconnected." });
  }

  // Listening.

  #receive(message: unknown, buffers?: unknown[]): void {
    const m = decode(message, buffers);
    if (m === null || (m.type === "welcome" && m.page !== this.#link.page)) {
      return;
    }
    this.#heard = true;
    if (["disconnected", "saved"].includes(this.#state.phase)) {
      this.store.set({ phase: "idle" });
    }
    this.#watch();
    if (this.beside.receive(m)) {
      this.flow.received(m.type === "cell" ? m.seq : 0, m.type === "cell");
      return;
    }
    switch (m.type) {
      case "module":
        void this.modules.receive(m);
        break;
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
        const maps = splitMaps(m, m.values, { image: m.image, model: m.args.model });
        this.library.keep(maps, m.args, this.#state.card);
        this.store.set({ kept: this.#state.kept + 1 });
        break;
      }
      case "end":
        this.#onEnd(m);
        break;
    }
  }

  #onWelcome(m: Welcome): void {
    this.#link.welcomed();
    if (m.running || m.job < this.#follow.newest) {
      return; // `accepted` and the newest frame follow; or it was overtaken on its way.
    }
    if (m.job > 0 && this.#follow.newest === 0 && this.#state.map === null) {
      this.#follow.job = m.job; // whose result is taken when it comes: the host told of no change so far
      this.#link.send({ type: "resend", page: this.#link.page });
    }
    this.#follow.newest = m.job;
    if (this.#follow.asked !== null && this.#asked !== null && this.#asked.at < this.#probed) {
      // Messages keep their order, so a request older than this greeting was lost on the way.
      this.#request(this.library.find(this.#asked.args, this.#state.card)?.key ?? null);
    } else if (this.#follow.asked === null && !this.#follow.ended) {
      this.#follow.ended = true;
      this.live.ended(this.#follow.job, "complete");
      this.#resulted();
      this.#finish({});
    }
  }

  #onAccepted(m: Accepted): void {
    const asked = this.#follow.asked;
    const verdict = this.#follow.accepted(m);
    if (verdict === "ignore" || (m.kind !== "explain" && m.kind !== "live")) {
      return;
    }
    this.#timers.stop("queued");
    const own = asked !== null ? this.#asked : null;
    this.#args = own?.args ?? m.args;
    this.#canonical = m.args.params;
    const begun = this.live.accepted(m, own !== null);
    const { choice: before, phase } = this.#state;
    const settled = this.#ground.accept(m.args, own?.args ?? m.args, before);
    // A slider under a hand stays where it is.
    const choice = this.#timers.has("params") ? { ...settled, params: before.params } : settled;
    if (verdict === "again") {
      this.store.set({ choice, phase: this.#follow.ended ? phase : begun });
    } else {
      this.store.set(taken(this.#state, choice, own !== null, begun));
    }
    if (this.#cancelWanted && own !== null) {
      this.#cancelWanted = false;
      this.#link.send({ type: "cancel", job: m.job });
    }
  }

  #onFrame(frame: Frame): void {
    const verdict = this.#follow.frame(frame);
    if (frame.shot !== null) {
      this.flow.received(frame.seq, this.live.frame(frame, verdict === "paint"));
      return;
    }
    const { choice, map: before, startedAt } = this.#state;
    const again = before?.job === frame.job && before.seq >= frame.seq;
    this.flow.received(frame.seq, verdict !== "drop" && !again);
    if (verdict === "drop" || again) {
      return;
    }
    if (verdict === "follow") {
      this.#args = null;
    }
    const image = this.#args?.image ?? currentPicture(this.#state)?.id ?? "";
    const model = this.#args?.model ?? choice.model;
    const maps = splitMaps(frame, frame.values, { image, model, job: frame.job, seq: frame.seq });
    const map = pick(maps, choice.target);
    this.#ground.paint(map?.target);
    if (map !== null && !sameTarget(map.target, choice.target)) {
      this.store.set({ choice: { ...choice, target: map.target } });
    }
    this.store.set(running(frame, map, startedAt));
    if (frame.final) {
      if (this.#args !== null) {
        this.library.keep(maps, this.#args, this.#state.card, this.#canonical);
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
      const held = this.#follow.forget();
      this.#asked = null;
      this.store.set(this.#ground.refused());
      this.live.refused();
      this.#resulted(); // The running job may have ended while the page waited.
      const phase = this.#follow.ended ? "error" : this.live.on ? "live" : "running";
      this.#finish({ phase, error: m.message ?? m.code, notice: m.message ?? "" });
      this.#resume(held);
      return;
    }
    this.live.ended(m.job, m.status);
    const patch = ending(m, this.#state);
    if (m.status === "unchanged" && patch?.map) {
      this.#ground.paint(patch.map.target);
    }
    if (patch !== null) {
      this.#finish(patch);
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

  /** The kernel's choice, unless the page's own is under way or a job says it better. */
  #chosen(): void {
    if (this.#follow.asked === null && this.#follow.ended && !this.#timers.has("params")) {
      const { card, choice } = this.#state;
      const next = readChoice(this.#model, card, currentPicture(this.#state)?.id ?? choice.image);
      this.store.set({ choice: this.#ground.settle(next, choice) });
    }
  }

  /** The last finished map as a trait: of use only where the final frame of the followed job was lost. */
  #resulted(): void {
    const { map, choice } = this.#state;
    const waiting = this.#follow.asked !== null || (map?.final && !this.#state.stale);
    const result = waiting ? null : takeResult(this.#model, this.library, this.#state);
    if (result === null || result.job === 0 || result.job !== this.#follow.job) {
      return;
    }
    this.#follow.ended = true;
    const found = pick(result.maps, choice.target);
    this.#ground.paint(found?.target);
    this.#finish({ map: found, stale: false });
  }

  /** A kernel that owes an answer and says nothing is greeted again: the answer is the state as it is now. */
  #watch(): void {
    this.#timers.later("silence", TIMES.silence, () => {
      if (this.#follow.asked !== null || !this.#follow.ended) {
        this.#probed = performance.now();
        this.#link.hello();
        this.#watch();
      }
    });
  }

  get #state(): SessionState {
    return this.store.get();
  }
}
