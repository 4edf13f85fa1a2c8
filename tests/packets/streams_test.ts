// The two streams: what comes out, in which order, and what happens to the other side when one side fails, ends or goes.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  MalformedPacketError,
  type Packet,
  PacketDecoderStream,
  PacketEncoderStream,
  type PacketInit,
  ProtocolError,
} from "../../mod.ts";
import { bytesOf, hexOf } from "../hex.ts";
import { VECTORS } from "../vectors.ts";

Deno.test("PacketDecoderStream gives every packet in its order, however the bytes are cut", async () => {
  const bytes = bytesOf(VECTORS.map(({ hex }) => hex).join(""));
  for (const size of [1, 3, 100, bytes.length]) {
    const packets = await Array.fromAsync(
      ReadableStream.from(piecesOf(bytes, size)).pipeThrough(new PacketDecoderStream()),
    );
    assertEquals(packets, VECTORS.map(({ packet }) => packet));
  }
});

Deno.test("PacketDecoderStream ends with an empty stream of bytes", async () => {
  const packets = await Array.fromAsync(
    ReadableStream.from<Uint8Array>([]).pipeThrough(new PacketDecoderStream()),
  );
  assertEquals(packets, []);
});

Deno.test("PacketDecoderStream fails at a fault, after all packets before it have been read", async () => {
  const stream = ReadableStream.from([bytesOf("C0 00 D0 00 00 00 E0 00"), bytesOf("C0 00")])
    .pipeThrough(new PacketDecoderStream());
  const { packets, error } = await readAll(stream);
  assertEquals(packets, [{ type: "pingreq" }, { type: "pingresp" }]);
  assert(error instanceof ProtocolError);
});

Deno.test("PacketDecoderStream fails when the bytes end in the middle of a packet", async () => {
  const stream = ReadableStream.from([bytesOf("C0 00 40 02 00")])
    .pipeThrough(new PacketDecoderStream());
  const { packets, error } = await readAll(stream);
  assertEquals(packets, [{ type: "pingreq" }]);
  assert(error instanceof MalformedPacketError);
});

Deno.test("PacketDecoderStream refuses a packet above the Maximum Packet Size", async () => {
  const stream = ReadableStream.from([bytesOf("C0 00 40 02")])
    .pipeThrough(new PacketDecoderStream({ maximumPacketSize: 3 }));
  const { packets, error } = await readAll(stream);
  assertEquals(packets, [{ type: "pingreq" }]);
  assertStrictEquals((error as ProtocolError).reasonCode, 0x95);
});

Deno.test("PacketDecoderStream fails with the reason of a stream of bytes that fails", async () => {
  const reason = new Error("The link is lost");
  const stream = ReadableStream.from(failing(bytesOf("C0 00 40"), reason))
    .pipeThrough(new PacketDecoderStream());
  const { error } = await readAll(stream);
  assertStrictEquals(error, reason);
});

Deno.test("PacketDecoderStream makes the writer wait until packets are read", async () => {
  const { readable, writable } = new PacketDecoderStream();
  const writer = writable.getWriter();
  const writes = [writer.write(bytesOf("C0 00 D0 00")), writer.write(bytesOf("C0 00"))];
  assert(writer.desiredSize! <= 0);
  const reader = readable.getReader();
  const types: (string | undefined)[] = [];
  for (let count = 0; count < 3; count++) types.push((await reader.read()).value?.type);
  assertEquals(types, ["pingreq", "pingresp", "pingreq"]);
  const end = reader.read();
  await Promise.all([...writes, writer.ready]);
  assert(writer.desiredSize! > 0);
  await writer.close();
  assertStrictEquals((await end).done, true);
});

Deno.test("PacketDecoderStream cancels the stream of bytes when the packets are cancelled", async () => {
  const source = cancellable("C0 00");
  const reader = source.stream.pipeThrough(new PacketDecoderStream()).getReader();
  assertEquals((await reader.read()).value, { type: "pingreq" });
  await reader.cancel("enough");
  await source.cancelled;
});

Deno.test("PacketDecoderStream cancels the stream of bytes when a for-await loop is left", async () => {
  const source = cancellable("C0 00 D0 00");
  for await (const packet of source.stream.pipeThrough(new PacketDecoderStream())) {
    assertEquals(packet, { type: "pingreq" });
    break;
  }
  await source.cancelled;
});

