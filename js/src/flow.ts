// Flow control on the page's side (rule 5): when frames are acknowledged, and whether the page is visible; sees no map.
import type { Outgoing } from "./protocol.ts";

export class Flow {
  readonly #page: string;
  readonly #send: (message: Outgoing) => void;
  readonly #views = new Set<object>();
  #got = 0;
  #acked = 0;
  #unpainted = false;

  constructor(page: string, send: (message: Outgoing) => void) {
    this.#page = page;
    this.#send = send;
  }

  /** Whether any view of this page is on screen. */
  get visible(): boolean {
    return this.#views.size > 0;
  }

  /** A view came on screen or left it. */
  show(view: object, on: boolean): void {
    const before = this.visible;
    if (on) {
      this.#views.add(view);
    } else {
      this.#views.delete(view);
    }
    if (this.visible === before) {
      return;
    }
    if (!this.visible) {
      // No animation frame will come: what waits for one must not hold the kernel's credit.
      this.painted();
    }
    this.#send({ type: "visible", page: this.#page, on: this.visible });
  }

  /** A frame arrived. One that will be drawn is acknowledged after the paint, any other at once. */
  received(seq: number, drawn: boolean): void {
    this.#got = Math.max(this.#got, seq);
    if (drawn && this.visible) {
      this.#unpainted = true;
    } else if (!this.#unpainted) {
      this.#flush();
    }
  }

  /** A view has drawn the newest frame; of two views the first one counts. */
  painted(): void {
    this.#unpainted = false;
    this.#flush();
  }

  #flush(): void {
    if (this.#got > this.#acked) {
      this.#acked = this.#got;
      this.#send({ type: "ack", page: this.#page, seq: this.#got });
    }
  }
}
