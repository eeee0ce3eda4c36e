// Turns what arrives from the kernel into typed messages, or null where it cannot be trusted; keeps no state.
import type {
  Accepted,
  CacheMap,
  Cell,
  End,
  EndStatus,
  ExplainArgs,
  FileData,
  Frame,
  FrameValues,
  Incoming,
  MapMeta,
  ModuleCode,
  Quality,
  Req,
  Scores,
  Shot,
  Target,
  Told,
  Welcome,
} from "./protocol.ts";
import { ALL, VERSION } from "./protocol.ts";

type Fields = Record<string, unknown>;

/** Of jobs whose `accepted` says no more than that. */
const KINDS: readonly string[] = ["predict", "grid", "file", "occlude", "image", "survey", "channels", "lab"];
const ENDS: readonly string[] = ["complete", "unchanged", "cancelled", "superseded", "error"];

const isFields = (x: unknown): x is Fields => typeof x === "object" && x !== null && !Array.isArray(x);
const isNumber = (x: unknown): x is number => typeof x === "number" && Number.isFinite(x);
const isText = (x: unknown): x is string => typeof x === "string";
const isIndex = (x: unknown): x is number => Number.isInteger(x) && (x as number) >= 0;
const listOf = <T>(x: unknown, is: (item: unknown) => item is T): T[] | null =>
  Array.isArray(x) && x.every(is) ? x : null;

/** The message, or null: another version, an unknown type, or a field that is missing or of the wrong kind. */
export function decode(message: unknown, buffers: readonly unknown[] = []): Incoming | null {
  if (!isFields(message) || message["v"] !== VERSION) {
    return null;
  }
  switch (message["type"]) {
    case "welcome":
      return welcome(message);
    case "accepted":
      return accepted(message);
    case "frame":
      return frame(message, buffers[0]);
    case "cache":
      return cacheMap(message, buffers[0]);
    case "cell":
      return cell(message, buffers[0]);
    case "file":
      return fileData(message, buffers[0]);
    case "scores":
      return scores(message, buffers[0]);
    case "thumbs":
    case "catalogue":
      return { ...message, job: null, data: bytesOf(buffers[0]) } as Told;
    case "added":
    case "survey":
    case "finding": // of no job: Python shows it
      return isIndex(message["job"]) || (message["type"] === "finding" && message["job"] === null)
        ? ({ ...message, data: bytesOf(buffers[0]) } as Told)
        : null;
    case "module":
      return moduleCode(message, buffers[0]);
    case "end":
      return end(message);
    default:
      return null;
  }
}

/** Bytes of a buffer, whatever the host made of it (JupyterLab: DataView; Colab: Uint8Array; marimo: either). */
export function bytesOf(buffer: unknown): Uint8Array | null {
  if (ArrayBuffer.isView(buffer)) {
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  }
  // Not instanceof: a buffer may come from another realm (an iframe).
  if (Object.prototype.toString.call(buffer) === "[object ArrayBuffer]") {
    return new Uint8Array(buffer as ArrayBuffer);
  }
  return null;
}

/** int16 values of a buffer at any byte offset, odd ones too, or null if it does not hold exactly `count`. */
export function int16Of(buffer: unknown, count: number): Int16Array | null {
  const bytes = bytesOf(buffer);
  if (bytes?.length === count + Math.ceil(count / 2) && count > 4096) {
    return rootsOf(bytes, count);
  }
  if (bytes?.length !== 2 * count) {
    return null;
  }
  // A copy of its own: an Int16Array must begin at an even offset, and a small view would keep the
  // whole websocket message alive in the cache. Every browser runs little-endian, as the wire is.
  return new Int16Array(bytes.slice().buffer);
}

/** The values of a map as it is saved: square roots of 12 bits, the upper 8 of all first, then the lower 4, two to a byte. */
export function rootsOf(bytes: Uint8Array, count: number): Int16Array {
  const signed = Int8Array.from(bytes);
  return Int16Array.from({ length: count }, (_, i) => {
    const root = (signed[i] as number) * 16 + (((signed[count + (i >> 1)] as number) >> (4 * (i & 1))) & 15);
    return Math.round((root * Math.abs(root) * 32767) / 2047 ** 2);
  });
}

/** The values of T maps or pictures, or null if the buffer does not hold exactly those. */
export function valuesOf({ kind, targets, shape }: MapMeta, buffer: unknown): FrameValues | null {
  const count = targets.length * shape[0] * shape[1];
  if (kind === "map") {
    return int16Of(buffer, count);
  }
  const bytes = bytesOf(buffer);
  if (bytes?.length === 3 * count) {
    return bytes.slice();
  }
  return bytes !== null && count > 4096 ? coloursOf(bytes, targets.length, shape) : null;
}

