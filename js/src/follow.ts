// Which job this page follows (rules 1, 2, 6 and 7 of docs/protocol.md): decides, and neither draws nor sends.
import type { Accepted, End, Frame } from "./protocol.ts";

/** What happened to a job that was accepted while the page's own request was under way. */
export interface Held {
  accepted: Accepted;
  frame: Frame | null;
  end: End | null;
}

export class Follow {
  readonly #page: string;
  /** The newest job that this page knows of; frames of older ones are never painted. */
  newest = 0;
  /** The job followed now, or 0; `ended` once its end or its final frame came. */
  job = 0;
  ended = true;
  /** Number of the page's own request that waits for its `accepted`, or null. */
  asked: number | null = null;
  #held: Held | null = null;

  constructor(page: string) {
    this.#page = page;
  }

  ask(n: number): void {
    this.asked = n;
    this.#held = null;
  }

  /** The request could not be sent, or was refused; gives what came meanwhile, to be followed now. */
  forget(): Held | null {
    const held = this.#held;
    this.asked = null;
    this.#held = null;
    return held;
  }

  accepted(message: Accepted): "follow" | "again" | "ignore" {
    // Others have a number but no frames, and the job that they interrupt goes on under its own.
    if (!(message.kind === "explain" || message.kind === "live") || message.job < this.newest) {
      return "ignore";
    }
    this.newest = message.job;
    if (this.asked !== null) {
      if (message.req?.page !== this.#page || message.req.n !== this.asked) {
        this.#held = { accepted: message, frame: null, end: null };
        return "ignore";
      }
      this.forget();
    } else if (message.job === this.job) {
      return "again";
    }
    this.#start(message.job);
    return "follow";
  }

  /** `follow` means that its `accepted` was lost: the frame itself says what it is of. */
  frame(frame: Frame): "paint" | "follow" | "drop" {
    if (this.asked !== null) {
      if (this.#held?.accepted.job === frame.job) {
        this.#held.frame = frame;
      }
      return "drop";
    }
    if (frame.job < this.newest) {
      return "drop";
    }
    const known = frame.job === this.job;
    if (!known) {
      this.newest = frame.job;
      this.#start(frame.job);
    }
    this.ended = frame.final;
    return known ? "paint" : "follow";
  }

  end(message: End): "ended" | "refused" | "ignore" {
    const own = message.req?.page === this.#page && message.req.n === this.asked;
    if (message.job === null) {
      return own && this.asked !== null ? "refused" : "ignore";
    }
    if (own && this.asked !== null) {
      // Its `accepted` was lost, but this is the answer all the same.
      this.forget();
      this.newest = Math.max(this.newest, message.job);
      this.#start(message.job);
    } else if (this.#held?.accepted.job === message.job) {
      this.#held.end = message;
    }
    if (message.job !== this.job) {
      return "ignore";
    }
    this.ended = true;
    // While the page waits for its own job, the end of the one before is no news.
    return this.asked === null ? "ended" : "ignore";
  }

  #start(job: number): void {
    this.job = job;
    this.ended = false;
  }
}
