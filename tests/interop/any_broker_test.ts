// The suite that takes any broker: at ours, at Mosquitto, and at brokers that have less, or do
// otherwise.

import { assert, assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { concat } from "jsr:@std/bytes@^1/concat";
import {
  encodePacket,
  type Packet,
  PacketDecoder,
  ReasonCode,
  type ReceivedPropertiesOf,
  type Transport,
} from "../../mod.ts";
import { serve, type ServeOptions } from "../../src/broker/mod.ts";
import { parseServerUrl } from "../../src/client/server_url.ts";
import type { Destination } from "../../src/io/destination.ts";
import { dial } from "../../src/io/dial.ts";
import { certificateAuthority, opensslTest } from "../io/certificates.ts";
import type { Result } from "./features/feature.ts";
import type { Target } from "./features/fixture.ts";
import { FEATURES, tryFeatures } from "./features/run.ts";
import { interopTest, withinPatience } from "./interop.ts";

/** With what makes every feature worth trying. */
const EVERYTHING: ServeOptions = {
  port: 0,
  topicAliases: "automatic",
  responseInformation: "answers",
  limits: { maximumPacketSize: 1_500_000 },
};

/** In what Mosquitto 2.0.11, which Debian has, differs; others differ in less. */
const DIFFERS_IN_MOSQUITTO: readonly string[] = [
  // It closes the connection without DISCONNECT (mended in 2.0.15).
  "A session is taken over",
  // It sends more than a small one allows.
  "Receive Maximum of the client",
];

Deno.test("Our broker does, and offers, all that the suite for any broker tries", async () => {
  await using broker = await serve(EVERYTHING);
  const results = await withinPatience(tryFeatures(targetAt(broker.url)));
  assertEquals(linesOf(results, "differs"), []);
  assertEquals(linesOf(results, "not offered"), []);
  assertStrictEquals(results.length, FEATURES.length);
});

interopTest("Mosquitto does what the suite for any broker tries", async ({ url }) => {
  const results = await tryFeatures(targetAt(url));
  const differing = results.filter(({ outcome, feature: { name } }) => {
    return outcome === "differs" && !DIFFERS_IN_MOSQUITTO.includes(name);
  });
  assertEquals(linesOf(differing, "differs"), []);
});

Deno.test("What a broker says it does not offer is told, and is no difference", async () => {
  await using broker = await serve({
    port: 0,
    maximumQoS: 0,
    retainAvailable: false,
    wildcardSubscriptionAvailable: false,
    subscriptionIdentifierAvailable: false,
    sharedSubscriptionAvailable: false,
    limits: { topicAliasMaximum: 0, sessionExpiryInterval: 0 },
  });
  const { code, stdout } = await suite(broker.url);
  const rows = stdout.trim().split("\n");
  const summary = rows.pop();
  const missing = rows.filter((row) => row.includes("not offered by the server: "));
  assertEquals(
    missing.map((row) => row.slice(0, row.indexOf("  "))),
    [
      "Response Information",
      "QoS 1, in order",
      "QoS 2, in order",
      "No higher QoS than granted",
      "Messages expire while they wait",
      "Retained messages",
      "Retained messages expire",
      "Retain As Published",
      "Retain Handling 0, 1, 2",
      "Wildcards",
      "Topics that begin with $",
      "Subscription Identifiers",
      "Shared subscriptions",
      "Will Delay Interval",
      "A session is resumed, in order",
      "Clean Start begins anew",
      "Redelivery, with DUP 1",
      "Session Expiry Interval",
      "DISCONNECT ends the session",
      "Topic Aliases to the server",
      "Topic Aliases from the server",
      "Receive Maximum of the server",
      "Receive Maximum of the client",
      "Maximum Packet Size of the server",
      "QoS 2: 2000 messages, 15 cuts",
    ],
  );
  assertStrictEquals(summary, "15 ok, 25 not offered, 0 differ");
  assertStrictEquals(code, 0);
});

/** What a broker might do wrong, in what it sends, and what the suite says of it. */
const FAULTS: readonly (readonly [
  feature: string,
  difference: string,
  fault: (packet: Packet) => readonly Packet[],
])[] = [
  [
    "QoS 0, in order",
    "199 of 200 messages came, after 3 s",
    (packet) => textOf(packet) === "7" ? [] : [packet],
  ],
  [
    "QoS 2: 2000 messages, 15 cuts",
    "lost: 0, duplicates: 1",
    (packet) => textOf(packet) === "7" ? [packet, { ...packet, packetId: 60_000 }] : [packet],
  ],
  [
    "All PUBLISH properties forwarded",
    'contentType: expected "text/plain; charset=utf-8", got nothing',
    (packet) => changed(packet, ({ contentType: _, ...others }) => others),
  ],
  [
    "Subscription Identifiers",
    "the identifiers were 1, expected 1 and 268435455, after 3 s",
    (packet) =>
      changed(packet, ({ subscriptionIdentifiers: _, ...others }) => {
        return { ...others, subscriptionIdentifiers: [1] };
      }),
  ],
  [
    "Retained messages",
    "RETAIN of a message as it is published: expected false, got true",
    (packet) => [packet.type === "publish" ? { ...packet, retain: true } : packet],
  ],
  [
    "Clean Start begins anew",
    "",
    (packet) => [packet],
  ],
  [
    "Redelivery, with DUP 1",
    "texts, with DUP, number 5 of 8, number 2 of 2: expected true, got false",
    (packet) => [packet.type === "publish" ? { ...packet, dup: false } : packet],
  ],
  [
    "A session is taken over",
    "Reason Code for the first connection: expected 142, got 139",
    (packet) => [
      packet.type === "disconnect"
        ? { ...packet, reasonCode: ReasonCode.serverShuttingDown }
        : packet,
    ],
  ],
];

for (const [name, difference, fault] of FAULTS) {
  const what = difference === "" ? "Without a fault nothing differs" : "The suite tells a fault";
  Deno.test(`${what}: ${name}`, async () => {
    await using broker = await serve({ port: 0 });
    const { dial } = targetAt(broker.url);
    const faulty = async (signal: AbortSignal) => withFault(await dial(signal), fault);
    const server = { connect: ({ signal }: { readonly signal: AbortSignal }) => faulty(signal) };
    const features = FEATURES.filter((feature) => feature.name === name);
    const [result] = await withinPatience(
      tryFeatures({ server, dial: faulty }, {
        features,
        // What a broker never sends is waited for no longer than it takes to be sure.
        ...difference.endsWith("after 3 s") && { patience: 3000 },
      }),
    );
    assertEquals([result!.outcome, result!.remark], [
      difference === "" ? "ok" : "differs",
      difference,
    ]);
  });
}

Deno.test("The suite exits with 1 when something differs, and takes a user and a password", async () => {
  await using broker = await serve({
    port: 0,
    authenticate: (_, { username, password }) =>
      username === "alice" && new TextDecoder().decode(password) === "secret",
    authorizePublish: () => ReasonCode.notAuthorized,
  });
  const only = ["--only", "Handshake", "--only", "QoS 1"];
  const given = ["--username", "alice", "--password", "secret", ...only];
  const { code, stdout } = await suite(broker.url, ...given);
  assertMatch(stdout, /^Handshake +§3\.1, §3\.2 +ok\n/);
  assertMatch(stdout, /^QoS 1, in order .* differs: .*0x87 Not authorized/m);
  assertMatch(stdout, /\n1 ok, 0 not offered, 1 differ\n$/);
  assertStrictEquals(code, 1);
  const refused = await suite(broker.url, "--username", "alice", "--password", "wrong", ...only);
  assertMatch(refused.stderr, /0x87 Not authorized/);
  assertEquals([refused.code, refused.stdout], [0x87, ""]);
  assertStrictEquals((await suite(broker.url, "--only", "nothing")).code, 2);
});

opensslTest(
  "The suite reaches a broker by TLS and by WebSocket, and breaks those connections",
  async () => {
    const authority = await certificateAuthority();
    const { cert, key } = await authority.server({ names: ["localhost"] });
    await using broker = await serve({
      listeners: [{ protocol: "mqtts", port: 0, cert, key }, { protocol: "ws", port: 0 }],
    });
    const features = FEATURES.filter(({ name }) => /Handshake|silent|cuts|^Will,/.test(name));
    for (const { url } of broker.listeners) {
      const tls = url.startsWith("mqtts:") ? { ca: authority.cert } : undefined;
      const at = url.replace("127.0.0.1", "localhost");
      const results = await withinPatience(tryFeatures(targetAt(at, tls), { features }));
      assertEquals(linesOf(results, "differs"), []);
      assertStrictEquals(linesOf(results, "ok").length, 4);
    }
  },
);

function targetAt(url: string, tls?: NonNullable<Destination["tls"]>): Target {
  const { username: _, password: __, ...place } = parseServerUrl(url);
  const options = { ...tls !== undefined && { tls } };
  return {
    server: { url, ...options },
    dial: (signal) => dial({ ...place, ...options }, { signal }),
  };
}

/** The same transport, with other packets from the broker. */
function withFault(
  transport: Transport,
  fault: (packet: Packet) => readonly Packet[],
): Transport {
  const decoder = new PacketDecoder();
  return {
    async read() {
      for (;;) {
        const chunk = await transport.read();
        if (chunk === undefined) return undefined;
        decoder.push(chunk.slice());
        const packets: Uint8Array[] = [];
        for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
          packets.push(...fault(packet).map((packet) => encodePacket(packet)));
        }
        if (packets.length > 0) return concat(packets);
      }
    },
    write: (bytes) => transport.write(bytes),
    closeWrite: () => transport.closeWrite(),
    close: () => transport.close(),
  };
}

function textOf(packet: Packet): string | undefined {
  return packet.type === "publish" ? new TextDecoder().decode(packet.payload) : undefined;
}

/** A PUBLISH with other properties; all else as it is. */
function changed(
  packet: Packet,
  change: (properties: ReceivedPropertiesOf<"publish">) => ReceivedPropertiesOf<"publish">,
): readonly Packet[] {
  return [
    packet.type === "publish" ? { ...packet, properties: change(packet.properties) } : packet,
  ];
}

function linesOf(results: readonly Result[], outcome: Result["outcome"]): string[] {
  return results.filter((result) => result.outcome === outcome)
    .map(({ feature: { name }, remark }) => `${name}: ${remark}`);
}

/** Runs the suite as people do. */
async function suite(url: string, ...args: readonly string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-check", "--allow-net", "--allow-read", "--allow-env"],
      ...[new URL("any_broker.ts", import.meta.url).pathname, ...args, url],
    ],
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert(!text(stderr).includes("Uncaught"), text(stderr));
  return { code, stdout: text(stdout), stderr: text(stderr) };
}
