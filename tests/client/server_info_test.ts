// What the server granted, as `client.server` has it, with the standard's word where the server said nothing.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { serverInfo } from "../../src/client/server_info.ts";
import type { ConnackPacket } from "../../src/packets/mod.ts";
import { test } from "./world.ts";

test("client.server has the standard's defaults where CONNACK says nothing", async (world) => {
  const { client } = await world.connected({ clientId: "c", keepAlive: 30 });
  assertEquals(client.server, {
    sessionPresent: false,
    clientId: "c",
    keepAlive: 30,
    sessionExpiryInterval: 0,
    receiveMaximum: 65_535,
    maximumPacketSize: Infinity,
    topicAliasMaximum: 0,
    maximumQoS: 2,
    retainAvailable: true,
    wildcardSubscriptionAvailable: true,
    subscriptionIdentifierAvailable: true,
    sharedSubscriptionAvailable: true,
    userProperties: [],
  });
});

Deno.test("The Keep Alive and the Session Expiry Interval are 0 where neither CONNECT nor CONNACK has one", () => {
  const connack = { type: "connack", sessionPresent: false, reasonCode: 0x00, properties: {} };
  const { keepAlive, sessionExpiryInterval } = serverInfo(
    { type: "connect" },
    connack as ConnackPacket,
  );
  assertEquals([keepAlive, sessionExpiryInterval], [0, 0]);
});

test("client.server has every word of CONNACK [MQTT-3.1.2-21]", async (world) => {
  const granted = {
    sessionExpiryInterval: 5,
    receiveMaximum: 6,
    maximumPacketSize: 700,
    topicAliasMaximum: 8,
    maximumQoS: 1,
    retainAvailable: false,
    wildcardSubscriptionAvailable: false,
    subscriptionIdentifierAvailable: false,
    sharedSubscriptionAvailable: false,
    responseInformation: "answers/",
    serverReference: "other",
    reasonString: "welcome",
    userProperties: [["a", "b"]],
    authenticationMethod: "m",
    authenticationData: Uint8Array.of(1),
  } as const;
  const { client } = await world.connected({
    keepAlive: 30,
    sessionExpiryInterval: 3600,
    requestResponseInformation: true,
    authenticationMethod: "m",
  }, { properties: { ...granted, serverKeepAlive: 9, assignedClientIdentifier: "given" } });
  assertEquals(client.server, {
    ...granted,
    sessionPresent: false,
    clientId: "given",
    keepAlive: 9,
    serverKeepAlive: 9,
    assignedClientIdentifier: "given",
  });
});

test("client.server is that of the last connection, and the session keeps the name that the server gave it [MQTT-3.1.3-2]", async (world) => {
  const properties = { assignedClientIdentifier: "given", maximumQoS: 1 };
  const { client, peer } = await world.connected({ sessionExpiryInterval: 60 }, { properties });
  const { server } = client;
  peer.far.cut();
  await world.clock.advance(0);
  assertStrictEquals(client.server, server);
  const second = await world.peer();
  const connect = await second.accept({ sessionPresent: true });
  assertStrictEquals(connect.clientId, "given");
  assertStrictEquals(connect.cleanStart, false);
  assertStrictEquals(connect.properties.sessionExpiryInterval, 60);
  assertStrictEquals(client.server.clientId, "given");
  assertStrictEquals(client.server.maximumQoS, 2);
  assertStrictEquals(client.server.sessionExpiryInterval, 60);
  assertStrictEquals(client.server.sessionPresent, true);
  assertStrictEquals(client.save().clientId, "given");
});
