// How fast the codec is, against mqtt-packet, the codec of MQTT.js, in the same run. It judges nothing: it prints.
// deno run --allow-env tests/bench/codec.ts (mqtt-packet reads the environment)

import { assertEquals } from "@std/assert";
import { concat } from "jsr:@std/bytes@^1/concat";
import * as mqttPacket from "../npm/mqtt_packet.ts";
import { Buffer } from "node:buffer";
import { encodePacket, PacketDecoder, type PublishInit } from "../../mod.ts";
import { writePacket } from "../../src/packets/codec.ts";
import { Writer } from "../../src/wire/writer.ts";
import { type Race, runRaces, type Side } from "./harness.ts";

/** The same PUBLISH for both. */
interface Message {
  readonly ours: PublishInit;
  readonly theirs: mqttPacket.IPublishPacket;
}

/** How many bytes of packets a decoder gets in one run. */
const STREAM = 1_000_000;

/** Where a standing writer is emptied, as a connection does when it sends. */
const FULL = 60_000;

const OPTIONS = { protocolVersion: 5 };

const simple = [simpleMessage(0)];
const rich = [richMessage(0)];
const simpleDistinct = Array.from({ length: 10_000 }, (_, number) => simpleMessage(number));
const richDistinct = Array.from({ length: 10_000 }, (_, number) => richMessage(number));

for (const { ours, theirs } of [...simple, ...rich, simpleDistinct[9]!, richDistinct[9]!]) {
  assertEquals(encodePacket(ours), new Uint8Array(mqttPacket.generate(theirs, OPTIONS)));
}

const races: readonly Race[] = [
  { work: "encode PUBLISH QoS 0 into a standing writer", ...encoding(simple), atLeast: 10 },
  { work: "encode PUBLISH QoS 1, 7 properties, likewise", ...encoding(rich), atLeast: 10 },
  { work: "decode PUBLISH QoS 0, chunks of 50 kB", ...decoding(simple, 50_000), atLeast: 6 },
  { work: "decode PUBLISH QoS 1, 7 properties, likewise", ...decoding(rich, 50_000), atLeast: 4 },
  {
    work: "encodePacket(), PUBLISH QoS 0",
    ours: encodingAlone(simple),
    theirs: generating(simple),
    atLeast: 2.5,
  },
  {
    work: "decode 64 KiB payloads (theirs: ours, 64 bytes)",
    ours: decoder([simpleMessage(0, 65_536)], 4_000_000, 4_000_000),
    theirs: decoder(simple, 6_400, 6_400),
    atLeast: 0.8,
  },
  { work: "encode PUBLISH QoS 0, 10,000 topics", ...encoding(simpleDistinct) },
  { work: "encode PUBLISH QoS 1, 7 properties, 10,000 topics", ...encoding(richDistinct) },
  { work: "decode PUBLISH QoS 0, 10,000 topics", ...decoding(simpleDistinct, 50_000) },
  { work: "decode PUBLISH QoS 1, 7 properties, 10,000 topics", ...decoding(richDistinct, 50_000) },
  { work: "decode PUBLISH QoS 0, chunks of 1 kB", ...decoding(simple, 1_000) },
  { work: "decode PUBLISH QoS 1, 7 properties, chunks of 1 kB", ...decoding(rich, 1_000) },
];

console.log(`Deno ${Deno.version.deno}, V8 ${Deno.version.v8}, ${Deno.build.target}\n`);
await runRaces("topic 36 bytes, payload 64", races);

function encoding(messages: readonly Message[]): Pick<Race, "ours" | "theirs"> {
  const writer = new Writer(FULL + 1_000);
  const packets = messages.map(({ ours }) => ours);
  const ours = repeated(packets, (packet) => {
    if (writer.length > FULL) writer.clear();
    writePacket(writer, packet);
  });
  return { ours, theirs: generating(messages) };
}

function encodingAlone(messages: readonly Message[]): Side {
  return repeated(messages.map(({ ours }) => ours), (packet) => encodePacket(packet));
}

