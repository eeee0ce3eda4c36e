// Both halves of the protocol read the same samples (tests/fixtures/protocol): what the kernel may send is understood,
// what is broken is refused, and what the page sends has the shape of the samples.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import accepted from "../../tests/fixtures/protocol/accepted.json";
import ack from "../../tests/fixtures/protocol/ack.json";
import added from "../../tests/fixtures/protocol/added.json";
import bye from "../../tests/fixtures/protocol/bye.json";
import cache from "../../tests/fixtures/protocol/cache.json";
import cancel from "../../tests/fixtures/protocol/cancel.json";
import catalogue from "../../tests/fixtures/protocol/catalogue.json";
import cell from "../../tests/fixtures/protocol/cell.json";
import end from "../../tests/fixtures/protocol/end.json";
import fileData from "../../tests/fixtures/protocol/file.json";
import finding from "../../tests/fixtures/protocol/finding.json";
import frame from "../../tests/fixtures/protocol/frame.json";
import hello from "../../tests/fixtures/protocol/hello.json";
import moduleCode from "../../tests/fixtures/protocol/module.json";
import request from "../../tests/fixtures/protocol/request.json";
import scores from "../../tests/fixtures/protocol/scores.json";
import survey from "../../tests/fixtures/protocol/survey.json";
import thumbs from "../../tests/fixtures/protocol/thumbs.json";
import visible from "../../tests/fixtures/protocol/visible.json";
import welcome from "../../tests/fixtures/protocol/welcome.json";
import { bytesOf, decode, int16Of } from "../src/decode.ts";
import { splitMaps } from "../src/maps.ts";
import type { Frame } from "../src/protocol.ts";
import { GOTHIC, open, ROMAN } from "./harness.ts";

interface Sample {
  about: string;
  message: Record<string, unknown>;
  buffer?: string;
}

const buffers = ({ buffer }: Sample): DataView[] =>
  buffer === undefined ? [] : [new DataView(Uint8Array.from(atob(buffer), (c) => c.charCodeAt(0)).buffer)];

describe.each([
  ["welcome", welcome],
  ["accepted", accepted],
  ["frame", frame],
  ["cache", cache],
  ["cell", cell],
  ["file", fileData],
  ["thumbs", thumbs],
  ["added", added],
  ["survey", survey],
  ["catalogue", catalogue],
  ["finding", finding],
  ["scores", scores],
  ["module", moduleCode],
  ["end", end],
])("%s", (type, { good, bad }) => {
  test.each(good as Sample[])("is understood: $about", (sample) => {
    const decoded = decode(sample.message, buffers(sample));
    expect(decoded?.type).toBe(type);
    // Nothing of what the kernel said is lost on the way.
    const { v: _v, kind: _kind, problem, ...said } = sample.message;
    expect(decoded).toMatchObject(problem ? { ...said, problem } : said);
  });
  test.each(bad as Sample[])("is refused: $about", (sample) => {
    expect(decode(sample.message, buffers(sample))).toBeNull();
  });
});

test("a frame carries signed integers in the order of its targets", () => {
  const sample = frame.good.find((s) => s.message.targets.length === 2) as Sample;
  const decoded = decode(sample.message, buffers(sample)) as Frame;
  expect([...decoded.values]).toEqual([2, -2, 3, -3]);
});

test("a picture carries the bytes of its colours, and several are told apart", () => {
  const sample = frame.good.find((s) => s.message.kind === "picture") as Sample;
  const decoded = decode(sample.message, buffers(sample)) as Frame;
  expect([...decoded.values]).toEqual([255, 0, 0, 0, 128, 255]);
  const one = { ...decoded, shape: [1, 1] as [number, number], targets: [GOTHIC, ROMAN], scales: [1, 1] };
  const pictures = splitMaps(one, decoded.values, { image: "i" }).map(({ picture }) => [...(picture ?? [])]);
  expect(pictures).toEqual([
    [255, 0, 0],
    [0, 128, 255],
  ]);
});

test.each([{ v: 1, type: "noise" }, { v: 1 }, null, 3, "hello", [], undefined])("%o is no message", (odd) => {
  expect(decode(odd)).toBeNull();
});

describe("buffers", () => {
  const bytes = Uint8Array.from([255, 1, 0, 255, 127, 0, 128, 9]);
  const expected = [1, 32767, -32768];
  test.each([
    ["a DataView at an odd offset", new DataView(bytes.buffer, 1, 6)],
    ["a Uint8Array at an odd offset", bytes.subarray(1, 7)],
    ["an ArrayBuffer", bytes.slice(1, 7).buffer],
  ])("%s gives the same integers", (_name, buffer) => {
    expect([...(int16Of(buffer, 3) ?? [])]).toEqual(expected);
  });
  test("of another length are refused", () => {
    expect(int16Of(bytes.subarray(1, 7), 4)).toBeNull();
  });
  test("are copied, so that a kept map does not keep the message it came in", () => {
    const values = int16Of(bytes.subarray(1, 7), 3) as Int16Array;
    expect(values.buffer.byteLength).toBe(6);
  });
  test("that are none are null", () => {
    expect([bytesOf(null), bytesOf("abc"), bytesOf([1, 2])]).toEqual([null, null, null]);
  });
});

describe("what the page sends", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const shape = (value: unknown): unknown =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(
          Object.entries(value)
            .filter(([key]) => key !== "params")
            .map(([key, inner]) => [key, shape(inner)])
            .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
        )
      : Array.isArray(value)
        ? value.map(shape)
        : typeof value;

  test("has the shape of the samples", () => {
    const given = open();
    const view = {};
    given.session.flow.show(view, true);
    given.session.select(GOTHIC);
    given.accept(1);
    given.frame(1);
    given.session.flow.painted();
    given.session.cancel();
    given.lifetime.abort();
    const samples = { hello, visible, request, ack, cancel, bye };
    for (const [type, { good }] of Object.entries(samples)) {
      const mine = given.of(type)[0];
      expect(shape(mine), type).toEqual(shape(good[0]?.message));
    }
  });
});
