// A session over a model without a kernel, and short ways to play the kernel's part; tests nothing itself.
import { card, predictions } from "../dev/card.ts";
import { FakeModel } from "../dev/fake_model.ts";
import type { ExplainArgs, Target } from "../src/protocol.ts";
import { Session } from "../src/session.ts";

export const GOTHIC: Target = { head: "style", index: 0, versus: null };
export const ROMAN: Target = { head: "style", index: 1, versus: null };
export const INSIDE: Target = { head: "perspective", index: 1, versus: null };

export type Message = Record<string, unknown>;
export type Args = ExplainArgs & { have: string | null };

export function traits(scenario = "done"): Record<string, unknown> {
  const about = card(scenario);
  const box = [0, 0, 224, 224];
  const one = { label: "one.jpg", width: 224, height: 224, box, input: [224, 224] };
  return {
    card: about,
    images: [
      { id: "img-0", ...one },
      { id: "img-1", ...one, label: "two.jpg" },
    ],
    base: new DataView(new ArrayBuffer(4)),
    image: 0,
    target: "",
    method: "integrated_gradients",
    params: { steps: 50, baseline: "black" },
    score: "logit",
    seed: 0,
    tolerance: null,
    predictions: { image: "img-0", heads: predictions(about.heads, 0) },
    result: {},
    result_data: new DataView(new ArrayBuffer(0)),
    status: { state: "idle", code: null, message: null },
    display: {},
  };
}

export interface FrameOptions {
  target?: Target;
  names?: string[];
  method?: string;
  values?: number[];
  final?: boolean;
  done?: number;
  key?: string;
}

/** The meta data of a 1 x 2 map. */
export function meta({ target = GOTHIC, names, method, final = false, done, key = "k" }: FrameOptions = {}): Message {
  return {
    kind: "map",
    targets: [target],
    names: names ?? [`${target.head}:${target.index}`],
    method: method ?? "integrated_gradients",
    shape: [1, 2],
    scales: [0.5],
    done: done ?? (final ? 50 : 10),
    total: 50,
    unit: "gradients",
    final,
    ms: 100,
    quality: [
      final ? [{ name: "completeness_error", value: 0.002, text: "completeness error 0.2 %", bad: false }] : [],
    ],
    scores: [1],
    score_unit: "logit",
    empty: [null],
    precision: "float32",
    key,
  };
}

export function open(given: Record<string, unknown> = {}, cacheBytes?: number) {
  const model = new FakeModel({ ...traits(), ...given });
  const sent: Message[] = [];
  let alive = true;
  model.answer = (message) => {
    if (!alive) {
      throw new Error("Cannot send");
    }
    sent.push(message);
  };
  const lifetime = new AbortController();
  const session = new Session(model, lifetime.signal, cacheBytes);
  const page = sent[0]?.["page"] as string;
  let seq = 0;
  const of = (type: string): Message[] => sent.filter((m) => m["type"] === type);
  return {
    model,
    session,
    sent,
    of,
    page,
    lifetime,
    get state() {
      return session.store.get();
    },
    /** The arguments of the newest request. */
    get asked(): Args {
      return of("request").at(-1)?.["args"] as Args;
    },
    lose: () => {
      alive = false;
    },
    recover: () => {
      alive = true;
    },
    welcome: (job = 0, running = false) => model.receive({ type: "welcome", page, job, running, ipykernel: "7.4.0" }),
    /** Accepts the page's request n, by default the newest one. */
    accept: (job: number, n = of("request").length) => {
      const request = of("request")[n - 1] as Message;
      const { have: _, ...args } = request["args"] as Args;
      model.receive({ type: "accepted", job, req: request["req"], kind: "explain", args });
    },
    /** Accepts a job that Python, or another page, started. */
    start: (job: number, target: Target, req: unknown = null) => {
      const args = {
        image: "img-0",
        targets: [target],
        method: "gradient",
        params: {},
        score: "logit",
        layer: null,
        seed: 0,
        tolerance: null,
      };
      model.receive({ type: "accepted", job, req, kind: "explain", args });
    },
    frame: (job: number, options: FrameOptions = {}) => {
      seq += 1;
      const values = Int16Array.from(options.values ?? [job, -job]);
      model.receive({ type: "frame", job, seq, ...meta(options) }, [new DataView(values.buffer)]);
      return seq;
    },
    end: (job: number | null, status: string, more: Message = {}) =>
      model.receive({ type: "end", job, req: null, status, code: null, message: null, ms: 1, ...more }),
    req: (n: number) => ({ page, n }),
  };
}