function generating(messages: readonly Message[]): Side {
  const packets = messages.map(({ theirs }) => theirs);
  return repeated(packets, (packet) => mqttPacket.generate(packet, OPTIONS));
}

/** One operation for each element, at least a thousand in a run. */
function repeated<Element>(
  elements: readonly Element[],
  operation: (element: Element) => void,
): Side {
  const times = Math.ceil(1000 / elements.length);
  return {
    operations: times * elements.length,
    run() {
      for (let time = 0; time < times; time++) {
        for (const element of elements) operation(element);
      }
    },
  };
}

function decoding(messages: readonly Message[], chunkSize: number): Pick<Race, "ours" | "theirs"> {
  return { ours: decoder(messages, chunkSize), theirs: parser(messages, chunkSize) };
}

function decoder(messages: readonly Message[], chunkSize: number, streamSize = STREAM): Side {
  const { chunks, packets, payloadBytes } = streamOf(messages, chunkSize, streamSize);
  const decoder = new PacketDecoder();
  return {
    operations: packets,
    run() {
      let received = 0;
      for (const chunk of chunks) {
        decoder.push(chunk);
        for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
          if (packet.type === "publish") received += packet.payload.length;
        }
      }
      if (received !== payloadBytes) throw new Error(`${received} bytes, not ${payloadBytes}`);
    },
  };
}

function parser(messages: readonly Message[], chunkSize: number): Side {
  const { chunks, packets, payloadBytes } = streamOf(messages, chunkSize, STREAM);
  const buffers = chunks.map((chunk) => Buffer.from(chunk));
  const parser = mqttPacket.parser(OPTIONS);
  let received = 0;
  parser.on("packet", (packet) => {
    if (packet.cmd === "publish") received += packet.payload.length;
  });
  return {
    operations: packets,
    run() {
      received = 0;
      for (const buffer of buffers) parser.parse(buffer);
      if (received !== payloadBytes) throw new Error(`${received} bytes, not ${payloadBytes}`);
    },
  };
}

/** About `size` bytes of whole packets, cut where it comes. */
function streamOf(messages: readonly Message[], chunkSize: number, size: number) {
  const one = encodePacket(messages[0]!.ours).length;
  const packets = Math.max(1, Math.floor(size / one));
  const sent = Array.from(
    { length: packets },
    (_, index) => messages[index % messages.length]!.ours,
  );
  const bytes = concat(sent.map((packet) => encodePacket(packet)));
  const chunks = Array.from(
    { length: Math.ceil(bytes.length / chunkSize) },
    (_, index) => bytes.slice(index * chunkSize, (index + 1) * chunkSize),
  );
  return { chunks, packets, payloadBytes: packets * messages[0]!.theirs.payload.length };
}

/** A message at QoS 0 for a topic of 36 bytes. */
function simpleMessage(number: number, payloadSize = 64): Message {
  const topic = `home/kitchen/sensor/temperature/${String(number).padStart(4, "0")}`;
  const payload = new Uint8Array(payloadSize).fill(0x61);
  const theirPayload = Buffer.from(payload);
  return {
    ours: { type: "publish", topic, payload },
    theirs: { cmd: "publish", topic, payload: theirPayload, qos: 0, dup: false, retain: false },
  };
}

/** Likewise at QoS 1, with seven properties. */
function richMessage(number: number): Message {
  const { ours, theirs } = simpleMessage(number);
  const properties = {
    messageExpiryInterval: 3600,
    contentType: "application/json",
    responseTopic: "home/reply/abc",
  };
  const correlationData = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  return {
    ours: {
      ...ours,
      qos: 1,
      packetId: 1234,
      properties: {
        payloadFormatIndicator: 1,
        ...properties,
        correlationData,
        userProperties: [["region", "eu-west"], ["trace", "0123456789"]],
      },
    },
    theirs: {
      ...theirs,
      qos: 1,
      messageId: 1234,
      properties: {
        payloadFormatIndicator: true,
        ...properties,
        correlationData: Buffer.from(correlationData),
        userProperties: { region: "eu-west", trace: "0123456789" },
      },
    },
  };
}
