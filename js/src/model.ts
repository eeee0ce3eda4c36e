// What the page needs of anywidget's model, small enough for a fake; no behaviour of ours.

export interface Model {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBufferView[]): void;
  on(name: string, callback: (...args: never[]) => void): void;
  off(name: string, callback: (...args: never[]) => void): void;
}

/** Listens until `signal` aborts; a model that is already gone must not turn the cleanup into an error. */
export function listen(model: Model, name: string, callback: (...args: never[]) => void, signal: AbortSignal): void {
  model.on(name, callback);
  signal.addEventListener(
    "abort",
    () => {
      try {
        model.off(name, callback);
      } catch {
        // Its listeners went with it.
      }
    },
    { once: true },
  );
}
