// Live maps: grabs pictures from a source, sends them as fast as their maps are painted, and lays each map over the very
// picture that it is of. Draws nothing itself.
import { type Format, grab } from "./grab.ts";
import { type LiveHost, type LiveSide, NOT_LIVE } from "./live.ts";
import { splitMaps } from "./maps.ts";
import type { Accepted, EndStatus, Frame, Picture } from "./protocol.ts";
import type { Session } from "./session.ts";
import type { Source } from "./source.ts";
import { currentPicture, type Phase, type SessionState } from "./state.ts";
import type { Store } from "./store.ts";

/** Pixels of the long side of what is sent (rule 13). */
const SENT = 1024;
/** Milliseconds from sending to painting up to which a second picture is under way: the kernel need not wait for it. */
const NEAR = 400;
/** After so many milliseconds without an answer another picture is sent, up to `MOST`; and in the end all count as lost. */
const LOST = 3000;
const FORGOTTEN = 60_000;
const MOST = 4;
/** Pictures that are kept after they were shown. */
const SHOWN = 3;
/** Milliseconds of a round trip, beyond the kernel's own, from which on pictures are sent as JPEGs; and after how many maps. */
const FAR = 300;
const TRIED = 5;
/** Milliseconds over which frames are counted, and after which the figure on screen may change. */
const COUNTED = 2000;
const STEADY = 500;

/** Width and height in which a picture is sent: as many pixels as the model makes of it, and not many more. */
export function sentSize([width, height]: readonly [number, number], picture: Picture | null): [number, number] {
  const [left, top, right, bottom] = picture?.box ?? [0, 0, 1, 1];
  const seen = Math.min(right - left, bottom - top);
  // What the model crops away is sent too.
  const margin = picture !== null && seen > 0 ? Math.max(1, Math.min(picture.width, picture.height) / seen) : 1;
  const short = margin * Math.max(...(picture?.input ?? [SENT]));
  const scale = Math.min(1, short / Math.min(width, height), SENT / Math.max(width, height));
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}

/** Frames a second by the moments at which they were painted, 0 for fewer than two. */
export function rate(times: readonly number[]): number {
  const span = (times.at(-1) ?? 0) - (times[0] ?? 0);
  return span > 0 ? (1000 * (times.length - 1)) / span : 0;
}

/** Pictures that Python shows come with their maps. */
const PYTHON: Source = {
  kind: "python",
  label: "From Python",
  el: null,
  size: () => [0, 0],
  moved: () => false,
  draw: () => {},
  close: () => {},
};

const described = ({ kind, label, el }: Source): Pick<Source, "kind" | "label" | "el"> => ({ kind, label, el });

export class Live implements LiveSide {
  readonly #store: Store<SessionState>;
  readonly #host: LiveHost;
  /** What is under way: the picture, and performance.now() when it was taken. */
  readonly #sent = new Map<number, { bitmap: ImageBitmap; at: number }>();
  /** The pictures that were shown last: one that is hovered over until the next paint must still be readable. */
  readonly #drawn: ImageBitmap[] = [];
  #source: Source | null = null;
  /** The kernel's number of the live job, null while there is none. */
  #job: number | null = null;
  #n = 0;
  #encoding = false;
  /** The choice was changed: the same picture has another map now. */
  #again = false;
  #trip = 0;
  #maps = 0;
  /** Of the frame that was shown last. */
  #seq = 0;
  #format: Format = "rgb";
  /** performance.now() of the newest picture sent or map received, and of the last change of the figure on screen. */
  #heard = 0;
  #said = 0;
  #times: number[] = [];

  constructor(store: Store<SessionState>, host: LiveHost, signal: AbortSignal) {
    this.#store = store;
    this.#host = host;
    signal.addEventListener("abort", () => this.off());
  }

  get on(): boolean {
    return this.#source !== null;
  }

  /** Whether this is the source of the live pictures. */
  uses(source: Source | null): boolean {
    return source !== null && source === this.#source;
  }

  start(source: Source): void {
    const before = this.#source;
    before?.close();
    this.#source = source;
    this.#forget();
    this.#times = [];
    this.#trip = 0;
    this.#maps = 0;
    this.#format = "rgb";
    this.#store.set({ live: { ...described(source), rate: 0, lossy: false, shown: null } });
    this.#host.request();
    if (before === null) {
      this.#loop();
    }
  }

  /** Ends live; the chosen picture comes back with the map of what is chosen now. */
  stop(): void {
    if (this.on) {
      this.off();
      this.#host.request();
    }
  }

  /** Ends live on this side alone. */
  off(): void {
    this.#source?.close();
    this.#source = null;
    this.#job = null;
    this.#forget();
    this.#drawn.length = 0;
    this.#store.set({ live: null });
  }

  // What the kernel says.

  /** A job was accepted; gives the phase that begins. One that is not this page's live job ends live here. */
  accepted(message: Accepted, own: boolean): Phase {
    const goesOn = own || message.job === this.#job || this.#source === PYTHON;
    if (message.kind === "live" && this.on && goesOn) {
      if (message.job !== this.#job) {
        // Nobody will answer what was sent for the job before.
        this.#forget();
        this.#again = true;
      }
      this.#job = message.job;
      return "live";
    }
    if (this.on) {
      this.off();
    }
    return NOT_LIVE.accepted(message, own);
  }

  /** A live request was refused: live goes on as before, if it had begun. */
  refused(): void {
    if (this.on && this.#job === null) {
      this.off();
    }
  }

