// Somebody paints over a picture: the mask with its steps back, the job that scores it, what came of it; draws nothing.
import type { News } from "./beside.ts";
import { fromMap, type Grid, gridOf, hiddenShare, stroke } from "./paintmask.ts";
import type { Said } from "./paintscores.ts";
import type { Picture, Scores } from "./protocol.ts";
import type { Session } from "./session.ts";
import { sameView } from "./state.ts";
import { Timers } from "./timers.ts";
import type { Point } from "./viewport.ts";

/** Masks that were sent and not answered: one is computed, one waits, and the newest takes its place. */
const UNDER_WAY = 3;
/** Milliseconds after which what was not answered counts as lost. */
const LOST = 3000;
const STEPS_BACK = 50;

export interface Fill {
  readonly fill: string;
  readonly seed: number;
}

export class Easel {
  readonly picture: Picture;
  readonly grid: Grid;
  mask: Uint8Array;
  fill: Fill;
  /** What the model says of the picture as it is, and as it was painted last. */
  before: Said | null = null;
  after: Said | null = null;
  /** What stands in place of hidden cells, RGB on the grid, as the kernel sees it; null until it has said so. */
  behind: Uint8Array | null = null;
  /** The number of the mask that `after` is of, and of the newest that was sent. */
  answered = 0;
  sent = 0;
  /** What is in the way, or "". */
  problem = "";
  /** The painted picture that was kept, once the kernel says so. */
  kept: string | null = null;
  readonly #session: Session;
  readonly #changed: () => void;
  readonly #timers: Timers;
  readonly #steps: Uint8Array[] = [];
  #open = false;
  #turn = 0;
  #stop = (): void => {};
  #underWay: number[] = [];
  #late = false;
  /** Answers to older masks are of no use: it was cleared since. */
  #since = 0;
  #last: Point | null = null;

  constructor(session: Session, picture: Picture, fill: Fill, changed: () => void, signal: AbortSignal) {
    this.#session = session;
    this.picture = picture;
    this.fill = fill;
    this.grid = gridOf(picture);
    this.mask = new Uint8Array(this.grid.width * this.grid.height);
    this.#changed = changed;
    this.#timers = new Timers(signal);
  }

  get hidden(): number {
    return hiddenShare(this.mask);
  }

  get empty(): boolean {
    return this.mask.every((v) => v === 0);
  }

  get canUndo(): boolean {
    return this.#steps.length > 0;
  }

  /** The newest mask has not been scored yet. */
  get waits(): boolean {
    return !this.empty && (this.answered < this.sent || this.#late || this.after === null);
  }

  /** Asks what the model says of the picture as it is; what is painted is scored from now on. */
  begin(): void {
    if (this.#open) {
      return;
    }
    this.problem = "";
    this.#open = true;
    this.#turn += 1;
    const turn = this.#turn;
    this.#stop = this.#session.beside.ask({ kind: "occlude", args: { image: this.picture.id } }, (news) => {
      if (this.#open && turn === this.#turn) {
        this.#hear(news);
      }
    });
  }

  /** Nothing more is asked; what was painted stays. */
  end(): void {
    if (this.#open) {
      this.#close();
      this.#stop();
    }
  }

  /** A step back leads to the mask as it is now. */
  mark(): void {
    this.#steps.push(this.mask.slice());
    this.#steps.splice(0, this.#steps.length - STEPS_BACK);
  }

  down(at: Point, radius: number, erase: boolean): void {
    this.mark();
    this.#last = at;
    this.move(at, radius, erase);
  }

  move(at: Point, radius: number, erase: boolean): void {
    stroke(this.mask, this.grid, [this.#last ?? at, at], radius, erase);
    this.#last = at;
    this.push();
  }

  /** The hand has lifted: the newest mask goes out, whatever is under way. */
  up(): void {
    this.#last = null;
    if (this.#late) {
      this.push(true);
    }
  }

  undo(): void {
    const before = this.#steps.pop();
    if (before !== undefined) {
      this.#last = null;
      this.mask = before;
      this.push(true);
    }
  }

  clear(): void {
    if (!this.empty) {
      this.mark();
      this.mask = new Uint8Array(this.mask.length);
      this.push(true);
    }
  }

  /** Another model looks at the same picture: what was painted stays, if it sees the same part of it. */
  takeOver({ picture, mask }: Easel): void {
    if (picture.id === this.picture.id && sameView(picture, this.picture) && mask.length === this.mask.length) {
      this.mask = mask;
      this.push(true);
    }
  }

  /** Hides the strongest cells of a map, or all but these. */
  byMap(map: { values: Float32Array; width: number; height: number }, share: number, keepThem: boolean): void {
    this.mask = fromMap(map, share, keepThem, this.grid);
    this.push();
  }

  use(fill: Fill): void {
    if (fill.fill !== this.fill.fill || fill.seed !== this.fill.seed) {
      this.fill = fill;
      this.behind = null;
      this.#since = this.sent + 1;
      this.push(true);
    }
  }

  /** Has the painted picture become one of the widget's pictures. */
  keep(): void {
    this.kept = null;
    this.push(true, true);
  }

  /** Sends the mask, or leaves it for when an answer has come. */
  push(surely = false, keep = false): void {
    if (this.empty) {
      this.after = null;
      this.#late = false;
      this.#since = this.sent + 1;
      this.#changed();
      return;
    }
    this.begin();
    if (!this.#open) {
      return; // there is no kernel
    }
    this.#late = !surely && this.#underWay.length >= UNDER_WAY;
    if (!this.#late) {
      const { width, height } = this.grid;
      const pixels = this.behind === null || this.fill.fill === "inpaint";
      const what = { image: this.picture.id, width, height, ...this.fill, keep, pixels };
      this.sent = this.#session.beside.paint(what, this.mask.slice(), (news) => this.#refused(news));
      this.#underWay.push(this.sent);
      this.#timers.later("lost", LOST, () => this.#again());
    }
    this.#changed();
  }

  #hear(news: News): void {
    if (news.type === "scores") {
      this.#scores(news);
    } else if (news.type === "end") {
      this.#close();
      // Another view or page paints: the next stroke takes over again.
      this.problem = news.status === "error" ? (news.message ?? "This picture cannot be painted over.") : "";
    } else if (news.type === "lost") {
      this.#close();
      this.problem = "This needs a running kernel.";
    }
    this.#changed();
  }

  #scores({ n, heads, painted, pixels, kept }: Scores): void {
    if (!painted) {
      this.before = heads;
      return;
    }
    this.#underWay = this.#underWay.filter((one) => one > n);
    if (n >= this.#since && n > this.answered && !this.empty) {
      this.after = heads;
      this.behind = pixels ?? this.behind;
    }
    this.answered = Math.max(this.answered, n);
    this.kept = kept ?? this.kept;
    this.problem = "";
    if (this.#underWay.length === 0) {
      this.#timers.stop("lost");
    }
    if (this.#late) {
      this.push();
    }
  }

  #refused(news: News): void {
    if (news.type === "end") {
      this.#underWay = [];
      this.problem = news.message ?? "The kernel refused what was painted.";
      this.#changed();
    }
  }

  #again(): void {
    this.#underWay = [];
    if (this.#late) {
      this.push();
    }
  }

  #close(): void {
    this.#open = false;
    this.#underWay = [];
    this.#late = false;
    this.#timers.stop("lost");
  }
}