Deno.test("PacketDecoderStream cancels the stream of bytes when the packets are cancelled before any is read", async () => {
  const source = cancellable("C0 00");
  await source.stream.pipeThrough(new PacketDecoderStream()).cancel("enough");
  await settledWithin(source.cancelled);
});

Deno.test("PacketDecoderStream refuses more bytes once the packets are cancelled, read or not", async () => {
  for (const isRead of [true, false]) {
    const { readable, writable } = new PacketDecoderStream();
    const writer = writable.getWriter();
    writer.closed.catch(() => {});
    const first = writer.write(bytesOf("C0 00"));
    first.catch(() => {});
    const reader = readable.getReader();
    if (isRead) await reader.read();
    await reader.cancel("enough");
    await settledWithin(assertRejects(() => writer.write(bytesOf("C0 00"))));
  }
});

Deno.test("PacketDecoderStream tells the writer of a fault", async () => {
  const { readable, writable } = new PacketDecoderStream();
  const writer = writable.getWriter();
  const closed = writer.closed.then(() => undefined, (error: unknown) => error);
  writer.write(bytesOf("E1 00")).catch(() => {});
  const { error } = await readAll(readable);
  assert(error instanceof MalformedPacketError);
  assertStrictEquals(await closed, error);
});

Deno.test("PacketEncoderStream gives one chunk for each packet, in their order", async () => {
  const chunks = await Array.fromAsync(
    ReadableStream.from<PacketInit>(VECTORS.map(({ packet }) => packet))
      .pipeThrough(new PacketEncoderStream()),
  );
  assertEquals(chunks.map(hexOf), VECTORS.map(({ canonical }) => hexOf(bytesOf(canonical))));
});

Deno.test("PacketEncoderStream fails at the first packet that may not be sent", async () => {
  const stream = ReadableStream.from<PacketInit>([{ type: "publish", topic: "a/#" }])
    .pipeThrough(new PacketEncoderStream());
  const { error } = await readAll(stream);
  assert(error instanceof TypeError);
});

Deno.test("PacketEncoderStream keeps to the Maximum Packet Size of the receiver", async () => {
  const properties = { reasonString: "why" };
  const fits = ReadableStream.from<PacketInit>([{ type: "puback", packetId: 1, properties }])
    .pipeThrough(new PacketEncoderStream({ maximumPacketSize: 4 }));
  assertEquals((await readAll(fits)).packets.map(hexOf), ["40020001"]);
  const tooLarge = ReadableStream.from<PacketInit>([{ type: "publish", topic: "a" }])
    .pipeThrough(new PacketEncoderStream({ maximumPacketSize: 5 }));
  assert((await readAll(tooLarge)).error instanceof RangeError);
});

Deno.test("Packets go through both streams and come out the same", async () => {
  const packets: Packet[] = await Array.fromAsync(
    ReadableStream.from<PacketInit>(VECTORS.map(({ packet }) => packet))
      .pipeThrough(new PacketEncoderStream())
      .pipeThrough(new PacketDecoderStream()),
  );
  assertEquals(packets, VECTORS.map(({ packet }) => packet));
});

function* piecesOf(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

async function* failing(chunk: Uint8Array, reason: Error): AsyncGenerator<Uint8Array> {
  yield chunk;
  throw reason;
}

/** A stream of bytes without end, and a promise for its cancellation. */
function cancellable(
  hex: string,
): { stream: ReadableStream<Uint8Array>; cancelled: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(bytesOf(hex)),
    cancel: () => resolve(),
  });
  return { stream, cancelled: promise };
}

/** All that a stream gives until it ends or fails. */
async function readAll<Item>(
  stream: ReadableStream<Item>,
): Promise<{ packets: Item[]; error: unknown }> {
  const packets: Item[] = [];
  try {
    for await (const item of stream) packets.push(item);
  } catch (error) {
    return { packets, error };
  }
  return { packets, error: undefined };
}

/** Fails when a promise is still pending after everything that can happen without input or time has happened. */
async function settledWithin(promise: Promise<unknown>): Promise<void> {
  const { promise: idle, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, 0);
  try {
    await Promise.race([
      promise,
      idle.then(() => {
        throw new Error("Still pending, with nothing left to do");
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}
