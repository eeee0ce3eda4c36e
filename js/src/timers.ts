// Named timers that end with a lifetime: setting one again moves it; knows nothing of what they are for.

export class Timers {
  readonly #running = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", () => {
      for (const name of [...this.#running.keys()]) {
        this.stop(name);
      }
    });
  }

  later(name: string, ms: number, run: () => void): void {
    this.stop(name);
    if (this.#signal.aborted) {
      return;
    }
    const fire = (): void => {
      this.#running.delete(name);
      run();
    };
    this.#running.set(name, setTimeout(fire, ms));
  }

  stop(name: string): void {
    clearTimeout(this.#running.get(name));
    this.#running.delete(name);
  }

  has(name: string): boolean {
    return this.#running.has(name);
  }
}
