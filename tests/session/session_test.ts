// §4.1 Session State as plain data: saved at any moment, by JSON or structured clone, and gone on with in another process.

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { expiryOf } from "../../src/session/outgoing_message.ts";
import { Session } from "../../src/session/session.ts";
import { restoreSession, type SavedSession, saveSession } from "../../src/session/snapshot.ts";
import { CLIENT, eachRole, messageOf, type Role } from "./roles.ts";
import { START } from "./scripted.ts";

/** Ways from one process to another. */
const WAYS: readonly [name: string, through: (saved: SavedSession) => SavedSession][] = [
  ["JSON", (saved) => JSON.parse(JSON.stringify(saved))],
  ["structured clone", (saved) => structuredClone(saved)],
];

for (const [name, through] of WAYS) {
  eachRole(
    `goes on with a session that was saved as ${name} as if nothing had happened [MQTT-3.1.2-23]`,
    (role) => {
      const session = busySession(role);
      const restored = restoreSession(through(saveSession(session, START)), START);
      for (const each of [session, restored]) {
        const script = role.open({ session: each, sessionPresent: true });
        script.expect("62 02 0004", "62 02 0003");
        script.expect("3A 08 0001 61 0001 00 FF00", "3C 06 0001 62 0002 00");
        script.expect("30 04 0001 65 00", "35 0D 0001 66 0005 00 7061796C6F6164");
        script.takeEvent("settled");
        // Taken, and not to be delivered again; then refused by nobody, and not acknowledged: it comes again.
        script.send("3C 06 0001 67 0001 00", "3C 06 0001 67 0002 00", "3C 06 0001 68 0003 00");
        script.expect("50 02 0001", each === restored ? "50 02 0002" : "50 03 0002 10");
        if (each === restored) script.expectMessage("h");
        script.expectQuiet();
        script.send("62 02 0001");
        script.expect("70 02 0001");
        // Identifiers of what is in flight are not given out again.
        script.send("40 02 0001");
        script.publish(messageOf("i", 1));
        const { packetId } = script.expectPacket("publish");
        assertStrictEquals([2, 3, 4, 5].includes(packetId), false);
      }
    },
  );
}

eachRole("saves the same session again when it was restored", (role) => {
  const saved = saveSession(busySession(role), START);
  assertEquals(saveSession(restoreSession(saved, START), START), saved);
});

Deno.test("Session is saved as plain data that names its client [MQTT-3.1.3-2]", () => {
  const session = new Session("c");
  session.sendQueue.add(messageOf("a", 0));
  assertEquals(saveSession(session, START), {
    clientId: "c",
    inFlight: [],
    unreleased: [],
    queued: [{ publish: "MAQAAWEA" }],
  });
  const restored = restoreSession(saveSession(session, START), START);
  assertStrictEquals(restored.clientId, "c");
  assertStrictEquals(restored.exists, true);
});

Deno.test("Session that has ended is none, and has nothing in it but what was never sent", () => {
  const session = busySession(CLIENT);
  assertStrictEquals(session.exists, true);
  const lost = session.end();
  assertEquals(lost.map(({ packet }) => packet.topic), ["a", "b", "d", "c"]);
  assertEquals([session.exists, session.inFlight.size, session.unreleased.size], [false, 0, 0]);
  assertStrictEquals(session.sendQueue.length, 2);
  assertEquals(session.end(), []);
});

Deno.test("Session does not save as received what the application has refused, and its peer does not know it yet", () => {
  const session = new Session("c");
  const script = CLIENT.open({ session });
  script.send("34 06 0001 61 0001 00");
  const acknowledgement = script.expectMessage("a");
  script.end();
  assertStrictEquals(script.acknowledge(acknowledgement, 0x87), true);
  assertEquals(saveSession(session, START).unreleased, []);
});

Deno.test("Session saves what is left of a Message Expiry Interval, and goes on from there", () => {
  const session = new Session("c");
  const message = messageOf("a", 1, { properties: { messageExpiryInterval: 10 } });
  message.expiresAt = expiryOf(message.packet, START);
  session.sendQueue.add(message);
  const saved = saveSession(session, START + 4000);
  const restored = restoreSession(saved, 77_000);
  assertStrictEquals(restored.sendQueue.first?.packet.properties?.messageExpiryInterval, 6);
  assertStrictEquals(restored.sendQueue.deadline, 83_000);
  assertEquals(restored.sendQueue.takeExpired(82_999), []);
  assertStrictEquals(restored.sendQueue.takeExpired(83_000).length, 1);
});

Deno.test("Session that is saved with an expired message in it restores it as expired", () => {
  const session = new Session("c");
  const message = messageOf("a", 1, { properties: { messageExpiryInterval: 10 } });
  message.expiresAt = expiryOf(message.packet, START);
  session.sendQueue.add(message);
  const restored = restoreSession(saveSession(session, START + 100_000), START);
  assertStrictEquals(restored.sendQueue.takeExpired(START).length, 1);
});

Deno.test("Session saves every property of a message that waits", () => {
  const session = new Session("c");
  const packet = {
    type: "publish",
    topic: "a",
    qos: 2,
    retain: true,
    payload: Uint8Array.of(0, 255),
    properties: {
      payloadFormatIndicator: 0,
      contentType: "t",
      responseTopic: "r",
      correlationData: Uint8Array.of(1),
      userProperties: [["k", "v"], ["k", ""]],
    },
  } as const;
  session.sendQueue.add(messageOf("a", 2, packet));
  const restored = restoreSession(saveSession(session, START), START).sendQueue.first!.packet;
  assertEquals(restored, { ...packet, packetId: 0, dup: false });
});

Deno.test("restoreSession() refuses what is no session", () => {
  const saved = saveSession(new Session("c"), START);
  const connect = { publish: "EA0ABE1RVFQFAAAAAAAA" };
  for (const broken of [connect, { publish: "MAQ" }, { publish: "!" }, {}]) {
    assertThrows(() => restoreSession({ ...saved, queued: [broken] }, START), TypeError);
  }
  const twice = { packetId: 1, publish: "MgYAAWEAAQA=" };
  assertThrows(
    () => restoreSession({ ...saved, inFlight: [twice, twice] }, START),
    TypeError,
    "twice",
  );
  for (const packetId of [undefined, 0, 65_536, 1.5] as number[]) {
    const inFlight = [{ packetId, publish: "MgYAAWEAAQA=" }];
    assertThrows(() => restoreSession({ ...saved, inFlight }, START), TypeError, "Identifier");
    assertThrows(() => restoreSession({ ...saved, unreleased: [packetId] }, START), TypeError);
  }
});

/** A session with something of everything in it. */
function busySession({ open }: Role): Session {
  const session = new Session("c");
  const script = open({ session });
  script.publish(messageOf("a", 1, { payload: Uint8Array.of(0xff, 0x00) }));
  for (const topic of ["b", "c", "d"]) script.publish(messageOf(topic, 2));
  script.send("50 02 0004", "50 02 0003");
  script.send("34 06 0001 67 0001 00", "34 06 0001 67 0002 00", "34 06 0001 68 0003 00");
  script.acknowledge(script.takeEvent("message").acknowledgement);
  script.acknowledge(script.takeEvent("message").acknowledgement, 0x10);
  script.end();
  session.sendQueue.add(messageOf("e", 0));
  const payload = new TextEncoder().encode("payload");
  session.sendQueue.add(messageOf("f", 2, { retain: true, payload }));
  return session;
}