/** The T pictures as they are saved: of each the brightness of its pixels, then both colours of four of them, as in a JPEG. */
export function coloursOf(bytes: Uint8Array, pictures: number, [h, w]: readonly [number, number]): Uint8Array | null {
  const across = Math.ceil(w / 2);
  const quarter = across * Math.ceil(h / 2);
  const one = h * w + 2 * quarter;
  if (bytes.length !== pictures * one) {
    return null;
  }
  const rgb = new Uint8ClampedArray(3 * pictures * h * w); // it rounds too
  for (let at = 0, k = 0; at < bytes.length; at += one) {
    for (let i = 0; i < h * w; i++) {
      const colour = at + h * w + across * Math.floor(i / w / 2) + Math.floor((i % w) / 2);
      const [y, blue, red] = [at + i, colour, colour + quarter].map((place) => bytes[place] as number) as [
        number,
        number,
        number,
      ];
      rgb[k++] = y + 1.402 * (red - 128);
      rgb[k++] = y - 0.344136 * (blue - 128) - 0.714136 * (red - 128);
      rgb[k++] = y + 1.772 * (blue - 128);
    }
  }
  return new Uint8Array(rgb.buffer);
}

/**
 * What the model says of a head, with its logits unpacked where they are float32 in base64. Of classes `norm` is the logarithm
 * of the sum of their exponentials; of labels, each of which stands on its own, there is none.
 */
export function scoresOf(said: unknown): unknown {
  const { logits: text, norm } = said as { logits: unknown; norm: number | null };
  if (!isText(text)) {
    return said;
  }
  const logits = [...new Float32Array(Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0)).buffer)];
  const share = (x: number): number => (norm === null ? 1 / (1 + Math.exp(-x)) : Math.exp(x - norm));
  return { logits, probabilities: logits.map(share) };
}

/** The meta data of T maps or pictures, or null. Also reads the `result` trait, which has the same fields. */
export function mapMeta(m: Fields): MapMeta | null {
  const targets = listOf(m["targets"], isTarget);
  const names = listOf(m["names"], isText);
  const scales = listOf(m["scales"], isNumber);
  const shape = listOf(m["shape"], isIndex);
  const count = targets?.length ?? 0;
  // A result that was saved before there were pictures does not say what it is.
  const kind = m["kind"] ?? "map";
  if (
    !(kind === "map" || kind === "picture") ||
    !(targets && names && scales && shape && isText(m["method"])) ||
    count === 0 ||
    shape.length !== 2 ||
    names.length !== count ||
    scales.length !== count ||
    !(isNumber(m["done"]) && isNumber(m["total"]))
  ) {
    return null;
  }
  return {
    kind,
    targets,
    names,
    scales,
    shape: [shape[0] as number, shape[1] as number],
    method: m["method"],
    done: m["done"],
    total: m["total"],
    final: m["final"] === true,
    unit: isText(m["unit"]) ? m["unit"] : "",
    ms: isNumber(m["ms"]) ? m["ms"] : 0,
    quality: Array.isArray(m["quality"]) ? m["quality"].map(qualities) : [],
    scores: listOf(m["scores"], isNumber) ?? [],
    score_unit: isText(m["score_unit"]) ? m["score_unit"] : "",
    empty: Array.isArray(m["empty"]) ? m["empty"].map((e) => (isText(e) ? e : null)) : [],
    precision: isText(m["precision"]) ? m["precision"] : "",
    key: isText(m["key"]) ? m["key"] : null,
  };
}

function welcome(m: Fields): Welcome | null {
  if (!(isText(m["page"]) && isIndex(m["job"]))) {
    return null;
  }
  return {
    type: "welcome",
    page: m["page"],
    job: m["job"],
    running: m["running"] === true,
    ipykernel: isText(m["ipykernel"]) ? m["ipykernel"] : "",
  };
}

function accepted(m: Fields): Accepted | null {
  const req = reqOf(m["req"]);
  const args = m["args"];
  if (!isIndex(m["job"]) || req === undefined || !isFields(args)) {
    return null;
  }
  if (KINDS.includes(m["kind"] as string)) {
    return { type: "accepted", job: m["job"], req, kind: m["kind"] as "grid", args };
  }
  const explain = explainArgs(args);
  if ((m["kind"] !== "explain" && m["kind"] !== "live") || explain === null) {
    return null;
  }
  return { type: "accepted", job: m["job"], req, kind: m["kind"], args: explain };
}

function frame(m: Fields, buffer: unknown): Frame | null {
  const meta = isText(m["kind"]) ? mapMeta(m) : null;
  // What Python shows comes with its picture, behind the map.
  const pictured = isFields(m["shot"]) && isIndex(m["shot"]["picture"]) ? m["shot"]["picture"] : 0;
  const bytes = bytesOf(buffer);
  const end = (bytes?.length ?? 0) - pictured;
  const shot = shotOf(m["shot"]);
  if (meta === null || shot === undefined || !isIndex(m["job"]) || !isIndex(m["seq"])) {
    return null;
  }
  const values = valuesOf(meta, end > 0 ? bytes?.subarray(0, end) : buffer);
  const picture = pictured > 0 ? (bytes?.slice(end) ?? null) : null;
  return values && { type: "frame", job: m["job"], seq: m["seq"], shot, picture, values, ...meta };
}

