// A broker that has shut down wants nothing more of its clock.

import { assert, assertStrictEquals } from "@std/assert";
import { Broker } from "../../src/broker/serve.ts";
import { encodePacket, type PacketInit } from "../../src/packets/mod.ts";
import { settle, VirtualClock } from "../io/virtual_clock.ts";

const LASTING = { sessionExpiryInterval: 3600 };

Deno.test("No timer is left after a broker has shut down", async () => {
  const clock = new VirtualClock();
  const broker = new Broker({ listeners: [] }, { clock }, undefined);
  const open = async (...packets: readonly PacketInit[]) => {
    const transport = broker.connect();
    for (const packet of packets) await transport.write(encodePacket(packet));
    await settle();
    return transport;
  };
  const will = { topic: "w", properties: { willDelayInterval: 60 } };
  const left = await open(
    { type: "connect", clientId: "left", will, properties: LASTING },
    { type: "subscribe", packetId: 1, subscriptions: [{ topicFilter: "a", qos: 1 }] },
  );
  left.close();
  await settle();
  const properties = { messageExpiryInterval: 30 };
  const stays = await open(
    { type: "connect", clientId: "stays", keepAlive: 10, properties: LASTING },
    { type: "publish", topic: "a", qos: 1, packetId: 1, properties },
    { type: "publish", topic: "r", retain: true, properties },
  );
  const silent = await open();
  await clock.advance(1);
  assert(clock.timers > 0);
  const ended = broker.shutDown();
  // The clients may take a while to hear of it.
  await clock.advance(10_000);
  await ended;
  assertStrictEquals(clock.timers, 0);
  await clock.advance(7_200_000);
  assertStrictEquals(clock.timers, 0);
  for (const transport of [stays, silent]) transport.close();
});
