// A value with subscribers: the one way from the session to its views; knows nothing of either.

export interface Store<T> {
  get(): T;
  /** Replaces some fields and tells the subscribers, unless nothing changed. */
  set(patch: Partial<T>): void;
  subscribe(listener: (state: T) => void, signal: AbortSignal): void;
}

export function createStore<T extends object>(initial: T): Store<T> {
  let state = initial;
  const listeners = new Set<(state: T) => void>();
  return {
    get: () => state,
    set(patch) {
      const changed = Object.entries(patch).some(([key, value]) => !Object.is(state[key as keyof T], value));
      if (!changed) {
        return;
      }
      state = { ...state, ...patch };
      for (const listener of [...listeners]) {
        listener(state);
      }
    },
    subscribe(listener, signal) {
      if (signal.aborted) {
        return;
      }
      listeners.add(listener);
      signal.addEventListener("abort", () => listeners.delete(listener), { once: true });
    },
  };
}
