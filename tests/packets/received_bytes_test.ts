// Bytes that were received go where the platform takes bytes, without a cast and without a copy;
// bytes to be sent may lie in any memory. Most of this is proven by the compiler.

import { assertEquals } from "@std/assert";
import {
  type AuthPacket,
  type ConnackPacket,
  type ConnectInit,
  type ConnectOptions,
  type ConnectPacket,
  decodePacket,
  encodePacket,
  type Message,
  type Packet,
  type PacketInit,
  type PublishInit,
  type PublishOptions,
  type PublishPacket,
} from "../../mod.ts";
import { bytesOf } from "../hex.ts";

/** What the platform takes for bytes to be read. */
type Takes = NonNullable<ConstructorParameters<typeof Response>[0]> & BlobPart;

/** All bytes that there are in what is received. */
const RECEIVED = {
  message: ({ payload, correlationData, properties }: Message) => [
    payload,
    correlationData,
    properties.correlationData,
  ],
  publish: ({ payload, properties }: PublishPacket) => [payload, properties.correlationData],
  connect: ({ password, will, properties }: ConnectPacket) => [
    password,
    will?.payload,
    will?.properties.correlationData,
    properties.authenticationData,
  ],
  connack: ({ properties }: ConnackPacket) => [properties.authenticationData],
  auth: ({ properties }: AuthPacket) => [properties.authenticationData],
} satisfies Record<string, (received: never) => readonly (Takes | undefined)[]>;

/** Bytes that a thread shares with another. */
function shared(...bytes: number[]): Uint8Array<SharedArrayBuffer> {
  const memory = new Uint8Array(new SharedArrayBuffer(bytes.length));
  memory.set(bytes);
  return memory;
}

Deno.test("What is received is taken by Response and Blob as it is", async () => {
  const packet = decodePacket(bytesOf("30 0A 0001 61 04 09 0001 37 68 69"));
  if (packet.type !== "publish") throw new Error(`got ${packet.type}`);
  assertEquals(await new Response(packet.payload).text(), "hi");
  const [payload, correlationData] = RECEIVED.publish(packet);
  assertEquals(await new Blob([correlationData!, payload!]).text(), "7hi");
});

Deno.test("What is sent may lie in any memory, and what was received may be sent", () => {
  const bytes: Uint8Array = shared(0x68, 0x69);
  const properties = { correlationData: bytes };
  const publish: PublishInit = { type: "publish", topic: "a", payload: bytes, properties };
  const connect: ConnectInit = {
    type: "connect",
    password: bytes,
    will: { topic: "a", payload: bytes, properties },
    properties: { authenticationMethod: "m", authenticationData: bytes },
  };
  const authentication = { authenticationMethod: "m", authenticationData: bytes };
  const others: readonly PacketInit[] = [
    { type: "connack", properties: authentication },
    { type: "auth", properties: authentication },
  ];
  for (const packet of [publish, connect, ...others]) {
    const encoded = encodePacket(packet);
    const received: Packet = decodePacket(encoded);
    const again: PacketInit = received;
    assertEquals(encodePacket(again), encoded);
  }
  const options: ConnectOptions & PublishOptions = { password: bytes, correlationData: bytes };
  assertEquals(options.password, bytes);
});
