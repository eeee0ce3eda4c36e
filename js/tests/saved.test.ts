// The largest traits as a notebook holds them: both halves read the same samples (tests/fixtures/saved.json).
import { describe, expect, test } from "vitest";
import saved from "../../tests/fixtures/saved.json";
import { card } from "../dev/card.ts";
import { FakeModel } from "../dev/fake_model.ts";
import { coloursOf, int16Of, rootsOf } from "../src/decode.ts";
import type { Model } from "../src/model.ts";
import type { Card } from "../src/protocol.ts";
import { readCard, readPredictions, readResult, tellCard } from "../src/traits.ts";
import { meta, traits } from "./harness.ts";
import { mount, withPages } from "./mount.ts";

withPages();

const bytes = (text: string): Uint8Array => Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0));
const modelOf = (given: Record<string, unknown>): Model => new FakeModel({ ...traits(), ...given }) as Model;

describe("a saved map", () => {
  const { values, saved: text, restored } = saved.map;

  const count = 224 * 224;
  /** A large one, of nothing but its peak. */
  const large = new Uint8Array(count * 1.5).fill(127, 0, count).fill(255, count);

  test("is unpacked as both halves have agreed", () => {
    expect([...rootsOf(bytes(text), values.length)]).toEqual(restored);
  });

  test("is known by its length, at an odd place of a larger buffer too", () => {
    const message = new Uint8Array(large.length + 3);
    message.set(large, 3);
    const found = int16Of(message.subarray(3), count);
    expect(found).toHaveLength(count);
    expect(new Set(found)).toEqual(new Set([32767]));
  });

  test("is refused where it is too short or too long", () => {
    expect(int16Of(large.subarray(1), count)).toBeNull();
    expect(int16Of(new Uint8Array([...large, 0]), count)).toBeNull();
  });

  test("is never a small one, which the kernel does not pack", () => {
    expect(int16Of(bytes(text), values.length)).toBeNull();
  });

  test("is what a page begins with", () => {
    const result = { ...meta({ final: true }), shape: [224, 224], job: 4, image: "img-0" };
    const found = readResult(modelOf({ result, result_data: new DataView(large.buffer) }));
    expect(new Set(found?.maps[0]?.values)).toEqual(new Set([32767]));
  });
});

describe("saved pictures", () => {
  const { shape, saved: text, restored } = saved.pictures;
  const data = bytes(text);
  const size: [number, number] = [shape[0] as number, shape[1] as number];

  test("are unpacked as both halves have agreed", () => {
    expect([...(coloursOf(data, 2, size) ?? [])]).toEqual(restored);
  });

  test("are refused where they are too short or too long", () => {
    expect(coloursOf(data.subarray(1), 2, size)).toBeNull();
    expect(coloursOf(data, 1, size)).toBeNull();
  });

  test("are what a page begins with, if they are large", () => {
    const result = { ...meta({ final: true }), kind: "picture", shape: [224, 224], job: 4, image: "img-0" };
    const grey = new Uint8Array(224 * 224 * 1.5).fill(128);
    const found = readResult(modelOf({ result, result_data: new DataView(grey.buffer) }));
    expect(found?.maps[0]?.picture).toHaveLength(224 * 224 * 3);
    expect(new Set(found?.maps[0]?.picture)).toEqual(new Set([128]));
  });
});

describe("saved predictions", () => {
  const { whole, thin } = saved.predictions;

  test("are as the kernel has them, whatever kind a head is of", () => {
    const found = readPredictions(modelOf({ predictions: thin }));
    expect(found).toMatchObject({ image: "img-a1", ms: 12.5 });
    expect(Object.keys(found.heads ?? {})).toEqual(Object.keys(whole.heads));
    for (const [name, head] of Object.entries(whole.heads)) {
      for (const [field, numbers] of Object.entries(head)) {
        const own = Object.entries(found.heads?.[name] ?? {}).find(([its]) => its === field)?.[1];
        expect([own].flat()).toHaveLength([numbers].flat().length);
        [own].flat().forEach((number, i) => {
          expect(number).toBeCloseTo([numbers].flat()[i] as number, 12);
        });
      }
    }
  });

  test("that are none, or not packed, stay as they are", () => {
    expect(readPredictions(modelOf({ predictions: {} })).heads ?? {}).toEqual({});
    expect(readPredictions(modelOf({ predictions: whole }))).toEqual(whole);
  });
});

describe("a saved card", () => {
  const { told, cases } = saved.card;

  test.each(cases)("is made whole: $about", ({ whole, thin }) => {
    const model = modelOf({ card: thin });
    tellCard(model, told as unknown as Partial<Card>);
    expect(readCard(model)).toMatchObject(whole);
    expect(readCard(model).methods).toHaveLength(whole.methods.length);
  });

  test("that is whole needs no other one", () => {
    expect(readCard(modelOf({}))).toEqual(card("done"));
  });

  test("comes to the page with its code", () => {
    const { heads, methods, layers, ...thin } = card("done");
    const page = mount({ card: thin }, 1, { heads, methods, layers });
    const offered = [...page.root().querySelectorAll('select[data-field="method"] option')];
    expect(offered.map((option) => option.getAttribute("value"))).toContain(methods[0]?.name);
    expect(page.root().textContent).toContain(heads[0]?.name);
  });
});
