// The table of messages in flight, beside a Map that does the same; and the queue, beside an array.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { InFlight } from "../../src/session/in_flight.ts";
import type { OutgoingMessage } from "../../src/session/outgoing_message.ts";
import { PacketIds } from "../../src/session/packet_ids.ts";
import { Queue } from "../../src/session/queue.ts";
import { Random } from "../../src/testing/random.ts";
import { messageOf } from "./roles.ts";

Deno.test("InFlight finds, orders and forgets messages as a Map would", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new Random(seed);
    const inFlight = new InFlight();
    const packetIds = new PacketIds();
    const map = new Map<number, OutgoingMessage>();
    for (let step = 0; step < 1000; step++) {
      const known = [...map.values()];
      const message = known[random.below(known.length)];
      if (message === undefined || random.below(5) < (step < 500 ? 4 : 1)) {
        inFlight.reserve();
        const packetId = packetIds.next((id) => inFlight.isTaken(id));
        assert(packetId > 0 && !map.has(packetId));
        const added = numbered(packetId);
        inFlight.add(added);
        map.set(packetId, added);
      } else if (random.onceIn(3)) {
        map.delete(message.packetId);
        map.set(message.packetId, message);
        inFlight.moveToEnd(message);
      } else {
        map.delete(message.packetId);
        inFlight.remove(message);
      }
      assertStrictEquals(inFlight.size, map.size);
      const packetId = 1 + random.below(2000);
      assertStrictEquals(inFlight.get(packetId), map.get(packetId));
    }
    assertEquals(inFlight.values(), [...map.values()]);
    assertEquals(inFlight.takeAll(), [...map.values()]);
    assertStrictEquals(inFlight.size, 0);
    for (const packetId of map.keys()) assertStrictEquals(inFlight.get(packetId), undefined);
  }
});

Deno.test("InFlight takes messages of any identifiers, in any order, as those of a saved session are", () => {
  const inFlight = new InFlight();
  const ids = [65_535, 1, 9, 32_769, 17, 65_534, 2, 65_529];
  const messages = ids.map(numbered);
  for (const message of messages) inFlight.add(message);
  assertEquals(inFlight.values(), messages);
  for (const message of messages) {
    assertStrictEquals(inFlight.get(message.packetId), message);
    inFlight.remove(message);
  }
  assertStrictEquals(inFlight.size, 0);
});

Deno.test("Queue gives out what came first, however much has passed through it", () => {
  const random = new Random(1);
  const queue = new Queue<number>();
  const array: number[] = [];
  for (let step = 0; step < 20_000; step++) {
    if (random.below(5) < (step % 4000 < 2000 ? 4 : 1)) {
      queue.push(step);
      array.push(step);
    } else assertStrictEquals(queue.shift(), array.shift());
    assertStrictEquals(queue.length, array.length);
    assertStrictEquals(queue.first, array[0]);
    if (random.onceIn(2000)) {
      const isKept = (item: number) => item % 3 !== 0;
      queue.filter(isKept);
      array.splice(0, Infinity, ...array.filter(isKept));
    }
  }
  assertEquals([...queue], array);
  assertEquals(queue.takeAll(), array);
  assertStrictEquals(queue.length, 0);
  assertStrictEquals(queue.shift(), undefined);
});

function numbered(packetId: number): OutgoingMessage {
  const message = messageOf(`${packetId}`, 1);
  message.packetId = packetId;
  return message;
}
