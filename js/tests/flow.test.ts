// Acknowledgements and visibility, as the kernel sees them.
import { beforeEach, describe, expect, test } from "vitest";
import { Flow } from "../src/flow.ts";
import type { Outgoing } from "../src/protocol.ts";

let sent: Outgoing[];
let flow: Flow;
const acks = (): number[] => sent.flatMap((m) => (m.type === "ack" ? [m.seq] : []));

beforeEach(() => {
  sent = [];
  flow = new Flow("p", (message) => sent.push(message));
});

describe("a visible page", () => {
  beforeEach(() => flow.show({}, true));

  test("acknowledges after the paint, and not before", () => {
    flow.received(1, true);
    expect(acks()).toEqual([]);
    flow.painted();
    expect(acks()).toEqual([1]);
  });

  test("acknowledges cumulatively: one for all frames up to the painted one", () => {
    flow.received(1, true);
    flow.received(2, true);
    flow.painted();
    expect(acks()).toEqual([2]);
  });

  test("acknowledges a dropped frame at once", () => {
    flow.received(1, false);
    expect(acks()).toEqual([1]);
  });

  test("does not say the same twice, however often it paints", () => {
    flow.received(1, true);
    flow.painted();
    flow.painted();
    expect(acks()).toEqual([1]);
  });

  test("that goes out of sight owes nothing for what it will not paint", () => {
    const view = {};
    flow = new Flow("p", (message) => sent.push(message));
    flow.show(view, true);
    flow.received(1, true);
    flow.show(view, false);
    expect(sent.slice(-2)).toEqual([
      { type: "ack", page: "p", seq: 1 },
      { type: "visible", page: "p", on: false },
    ]);
  });
});

test("a hidden page acknowledges at once: it will see no animation frame", () => {
  flow.received(4, true);
  expect(acks()).toEqual([4]);
});

test("two views give one acknowledgement, and are visible until the last one goes", () => {
  const [a, b] = [{}, {}];
  flow.show(a, true);
  flow.show(b, true);
  flow.received(1, true);
  flow.painted();
  flow.painted();
  expect(acks()).toEqual([1]);
  flow.show(a, false);
  flow.show(b, false);
  expect(sent.filter((m) => m.type === "visible").map((m) => m.on)).toEqual([true, false]);
});
