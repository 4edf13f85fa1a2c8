// A capture whose file is slow, full or damaged: what is missing is counted and said, and nothing
// else goes wrong.

import { concat } from "jsr:@std/bytes@^1/concat";
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { encodePacket } from "../../../mod.ts";
import { Failure } from "../../../src/cli/failure.ts";
import { Capture } from "../../../src/cli/inspect/capture.ts";
import { explainCapture } from "../../../src/cli/inspect/explain_capture.ts";
import { fileHeader, frameBlock, framesOf } from "../../../src/cli/inspect/pcapng.ts";
import { Observer } from "../../../src/cli/inspect/observer.ts";
import type { Context, Output } from "../../../src/cli/context.ts";

const PLACE = { client: "127.0.0.1:4711", server: "127.0.0.1:1883", listener: "mqtt://a:1884" };

/** A file, which takes bytes only while it is open, and only so many. */
class File {
  readonly parts: Uint8Array[] = [];
  room = Infinity;
  #gate = Promise.resolve();
  #open = () => {};

  get bytes(): Uint8Array {
    return concat(this.parts);
  }

  /** Takes nothing until it is opened again. */
  shut(): void {
    this.#gate = new Promise((resolve) => this.#open = resolve);
  }

  open(): void {
    this.#open();
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#gate;
    this.room -= bytes.length;
    if (this.room < 0) throw new Error("No space left on device (os error 28)");
    this.parts.push(bytes.slice());
  }
}

/** A conversation with so many messages, recorded in a file. */
function record(file: File, most?: number) {
  const failures: unknown[] = [];
  const capture = new Capture(file, "mqtt5 inspect", (error) => failures.push(error), most);
  const link = new Observer({ capture }).open(PLACE, 1000);
  link.pass("client", encodePacket({ type: "connect", clientId: "device" }), 1000);
  link.pass("server", encodePacket({ type: "connack" }), 1000);
  const publish = (count: number) => {
    const packet = encodePacket({ type: "publish", topic: "a/b", payload: new Uint8Array(100) });
    for (let index = 0; index < count; index++) link.pass("client", packet, 2000);
  };
  return { capture, link, publish, failures };
}

/** What `decode` says of a capture. */
async function explained(bytes: Uint8Array): Promise<{ exitCode: number; text: string }> {
  let text = "";
  const stdout: Output = {
    write: (part) => void (text += part),
    writeBytes: (part) => Promise.resolve(void (text += new TextDecoder().decode(part))),
    status() {},
    isTerminal: false,
    colors: false,
    columns: 80,
  };
  const signal = new AbortController().signal;
  const exitCode = await explainCapture({ stdout, signal } as Context, false, [bytes]);
  return { exitCode, text };
}

Deno.test("the time of a frame is in the same millisecond as what it has seen", async () => {
  for (const time of [1_796_000_000_039.9998, 1_796_000_000_040]) {
    const file = concat([fileHeader("inspect"), frameBlock(new Uint8Array(60), time)]);
    const [frame] = await Array.fromAsync(framesOf(ReadableStream.from([file])));
    assertEquals(Math.floor(frame!.time), Math.floor(time));
  }
});

Deno.test("frames that a slow file has no room for are left out, counted and told", async () => {
  const file = new File();
  file.shut();
  const { capture, link, publish } = record(file, 5000);
  publish(100);
  assert(capture.dropped > 50, String(capture.dropped));
  const { dropped } = capture;
  file.open();
  await capture.finish(3000);
  assertEquals(capture.dropped, dropped);
  // Whoever reads the file is told the same number, by its last block.
  const last = new DataView(file.bytes.slice(-16).buffer);
  assertEquals(last.getUint32(0, true), dropped);
  link.close(undefined, 3000);
});

