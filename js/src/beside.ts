// Jobs beside the one that all pages follow: asks for them, and hands what comes to who asked; the map on screen is not
// its concern.
import type { Accepted, Cell, End, FileData, Incoming, Outgoing, Paint, Scores, Told } from "./protocol.ts";

/** What comes of a job; `lost`: there is no kernel any more. */
export type News = Accepted | Cell | End | FileData | Scores | Told | { type: "lost" };
export type Errand =
  Extract<Outgoing, { type: "request" }> extends infer R
    ? R extends { kind: "grid" | "channels" | "file" | "occlude" | "cut" | "survey" | "lab" }
      ? Omit<R, "type" | "req">
      : never
    : never;

/** In place of a job's number: what belongs to a job, and is none. */
const PAINT = -1;

interface Asked {
  readonly hear: (news: News) => void;
  /** Null until it is accepted. */
  job: number | null;
  cancelled: boolean;
}

export class Beside {
  readonly #page: string;
  readonly #send: (message: Outgoing, data?: Uint8Array) => boolean;
  readonly #next: () => number;
  readonly #asked = new Map<number, Asked>();

  constructor(page: string, send: (message: Outgoing, data?: Uint8Array) => boolean, next: () => number) {
    this.#page = page;
    this.#send = send;
    this.#next = next;
  }

  /** Asks; `hear` is called up to the job's end. Gives how to cancel it. */
  ask(errand: Errand, hear: (news: News) => void): () => void {
    const n = this.#next();
    const asked: Asked = { hear, job: null, cancelled: false };
    this.#asked.set(n, asked);
    this.#send({ type: "request", req: { page: this.#page, n }, ...errand });
    return () => {
      if (!this.#asked.has(n) || asked.cancelled) {
        return;
      }
      asked.cancelled = true;
      if (asked.job !== null) {
        this.#send({ type: "cancel", job: asked.job });
      }
    };
  }

  /** Hears of small copies of pictures, whichever page asked for them. */
  copied: (told: Told) => void = () => {};

  /** Hears of what Python shows, which nobody asked for. */
  shown: (told: Told) => void = () => {};

  #catalogued: (told: Told) => void = () => {};

  /** Asks which experiments there are. */
  catalogue(hear: (told: Told) => void): void {
    this.#catalogued = hear;
    this.#send({ type: "experiments", page: this.#page });
  }

  /** Asks for small copies of some pictures, by their places. */
  copies(pictures: number[]): boolean {
    return this.#send({ type: "thumbs", page: this.#page, pictures });
  }

  /** Sends the bytes of a picture, to be put among the others; otherwise as `ask`. */
  image(name: string, data: Uint8Array, hear: (news: News) => void): void {
    const n = this.#next();
    this.#asked.set(n, { hear, job: null, cancelled: false });
    this.#send({ type: "image", req: { page: this.#page, n }, name }, data);
  }

  /** Sends what belongs to a job that was asked for. Should it be refused, `hear` gets an `end`. Gives its number. */
  paint(paint: Paint, data: Uint8Array, hear: (news: News) => void): number {
    const n = this.#next();
    this.#asked.set(n, { hear, job: PAINT, cancelled: true });
    this.#send({ type: "paint", req: { page: this.#page, n }, ...paint }, data);
    return n;
  }

  /** Whether a message was for one of these jobs, and nobody else's concern. */
  receive(message: Incoming): boolean {
    if (message.type === "accepted") {
      const own = message.req?.page === this.#page ? this.#asked.get(message.req.n) : undefined;
      if (own !== undefined) {
        own.job = message.job;
        if (own.cancelled) {
          this.#send({ type: "cancel", job: message.job });
        }
        own.hear(message);
      }
      return own !== undefined || !["explain", "live", "predict"].includes(message.kind);
    }
    if (message.type === "scores") {
      for (const [n, { job }] of this.#asked) {
        if (job === PAINT && n <= message.n) {
          this.#asked.delete(n);
        }
      }
    }
    switch (message.type) {
      case "thumbs":
        this.copied(message);
        return true;
      case "catalogue":
        if (message["page"] === this.#page) {
          this.#catalogued(message);
        }
        return true;
      case "cell":
      case "file":
      case "scores":
      case "added":
      case "survey":
      case "finding":
        if (message.type === "finding" && message.job === null) {
          this.shown(message);
        }
        this.#of(message.job)?.[1].hear(message);
        return true;
      default:
    }
    if (message.type === "end") {
      const refused = message.job === null && message.req?.page === this.#page ? message.req.n : -1;
      const found = this.#of(message.job) ?? [refused, this.#asked.get(refused)];
      this.#asked.delete(found[0]);
      found[1]?.hear(message);
      return found[1] !== undefined;
    }
    return false;
  }

  /** Nobody will answer any more. */
  lost(): void {
    const all = [...this.#asked.values()];
    this.#asked.clear();
    for (const { hear } of all) {
      hear({ type: "lost" });
    }
  }

  #of(job: number | null): [number, Asked] | undefined {
    return job === null ? undefined : [...this.#asked].find(([, asked]) => asked.job === job);
  }
}
