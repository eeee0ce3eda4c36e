// Channels put together otherwise: asked for once for each map, one after the other, and drawn when they come.
import { expect, test } from "vitest";
import { type Message, meta, open } from "./harness.ts";

const ROMAN = { head: "style", index: 1, versus: null };

function drawn(key: string) {
  const page = open();
  const map = {
    key,
    name: "style:0",
    final: true,
    picture: null,
    job: 3,
    seq: 4,
    values: Int16Array.of(1, 2),
  } as never;
  const asked = (): Message[] => page.sent.filter((m) => m["kind"] === "channels");
  const answer = (request: Message, values: number[], names = ["style:0"]): void => {
    const req = request["req"];
    const { key: of } = request["args"] as { key: string };
    page.model.receive({ type: "accepted", job: 9, req, kind: "channels", args: {} });
    const about = {
      ...meta({ final: true, names, key: of }),
      image: "img-0",
      args: { image: "img-0", targets: [ROMAN], method: "m", params: {} },
    };
    page.model.receive({ type: "cell", job: 9, seq: 0, ...about }, [new DataView(Int16Array.from(values).buffer)]);
    page.model.receive({ type: "end", job: 9, req, status: "complete", code: null, message: null, ms: 1 });
  };
  return { ...page, map, asked, answer };
}

test("a sum is never asked for, nor a map that is not finished", () => {
  const { session, map, asked } = drawn("k");
  expect(session.recast.of(map, "sum")).toBe(map);
  const running = { ...(map as object), final: false } as never;
  expect(session.recast.of(running, "max")).toBe(running);
  expect(asked()).toEqual([]);
});

test("another way is asked for once, and drawn from then on", () => {
  const { session, map, asked, answer } = drawn("k");
  expect(session.recast.of(map, "max")).toBe(map);
  session.recast.of(map, "max");
  expect(asked()).toHaveLength(1);
  answer(asked()[0] as Message, [7, -8]);
  const found = session.recast.of(map, "max");
  expect([...(found?.values ?? [])]).toEqual([7, -8]);
  expect(found).toMatchObject({ job: 3, seq: 4 });
  expect(session.recast.of(map, "max")).toBe(found);
  expect(asked()).toHaveLength(1);
});

test("several maps are asked for one after the other: of a kind the kernel keeps the newest request", () => {
  const { session, map, asked, answer } = drawn("k");
  session.recast.of(map, "max");
  session.recast.of({ ...(map as object), key: "other" } as never, "max");
  expect(asked()).toHaveLength(1);
  answer(asked()[0] as Message, [1, 1]);
  expect(asked().map((m) => (m["args"] as { key: string }).key)).toEqual(["k", "other"]);
});

test("what the kernel keeps no more stays a sum, and is not asked for again and again", () => {
  const { session, model, map, asked } = drawn("k");
  session.recast.of(map, "norm");
  const { req } = asked()[0] as Message;
  model.receive({ type: "end", job: null, req, status: "error", code: "bad_parameter", message: "no more", ms: 0 });
  expect(session.recast.of(map, "norm")).toBe(map);
  expect(asked()).toHaveLength(1);
});
