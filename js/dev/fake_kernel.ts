// A kernel in the page, for development and screenshots: it speaks the protocol and streams a synthetic map that
// sharpens. Its numbers mean nothing. Flow control is its own: it waits for the ack of each frame.
import type { ExplainArgs, Target } from "../src/protocol.ts";
import { card, predictions } from "./card.ts";
import { FakeModel } from "./fake_model.ts";

export interface Scene {
  jpeg: Uint8Array;
  label: string;
  width: number;
  height: number;
  box: [number, number, number, number];
  /** Luminance of what the model sees, size x size. */
  light: Float32Array;
  size: number;
}

export interface Behaviour {
  scenario: string;
  /** Milliseconds between frames. */
  pace: number;
}

const picture = (scene: Scene, i: number) => ({
  id: `img-${i}`,
  label: scene.label,
  width: scene.width,
  height: scene.height,
  box: scene.box,
  input: [scene.size, scene.size],
  notes: i === 0 ? ["rotated as its EXIF data says", "scaled down from 8000 x 6000 to 640 x 480"] : [],
});

export function fakeKernel(scenes: readonly Scene[], { scenario, pace }: Behaviour): FakeModel {
  const about = card(scenario);
  const model = new FakeModel({
    card: about,
    images: scenes.map(picture),
    base: scenes[0] ? new DataView(scenes[0].jpeg.buffer) : null,
    image: 0,
    target: "",
    method: scenario === "regression" || scenario === "long" ? "gradient" : "integrated_gradients",
    params: {},
    score: "logit",
    layer: null,
    seed: 0,
    tolerance: null,
    predictions: { image: "img-0", heads: predictions(about.heads, 0) },
    result: {},
    result_data: new DataView(new ArrayBuffer(0)),
    status: { state: "idle", code: null, message: null },
    display: {},
  });
  let job = 0;
  let seq = 0;
  let running = 0;
  let acked = 0;
  const done = new Map<string, string>();

  const nameOf = ({ head, index, versus }: Target): string => {
    const found = about.heads.find((h) => h.name === head);
    if (found === undefined || found.kind === "value" || index === null) {
      return head;
    }
    const against = versus === null ? "" : ` versus ${found.classes[versus]}`;
    return `${head}:${index < 0 ? "*" : found.classes[index]}${against}`;
  };
  const later = (ms: number, run: () => void) => setTimeout(run, ms);
  const end = (number: number | null, req: unknown, status: string, code: string | null = null, message?: string) =>
    model.receive({ type: "end", job: number, req, status, code, message: message ?? null, ms: 5 });

  function explain(req: unknown, args: ExplainArgs & { have: string | null }): void {
    if (scenario === "error") {
      const message =
        "The model returned NaN at features.3. Check its weights, or whether the preprocessing of this picture divides by zero.";
      job += 1;
      model.receive({ type: "accepted", job, req, kind: "explain", args });
      later(pace, () => end(job, req, "error", "not_finite", message));
      return;
    }
    job += 1;
    const mine = job;
    const target = args.targets[0] ?? { head: about.heads[0]?.name ?? "", index: 0, versus: null };
    const key = JSON.stringify([args.image, target, args.method, args.params, args.score, args.layer]);
    const method = about.methods.find((m) => m.name === args.method);
    const layer = about.layers.find((l) => (args.layer === null ? l.default : l.name === args.layer));
    model.receive({ type: "accepted", job: mine, req, kind: "explain", args: { ...args, targets: [target] } });
    const at = Number(args.image.slice(4));
    if (model.get("image") !== at) {
      model.update({
        image: at,
        base: new DataView((scenes[at] as Scene).jpeg.buffer),
        predictions: { image: args.image, heads: predictions(about.heads, at) },
      });
    }
    if (done.get(key) !== undefined && args.have === key) {
      end(mine, req, "unchanged");
      return;
    }
    running = mine;
    const total = Number(args.params["steps"] ?? args.params["samples"] ?? 1);
    const chunk = Math.max(1, Math.ceil(total / 25));
    const began = performance.now();
    const step = (n: number): void => {
      if (running !== mine) {
        end(mine, req, running === 0 ? "cancelled" : "superseded");
        return;
      }
      if (scenario === "slow" && acked < seq) {
        later(1, () => step(n));
        return;
      }
      const final = n >= total;
      const whole = synthesise(scenes[at] as Scene, target, args.method, n, scenario);
      const map = method?.layer && layer !== undefined ? coarse(whole, layer.width) : whole;
      const rgb = method?.kind === "picture" ? paint(scenes[at] as Scene, whole.values) : null;
      seq += 1;
      const relative = 21 / n ** 1.2;
      const quality =
        final && args.method === "integrated_gradients"
          ? [
              {
                name: "completeness_error",
                value: relative,
                text: `completeness error ${relative.toFixed(1)} %`,
                bad: false,
              },
            ]
          : final && args.method === "smoothgrad"
            ? [{ name: "standard_error", value: 3, text: "standard error 3 %", bad: false }]
            : [];
      const empty = scenario === "empty" ? "Every value is zero: this score does not depend on the picture." : null;
      model.receive(
        {
          type: "frame",
          kind: rgb === null ? "map" : "picture",
          job: mine,
          seq,
          targets: [target],
          names: [nameOf(target)],
          method: args.method,
          shape: [map.size, map.size],
          scales: [rgb === null ? map.scale : 1 / 255],
          done: n,
          total,
          unit: method?.unit ?? "gradients",
          final,
          ms: performance.now() - began,
          quality: [quality],
          scores: [6.2],
          score_unit: `${target.index === null ? "years" : "logit"}${method?.values === "score" ? "" : " per unit of input"}`,
          empty: [empty],
          precision: "float32",
          key,
        },
        [new DataView((rgb ?? map.values).buffer)],
      );
      if (final) {
        done.set(key, key);
        running = 0;
        end(mine, req, "complete");
      } else if (scenario === "running" && n >= 0.4 * total) {
        return; // Held there, to be looked at.
      } else {
        later(pace, () => step(Math.min(total, n + chunk)));
      }
    };
    later(pace, () => step(Math.min(total, chunk)));
  }

  model.answer = (m) => {
    if (scenario === "disconnected" && job > 0 && m["type"] === "request") {
      throw new Error("Cannot send");
    }
    if (scenario === "saved") {
      return;
    }
    if (m["type"] === "hello") {
      later(1, () => model.receive({ type: "welcome", page: m["page"], job, running: false, ipykernel: "7.4.0" }));
    } else if (m["type"] === "ack") {
      acked = m["seq"] as number;
    } else if (m["type"] === "cancel") {
      const cancelled = running;
      running = 0;
      if (scenario === "running") {
        end(cancelled, null, "cancelled");
      }
    } else if (m["type"] === "request" && !(scenario === "queued" && job > 0)) {
      later(4, () => explain(m["req"], m["args"] as ExplainArgs & { have: string | null }));
    }
  };
  if (scenario === "saved") {
    restoreSaved(model, scenes[0] as Scene);
  }
  return model;
}