Deno.test("behind frames that are missing nothing is decoded, and what is missing is said", async () => {
  const file = new File();
  const { capture, link, publish } = record(file, 3000);
  publish(3);
  file.shut();
  // The first of them wait for the file, those behind them find no room.
  publish(100);
  file.open();
  await capture.finish(3000);
  const other = record(new File());
  assert(capture.dropped > 0 && other.capture.dropped === 0);
  publish(3);
  link.close(undefined, 4000);
  await capture.finish(4000);
  const { exitCode, text } = await explained(file.bytes);
  assertEquals(exitCode, 1);
  assertMatch(text, /! [\d,]+ bytes of the client are missing: what follows is not decoded\n/);
});

Deno.test("a full disk is told once; the relay and the other connections go on", async () => {
  const file = new File();
  file.room = 4000;
  const { capture, link, publish, failures } = record(file);
  publish(100);
  await capture.finish(3000);
  assertEquals(failures.map(String), ["Error: No space left on device (os error 28)"]);
  const { dropped } = capture;
  publish(10);
  link.end("client", 3000);
  link.close("the connection to the client broke", 3000);
  assertEquals(capture.dropped, dropped + 12);
  await capture.finish(4000);
  assertEquals(failures.length, 1);
});

Deno.test("a capture that ends anywhere is explained as far as it goes", async () => {
  const file = new File();
  const { capture, link, publish } = record(file);
  publish(1);
  link.close(undefined, 3000);
  await capture.finish(3000);
  const whole = await explained(file.bytes);
  assertMatch(whole.text, /→ CONNECT, [^]*← CONNACK, [^]*→ PUBLISH, [^]*- closed\n$/);
  for (let end = 0; end < file.bytes.length; end++) {
    const { text } = await explained(file.bytes.subarray(0, end));
    const [first = ""] = text.split("- closed\n");
    assert(whole.text.startsWith(first), `cut at ${end}: ${text}`);
  }
});

Deno.test("a capture with a wrong byte anywhere is explained, or refused in a sentence", async () => {
  const file = new File();
  const { capture, link, publish } = record(file);
  publish(1);
  link.close(undefined, 3000);
  await capture.finish(3000);
  let refused = 0;
  for (const at of file.bytes.keys()) {
    for (const change of [0x01, 0x80]) {
      const damaged = file.bytes.slice();
      damaged[at]! ^= change;
      try {
        await explained(damaged);
      } catch (error) {
        if (!(error instanceof Failure)) throw new Error(`byte ${at}`, { cause: error });
        assertMatch(error.message, /^The capture (is damaged|was not written by mqtt5 inspect)/);
        refused++;
      }
    }
  }
  assert(refused > 50, String(refused));
});

Deno.test("a block that is longer than any of ours is damage, and is not waited for", async () => {
  const file = new File();
  const { capture } = record(file);
  await capture.finish(3000);
  const damaged = file.bytes.slice();
  const first = new DataView(damaged.buffer).getUint32(4, true);
  const second = new DataView(damaged.buffer).getUint32(first + 4, true);
  new DataView(damaged.buffer).setUint32(first + second + 4, 0x7fff_fff0, true);
  await assertRejects(() => explained(damaged), Failure, "The capture is damaged");
});

Deno.test("a block that is too short for a frame is damage", async () => {
  const file = new File();
  const { capture } = record(file);
  await capture.finish(3000);
  const first = new DataView(file.bytes.buffer).getUint32(4, true);
  const short = new Uint8Array(Uint32Array.of(6, 16, 0, 16).buffer);
  const damaged = concat([file.bytes.subarray(0, first), short]);
  await assertRejects(() => explained(damaged), Failure, "The capture is damaged");
});

Deno.test("a frame of another protocol is damage, as there are none in ours", async () => {
  const file = new File();
  const { capture } = record(file);
  await capture.finish(3000);
  const damaged = file.bytes.slice();
  // Of an IPv4 packet in a frame.
  const at = damaged.findIndex((byte, at) =>
    byte === 0x08 && damaged[at + 1] === 0x00 && damaged[at + 2] === 0x45
  );
  damaged[at] = 0x86;
  await assertRejects(() => explained(damaged), Failure, "The capture is damaged");
});
