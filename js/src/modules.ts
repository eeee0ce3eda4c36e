// The parts of the page's code that only work with a kernel: fetched from it when they are first needed, so that a saved
// notebook need not carry them.
import type { ModuleCode, Outgoing } from "./protocol.ts";

export type Studio = typeof import("./studio.ts");
type Hear = (studio: Studio | null, problem: string) => void;

const NAME = "studio";

export class Modules {
  readonly #page: string;
  readonly #send: (message: Outgoing) => boolean;
  #ready: Studio | null = null;
  #waiting: Hear[] = [];

  constructor(page: string, send: (message: Outgoing) => boolean) {
    this.#page = page;
    this.#send = send;
  }

  /** The code, if it is here already. */
  get ready(): Studio | null {
    return this.#ready;
  }

  /** Has the code fetched; `hear` is called once, with the code or with what is in the way. */
  fetch(hear: Hear): void {
    if (this.#ready !== null) {
      hear(this.#ready, "");
      return;
    }
    this.#waiting.push(hear);
    if (this.#waiting.length === 1) {
      this.#send({ type: "fetch", page: this.#page, name: NAME });
    }
  }

  async receive({ page, name, code, problem }: ModuleCode): Promise<void> {
    if (page !== this.#page || name !== NAME || this.#waiting.length === 0) {
      return;
    }
    if (code === null) {
      this.#tell(null, problem);
      return;
    }
    const url = URL.createObjectURL(new Blob([code as BlobPart], { type: "text/javascript" }));
    try {
      this.#ready = await import(/* @vite-ignore */ url);
      this.#tell(this.#ready, "");
    } catch (error) {
      this.#tell(null, `This part of the page cannot be loaded: ${error}`);
    } finally {
      URL.revokeObjectURL(url);
    }
  }

  lost(): void {
    this.#tell(null, "This needs a running kernel.");
  }

  #tell(studio: Studio | null, problem: string): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const hear of waiting) {
      hear(studio, problem);
    }
  }
}
