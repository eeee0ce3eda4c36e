// The cache keeps what was used last, within its bytes; equal requests have equal keys.
import { expect, test } from "vitest";
import { canonical, MapCache } from "../src/cache.ts";

const of = (bytes: number) => ({ bytes });

test("drops the entry that was used least recently", () => {
  const cache = new MapCache(100);
  cache.put("a", of(40));
  cache.put("b", of(40));
  cache.get("a");
  cache.put("c", of(40));
  expect([cache.get("a"), cache.get("b"), cache.get("c")].map(Boolean)).toEqual([true, false, true]);
});

test("counts bytes, not entries", () => {
  const cache = new MapCache(100);
  for (let i = 0; i < 10; i++) {
    cache.put(String(i), of(10));
  }
  expect([cache.size, cache.bytes]).toEqual([10, 100]);
  cache.put("big", of(95));
  expect([cache.size, cache.bytes]).toEqual([1, 95]);
});

test("replaces an entry without counting it twice", () => {
  const cache = new MapCache(100);
  cache.put("a", of(60));
  cache.put("a", of(70));
  expect([cache.size, cache.bytes]).toEqual([1, 70]);
});

test("does not keep what could never fit, and keeps the rest", () => {
  const cache = new MapCache(100);
  cache.put("a", of(60));
  cache.put("huge", of(101));
  expect([cache.get("a"), cache.get("huge")]).toEqual([of(60), undefined]);
});

test("the key of equal values is equal, whatever the order of their names", () => {
  expect(canonical({ b: 1, a: { d: [1, 2], c: null } })).toBe(canonical({ a: { c: null, d: [1, 2] }, b: 1 }));
  expect(canonical({ a: [1, 2] })).not.toBe(canonical({ a: [2, 1] }));
});
