// A model without a kernel: traits, events and a `send` that goes to whoever answers. For development only.

type Callback = (...args: never[]) => void;

export class FakeModel {
  readonly traits: Record<string, unknown>;
  readonly #callbacks = new Map<string, Set<Callback>>();
  /** What the page's messages go to; throws where a kernel is gone. */
  answer: (message: Record<string, unknown>, buffers?: ArrayBufferView[]) => void = () => {};

  constructor(traits: Record<string, unknown>) {
    this.traits = traits;
  }

  get(name: string): unknown {
    return this.traits[name];
  }

  set(name: string, value: unknown): void {
    this.traits[name] = value;
    this.tell(`change:${name}`);
  }

  /** Sets several at once, then tells, as one update message does. */
  update(traits: Record<string, unknown>): void {
    Object.assign(this.traits, traits);
    for (const name of Object.keys(traits)) {
      this.tell(`change:${name}`);
    }
  }

  save_changes(): void {}

  send(content: unknown, _callbacks?: unknown, buffers?: ArrayBufferView[]): void {
    this.answer(content as Record<string, unknown>, buffers);
  }

  on(name: string, callback: Callback): void {
    const set = this.#callbacks.get(name) ?? new Set();
    this.#callbacks.set(name, set.add(callback));
  }

  off(name: string, callback: Callback): void {
    this.#callbacks.get(name)?.delete(callback);
  }

  receive(message: Record<string, unknown>, buffers: unknown[] = []): void {
    this.tell("msg:custom", { v: 1, ...message }, buffers);
  }

  tell(name: string, ...args: unknown[]): void {
    for (const callback of [...(this.#callbacks.get(name) ?? [])]) {
      (callback as (...args: unknown[]) => void)(...args);
    }
  }
}
