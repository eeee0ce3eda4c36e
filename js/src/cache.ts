// Finished maps that the page keeps, least recently used dropped first, bounded by bytes; knows no message.

export interface Sized {
  readonly bytes: number;
}

export class MapCache<T extends Sized> {
  readonly #limit: number;
  /** A Map keeps the order of insertion: the first key is the one used least recently. */
  readonly #entries = new Map<string, T>();
  #bytes = 0;

  constructor(limit = 64e6) {
    this.#limit = limit;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): T | undefined {
    const entry = this.#entries.get(key);
    if (entry !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, entry);
    }
    return entry;
  }

  /** What is kept under keys that begin so; asking does not count as use. */
  under(prefix: string): T[] {
    return [...this.#entries].flatMap(([key, entry]) => (key.startsWith(prefix) ? [entry] : []));
  }

  /** Keeps `entry`, dropping others until it fits; one that could never fit is not kept. */
  put(key: string, entry: T): void {
    this.drop(key);
    if (entry.bytes > this.#limit) {
      return;
    }
    this.#entries.set(key, entry);
    this.#bytes += entry.bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#limit) {
        break;
      }
      this.drop(oldest);
    }
  }

  drop(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) {
      this.#entries.delete(key);
      this.#bytes -= entry.bytes;
    }
  }
}

/** JSON with sorted keys, so that equal values give equal text. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