function restoreSaved(model: FakeModel, scene: Scene): void {
  const target = { head: "style", index: 0, versus: null };
  const map = synthesise(scene, target, "integrated_gradients", 50, "");
  model.traits["target"] = "style:gothic";
  model.traits["result"] = {
    targets: [target],
    names: ["style:gothic"],
    method: "integrated_gradients",
    shape: [map.size, map.size],
    scales: [map.scale],
    done: 50,
    total: 50,
    unit: "gradients",
    final: true,
    ms: 1204,
    scores: [6.2],
    quality: [[{ name: "completeness_error", value: 0.2, text: "completeness error 0.2 %", bad: false }]],
    score_unit: "logit",
    empty: [null],
    precision: "float32",
    key: "k",
    image: "img-0",
    job: 3,
    seq: 12,
  };
  model.traits["result_data"] = new DataView(map.values.buffer);
}

/** Edges of the picture, weighted by where this target "looks", under noise that falls with the number of samples. */
function synthesise(scene: Scene, target: Target, method: string, n: number, scenario: string) {
  const { size, light } = scene;
  const turn = [...`${target.head}${target.index}${target.versus ?? ""}`].reduce((sum, c) => sum + c.charCodeAt(0), 0);
  const raw = new Float32Array(size * size);
  let state = 12345 + n;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  };
  const blobs = [0, 1, 2].map((i) => ({
    x: size * (0.5 + 0.34 * Math.sin(turn * 1.3 + i * 2.1)),
    y: size * (0.48 + 0.3 * Math.cos(turn * 0.7 + i * 2.6)),
    r: size * (0.1 + 0.05 * i),
    sign: i === 2 ? -0.8 : 1,
  }));
  const noise = method === "random" ? 40 : (method === "gradient" ? 0.35 : 0.9) / Math.sqrt(n);
  for (let y = 1; y < size - 1; y++) {
    for (let x = 1; x < size - 1; x++) {
      const at = y * size + x;
      const dx = (light[at + 1] as number) - (light[at - 1] as number);
      const dy = (light[at + size] as number) - (light[at - size] as number);
      let weight = 0;
      for (const { x: bx, y: by, r, sign } of blobs) {
        weight += sign * Math.exp(-((x - bx) ** 2 + (y - by) ** 2) / (2 * r * r));
      }
      raw[at] = Math.hypot(dx, dy) * weight + 0.08 * noise * random();
    }
  }
  if (scenario === "empty") {
    raw.fill(0);
  }
  const top = raw.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
  const scale = (0.05 * top) / 32767;
  return { size, scale, values: Int16Array.from(raw, (v) => (top > 0 ? (v / top) * 32767 : 0)) };
}

/** The map's means on a grid of n x n cells, as a layer would give it. */
function coarse({ size, scale, values }: ReturnType<typeof synthesise>, n: number) {
  const cell = size / n;
  const sums = new Float64Array(n * n);
  values.forEach((v, i) => {
    const at = Math.floor(Math.floor(i / size) / cell) * n + Math.floor((i % size) / cell);
    sums[at] = (sums[at] as number) + v;
  });
  const top = sums.reduce((max, v) => Math.max(max, Math.abs(v)), 1e-9);
  return { size: n, scale, values: Int16Array.from(sums, (v) => (v / top) * 32767) };
}

/** Colours out of a map and the picture's light. */
function paint({ size, light }: Scene, values: Int16Array): Uint8Array {
  return Uint8Array.from({ length: 3 * size * size }, (_, i) => {
    const at = Math.floor(i / 3);
    const wave = Math.sin(at / 97 + 2 * (i % 3)) * 40 + Math.cos((at % size) / 9) * 30;
    return Math.min(255, Math.max(0, 120 + wave + 60 * (light[at] as number) + (values[at] as number) / 80));
  });
}