  /** A job has ended; after a long pause the kernel ends a live one, and the next picture asks again. */
  ended(job: number | null, status: EndStatus): void {
    if (this.on && job === this.#job) {
      this.#job = null;
      this.#forget();
      if (status !== "complete" || this.#source === PYTHON) {
        this.off();
      }
    }
  }

  /** A map has come; whether it will be drawn. */
  frame(frame: Frame, wanted: boolean): boolean {
    const { shot } = frame;
    if (frame.picture !== null) {
      return wanted && this.#given(frame, frame.picture);
    }
    if (shot === null || shot.page !== this.#host.page) {
      if (this.#source === PYTHON) {
        this.off(); // another page's camera took its place
      }
      return false;
    }
    const now = performance.now();
    const taken = this.#sent.get(shot.n);
    this.#sent.delete(shot.n);
    this.#forget(shot.n);
    this.#heard = now;
    if (taken === undefined || !wanted || this.#source === null) {
      taken?.bitmap.close();
      return false;
    }
    const trip = now - taken.at;
    this.#trip = this.#trip === 0 ? trip : 0.8 * this.#trip + 0.2 * trip;
    this.#maps += 1;
    // Of two pictures under way the second waits for the first.
    if (this.#maps > TRIED && this.#trip - 2 * frame.ms > FAR) {
      this.#format = "jpeg";
    }
    return this.#show(frame, taken.bitmap, this.#source);
  }

  /** A picture of Python and its map; not while this page has a source of its own. */
  #given(frame: Frame, jpeg: Uint8Array): boolean {
    if (this.#source !== PYTHON) {
      if (this.#source !== null) {
        return false;
      }
      this.#source = PYTHON;
      this.#times = [];
      this.#format = "rgb";
    }
    this.#job = frame.job;
    const late = (): boolean => this.#source !== PYTHON || this.#job !== frame.job || this.#seq > frame.seq;
    createImageBitmap(new Blob([jpeg as BlobPart])).then(
      (bitmap) => (late() ? bitmap.close() : void this.#show(frame, bitmap, PYTHON)),
      () => {},
    );
    return true;
  }

  #show(frame: Frame, bitmap: ImageBitmap, source: Source): boolean {
    const { shot } = frame;
    if (shot === null) {
      return false;
    }
    const now = performance.now();
    const { live } = this.#store.get();
    this.#seq = frame.seq;
    this.#times = [...this.#times.filter((at) => at > now - Math.max(COUNTED, 3 * this.#trip)), now];
    const fresh = rate(this.#times);
    const settled = live !== null && live.rate > 0 && now - this.#said < STEADY;
    if (!settled) {
      this.#said = now;
    }
    const [width, height] = shot.size;
    const id = `live ${source.label}`;
    const picture: Picture = { id, label: source.label, width, height, box: shot.box, input: shot.input };
    const [map] = splitMaps(frame, frame.values, { image: id, job: frame.job, seq: frame.seq });
    if (map === undefined) {
      return false;
    }
    const shown = { bitmap, picture, heads: shot.heads, map: { ...map, final: true } };
    this.#drawn.push(bitmap);
    if (this.#drawn.length > SHOWN) {
      this.#drawn.shift()?.close();
    }
    this.#store.set({
      live: { ...described(source), rate: settled ? live.rate : fresh, lossy: this.#format === "jpeg", shown },
    });
    return true;
  }

  // Grabbing.

  #loop(): void {
    requestAnimationFrame((now) => {
      if (this.#source !== null) {
        this.#step(this.#source, now);
        this.#loop();
      }
    });
  }

  #step(source: Source, now: number): void {
    const moved = source.moved(now);
    if (!(moved || this.#again) || this.#encoding || !this.#host.ready() || Math.min(...source.size()) < 1) {
      return;
    }
    if (this.#job === null) {
      this.#host.request();
    } else if (this.#room(performance.now())) {
      void this.#grab(source);
    }
  }

  /** Nobody answers any more what was sent up to here. */
  #forget(last = this.#n): void {
    for (const [n, { bitmap }] of this.#sent) {
      if (n <= last) {
        this.#sent.delete(n);
        bitmap.close();
      }
    }
  }

  #room(now: number): boolean {
    const silent = now - this.#heard;
    if (silent > FORGOTTEN) {
      this.#forget();
    }
    return this.#sent.size < (silent > LOST ? MOST : this.#trip < NEAR ? 2 : 1);
  }

  async #grab(source: Source): Promise<void> {
    this.#again = false;
    this.#n += 1;
    const n = this.#n;
    this.#heard = performance.now();
    this.#encoding = true;
    try {
      const picture = currentPicture(this.#store.get());
      const at = this.#heard;
      const format = this.#format;
      const { bitmap, data, width, height } = await grab(source, (size) => sentSize(size, picture), format);
      // Meanwhile live may have ended, or the choice may be another one.
      if (source === this.#source && this.#job !== null) {
        this.#sent.set(n, { bitmap, at });
        this.#host.send({ type: "shot", page: this.#host.page, n, width, height, format }, data);
      }
    } finally {
      this.#encoding = false;
    }
  }
}

const all = new WeakMap<Session, Live>();

/** The live maps of a session, which all of its views share. */
export function liveOf(session: Session): Live {
  const made = all.get(session) ?? new Live(session.store, session.liveHost, session.signal);
  all.set(session, made);
  session.live = made;
  return made;
}