/** The live picture of a frame, null where there is none, undefined where it is neither. */
function shotOf(x: unknown): Shot | null | undefined {
  if (x === null || x === undefined) {
    return null;
  }
  const numbers = (list: unknown, count: number): number[] | null => {
    const found = listOf(list, isNumber);
    return found?.length === count ? found : null;
  };
  if (!(isFields(x) && isText(x["page"]) && isIndex(x["n"]) && isFields(x["heads"]))) {
    return undefined;
  }
  const [size, box, input] = [numbers(x["size"], 2), numbers(x["box"], 4), numbers(x["input"], 2)];
  return size && box && input ? ({ ...x, size, box, input } as unknown as Shot) : undefined;
}

function cacheMap(m: Fields, buffer: unknown): CacheMap | null {
  const meta = mapMeta(m);
  const args = isFields(m["args"]) ? explainArgs(m["args"]) : null;
  if (meta === null || args === null || !isText(m["image"])) {
    return null;
  }
  const values = valuesOf(meta, buffer);
  return values && { type: "cache", image: m["image"], args, values, ...meta };
}

function cell(m: Fields, buffer: unknown): Cell | null {
  const map = cacheMap(m, buffer);
  return map && isIndex(m["job"]) && isIndex(m["seq"]) ? { ...map, type: "cell", job: m["job"], seq: m["seq"] } : null;
}

function fileData(m: Fields, buffer: unknown): FileData | null {
  const data = bytesOf(buffer);
  if (!(isIndex(m["job"]) && isText(m["what"]) && isText(m["name"]) && data !== null)) {
    return null;
  }
  return { type: "file", job: m["job"], what: m["what"], name: m["name"], data };
}

function scores(m: Fields, buffer: unknown): Scores | null {
  if (!(isIndex(m["job"]) && isIndex(m["n"]) && isText(m["page"]) && isText(m["image"]) && isFields(m["heads"]))) {
    return null;
  }
  const kept = isText(m["kept"]) ? m["kept"] : null;
  const { job, n, page, image, heads } = m as unknown as Scores;
  const pixels = bytesOf(buffer)?.slice() ?? null;
  return { type: "scores", job, n, page, image, heads, painted: m["painted"] === true, kept, pixels };
}

function moduleCode(m: Fields, buffer: unknown): ModuleCode | null {
  if (!(isText(m["page"]) && isText(m["name"]))) {
    return null;
  }
  const problem = isText(m["problem"]) ? m["problem"] : "";
  return { type: "module", page: m["page"], name: m["name"], code: bytesOf(buffer), problem };
}

function end(m: Fields): End | null {
  const req = reqOf(m["req"]);
  const job = m["job"];
  const status = m["status"];
  if (!(job === null || isIndex(job)) || req === undefined || !isText(status) || !ENDS.includes(status)) {
    return null;
  }
  return {
    type: "end",
    job,
    req,
    status: status as EndStatus,
    code: isText(m["code"]) ? m["code"] : null,
    message: isText(m["message"]) ? m["message"] : null,
    ms: isNumber(m["ms"]) ? m["ms"] : 0,
  };
}

/** The arguments of an explanation, or null. Also reads `result.args`. */
export function explainArgs(a: Fields): ExplainArgs | null {
  const targets = listOf(a["targets"], isTarget);
  if (!(targets && isText(a["image"]) && isText(a["method"]) && isFields(a["params"]))) {
    return null;
  }
  return {
    image: a["image"],
    targets,
    method: a["method"],
    params: a["params"] as ExplainArgs["params"],
    score: isText(a["score"]) ? a["score"] : "logit",
    layer: isText(a["layer"]) ? a["layer"] : null,
    ...(isText(a["model"]) && { model: a["model"] }),
    seed: isNumber(a["seed"]) ? a["seed"] : 0,
    tolerance: isNumber(a["tolerance"]) ? a["tolerance"] : null,
  };
}

function isTarget(x: unknown): x is Target {
  return (
    isFields(x) &&
    isText(x["head"]) &&
    (x["index"] === null || x["index"] === ALL || isIndex(x["index"])) &&
    (x["versus"] === null || isIndex(x["versus"]))
  );
}

/** The pair, null where there is none, undefined where it is neither. */
function reqOf(x: unknown): Req | null | undefined {
  if (x === null || x === undefined) {
    return null;
  }
  return isFields(x) && isText(x["page"]) && isIndex(x["n"]) ? { page: x["page"], n: x["n"] } : undefined;
}

function qualities(x: unknown): Quality[] {
  return Array.isArray(x) ? x.filter((q): q is Quality => isFields(q) && isText(q["text"])) : [];
}
