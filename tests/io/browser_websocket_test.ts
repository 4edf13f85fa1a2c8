// The transport over a browser's WebSocket, with a WebSocket that does what the test says.

import { assertEquals, assertMatch, assertRejects, assertStrictEquals } from "@std/assert";
import { openBrowserWebSocket } from "../../src/io/browser_websocket.ts";
import type { Transport } from "../../src/io/transport.ts";
import { settle, VirtualClock } from "./virtual_clock.ts";

const never = new AbortController().signal;

/** As much of a WebSocket as a browser shows of it. */
class ScriptedWebSocket extends EventTarget {
  binaryType: BinaryType = "blob";
  bufferedAmount = 0;
  protocol = "";
  /** What was sent, and after it the code it was closed with. */
  readonly sent: (Uint8Array | number | undefined)[] = [];

  readonly url: string;
  readonly subprotocols: readonly string[];

  constructor(url: string, subprotocols: string[]) {
    super();
    this.url = url;
    this.subprotocols = subprotocols;
  }

  send(data: Uint8Array): void {
    this.sent.push(data.slice());
    this.bufferedAmount += data.length;
  }

  close(code?: number): void {
    this.sent.push(code);
  }

  opens(protocol = "mqtt"): void {
    this.protocol = protocol;
    this.dispatchEvent(new Event("open"));
  }

  receives(data: string | Uint8Array): void {
    const event = typeof data === "string" ? data : data.slice().buffer;
    this.dispatchEvent(new MessageEvent("message", { data: event }));
  }

  closes(code: number, reason = ""): void {
    if (code === 1006) this.dispatchEvent(new Event("error"));
    this.dispatchEvent(new CloseEvent("close", { code, reason, wasClean: code !== 1006 }));
  }
}

/** Asks for a WebSocket. */
function begin(
  { url = "wss://example.org/mqtt", signal = never, origin }: {
    url?: string;
    signal?: AbortSignal;
    origin?: string;
  } = {},
) {
  const clock = new VirtualClock();
  let socket!: ScriptedWebSocket;
  const opening = openBrowserWebSocket(url, {
    signal,
    clock,
    origin,
    open: (...wanted) => socket = new ScriptedWebSocket(...wanted),
  });
  return { clock, socket, opening };
}

/** A WebSocket that is open. */
async function opened(): Promise<
  { clock: VirtualClock; socket: ScriptedWebSocket; transport: Transport }
> {
  const { clock, socket, opening } = begin();
  socket.opens();
  return { clock, socket, transport: await opening };
}

/** Whether a promise has come to an end when everything has had its turn. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let isDone = false;
  void promise.then(() => isDone = true, () => isDone = true);
  for (let turn = 0; turn < 50; turn++) await settle();
  return isDone;
}

Deno.test("a browser's WebSocket is asked for the subprotocol mqtt and for bytes [MQTT-6.0.0-3]", async () => {
  const { socket, opening } = begin({ url: "wss://example.org/mqtt?x=1" });
  socket.opens();
  await opening;
  assertEquals(socket.url, "wss://example.org/mqtt?x=1");
  assertEquals(socket.subprotocols, ["mqtt"]);
  assertEquals(socket.binaryType, "arraybuffer");
});

Deno.test("messages of a browser's WebSocket are read in order, also those that came unasked, and empty ones are none", async () => {
  const { socket, transport } = await opened();
  socket.receives(Uint8Array.of(1, 2));
  socket.receives(new Uint8Array(0));
  socket.receives(Uint8Array.of(3));
  assertEquals(await transport.read(), Uint8Array.of(1, 2));
  assertEquals(await transport.read(), Uint8Array.of(3));
  const reading = transport.read();
  assertEquals(await isSettled(reading), false);
  socket.receives(Uint8Array.of(4));
  assertEquals(await reading, Uint8Array.of(4));
});

Deno.test("what came before a browser's WebSocket was closed is read, and then the end", async () => {
  for (const code of [1000, 1001, 1005]) {
    const { socket, transport } = await opened();
    socket.receives(Uint8Array.of(1));
    socket.closes(code);
    assertEquals(await transport.read(), Uint8Array.of(1));
    assertEquals(await transport.read(), undefined);
    assertEquals(await transport.read(), undefined);
    await assertRejects(() => transport.write(Uint8Array.of(1)), Error, "has closed the WebSocket");
  }
});

Deno.test("a browser's WebSocket that breaks off, or is closed with a complaint, ends reading with an error", async () => {
  const broken = await opened();
  const reading = broken.transport.read();
  broken.socket.closes(1006);
  await assertRejects(() => reading, Error, "The WebSocket to wss://example.org/mqtt broke off");

  const refused = await opened();
  refused.socket.closes(1008, "not\nyou");
  await assertRejects(
    () => refused.transport.read(),
    Error,
    'wss://example.org/mqtt closed the WebSocket with 1008 ("not\\nyou")',
  );
});

Deno.test("a text frame closes a browser's WebSocket [MQTT-6.0.0-1]", async () => {
  const { socket, transport } = await opened();
  const reading = transport.read();
  socket.receives("hello");
  await assertRejects(() => reading, Error, "sent a text frame");
  assertEquals(socket.sent, [4003]);
});

Deno.test("a browser's WebSocket is closed when more than 64 MiB wait to be read, one message of any size may", async () => {
  const { socket, transport } = await opened();
  socket.receives(new Uint8Array(67_108_865));
  socket.receives(Uint8Array.of(1));
  assertEquals(socket.sent, [4009]);
  await assertRejects(() => transport.read(), Error, "More than 67108864 bytes");

  const other = await opened();
  for (let count = 0; count < 3; count++) {
    other.socket.receives(new Uint8Array(67_108_865));
    assertEquals((await other.transport.read())?.length, 67_108_865);
  }
});

Deno.test("a write to a browser's WebSocket ends when no more than 1 MiB waits to be sent", async () => {
  const { clock, socket, transport } = await opened();
  await transport.write(new Uint8Array(1_048_576));
  const writing = transport.write(Uint8Array.of(1));
  assertEquals(await isSettled(writing), false);
  await clock.advance(10_000);
  assertEquals(await isSettled(writing), false);
  assertEquals(clock.timers, 1);
  socket.bufferedAmount = 1_048_576;
  await clock.advance(64);
  assertEquals(await isSettled(writing), true);
  assertEquals(clock.timers, 0);
});

Deno.test("a write to a browser's WebSocket that was sent at once needs no timer", async () => {
  const { clock, socket, transport } = await opened();
  const writing = transport.write(new Uint8Array(1_048_577));
  await settle();
  socket.bufferedAmount = 0;
  assertEquals(await isSettled(writing), true);
  assertEquals(clock.timers, 0);
});

Deno.test("a long write to a browser's WebSocket goes in messages of 1 MiB, each when there is room for it", async () => {
  const { clock, socket, transport } = await opened();
  const bytes = new Uint8Array(2_500_000).map((_, index) => index % 251);
  const writing = transport.write(bytes);
  const lengths = () => socket.sent.map((part) => (part as Uint8Array).length);
  assertEquals(await isSettled(writing), false);
  assertEquals(lengths(), [1_048_576, 1_048_576]);
  socket.bufferedAmount = 0;
  await clock.advance(64);
  await writing;
  assertEquals(lengths(), [1_048_576, 1_048_576, 402_848]);
  const all = new Uint8Array(bytes.length);
  socket.sent.forEach((part, index) => all.set(part as Uint8Array, index * 1_048_576));
  assertEquals(all, bytes);
});

Deno.test("what comes in wakes a write to a browser's WebSocket before its timer does", async () => {
  const { clock, socket, transport } = await opened();
  const writing = transport.write(new Uint8Array(1_048_577));
  assertEquals(await isSettled(writing), false);
  socket.bufferedAmount = 0;
  socket.receives(Uint8Array.of(0x40));
  assertEquals(await isSettled(writing), true);
  assertEquals(clock.timers, 0);
});

Deno.test("in a tab whose timers fire once a minute a browser's WebSocket may hold 64 MiB to send", async () => {
  const { clock, socket, transport } = await opened();
  const writing = transport.write(new Uint8Array(1_048_577));
  assertEquals(await isSettled(writing), false);
  // The timer is due, and fires much later.
  const at = clock.at.bind(clock);
  clock.at = (time, callback) => at(Math.ceil(time / 60_000) * 60_000, callback);
  await clock.advance(64);
  await clock.advance(60_000);
  assertEquals(await isSettled(writing), true);
  for (let count = 0; count < 60; count++) await transport.write(new Uint8Array(1_048_576));
  assertEquals(await isSettled(transport.write(new Uint8Array(8_388_608))), false);
  socket.closes(1006);
});

Deno.test("closing a browser's WebSocket does not wait for the other end and ends what is waited for", async () => {
  const { clock, socket, transport } = await opened();
  const reading = transport.read();
  const writing = transport.write(new Uint8Array(1_048_577));
  transport.close();
  transport.close();
  await assertRejects(() => reading, Error, "has been closed");
  await assertRejects(() => writing, Error, "has been closed");
  await assertRejects(() => transport.read(), Error, "has been closed");
  socket.receives(Uint8Array.of(1));
  socket.closes(1000);
  assertEquals(socket.sent.slice(2), [1000]);
  assertEquals(clock.timers, 0);
});

Deno.test("a write that waits ends when a browser's WebSocket breaks off", async () => {
  const { socket, transport } = await opened();
  const writing = transport.write(new Uint8Array(1_048_577));
  assertEquals(await isSettled(writing), false);
  socket.closes(1006);
  await assertRejects(() => writing, Error, "broke off");
});

Deno.test("a browser's WebSocket that sends no more is closed after what it was given", async () => {
  const { socket, transport } = await opened();
  await transport.write(Uint8Array.of(0xe0, 0x00));
  await transport.closeWrite();
  assertEquals(socket.sent, [Uint8Array.of(0xe0, 0x00), 1000]);
  const reading = transport.read();
  socket.closes(1000);
  assertEquals(await reading, undefined);
});

Deno.test("a server that does not choose the subprotocol mqtt is left [MQTT-6.0.0-3]", async () => {
  for (const [protocol, shown] of [["", "no subprotocol"], ["soap", '"soap"']] as const) {
    const { socket, opening } = begin();
    socket.opens(protocol);
    await assertRejects(() => opening, Error, `chose ${shown} instead of "mqtt"`);
    assertEquals(socket.sent, [1000]);
  }
});

Deno.test("a browser's WebSocket that fails says what to check, without secrets", async () => {
  const secure = begin({
    url: "wss://me:pass@example.org:8884/mqtt?sig=SECRET",
    origin: "https://page.example",
  });
  secure.socket.closes(1006);
  const { message } = await assertRejects(() => secure.opening, Error);
  assertEquals(
    message,
    "Cannot connect to wss://example.org:8884/mqtt, and the browser does not say why: check the address and the path, " +
      "that the server is there, that this browser trusts its certificate, and that it allows pages from https://page.example",
  );

  const plain = begin({ url: "ws://example.org/", origin: "https://page.example" });
  plain.socket.closes(1006);
  const error = await assertRejects(() => plain.opening, Error);
  assertMatch(error.message, /a page that came by https can only use wss:\/\/$/);
  assertEquals(error.message.includes("certificate"), false);
});

Deno.test("a URL that the browser refuses is told with its reason", async () => {
  const cause = new DOMException("Port 25 is not for pages", "SecurityError");
  const open = () => {
    throw cause;
  };
  const opening = openBrowserWebSocket("ws://example.org:25/mqtt?sig=SECRET", {
    signal: never,
    open,
  });
  const error = await assertRejects(() => opening, Error);
  assertEquals(
    error.message,
    "The browser does not connect to ws://example.org:25/mqtt: Port 25 is not for pages",
  );
  assertStrictEquals(error.cause, cause);
});

Deno.test("a browser's WebSocket is given up when the signal aborts, and not even tried when it has", async () => {
  const reason = new Error("too late");
  const controller = new AbortController();
  const { socket, opening } = begin({ signal: controller.signal });
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => opening), reason);
  assertEquals(socket.sent, [undefined]);
  socket.closes(1006);

  const { socket: none, opening: refused } = begin({ signal: controller.signal });
  assertStrictEquals(await assertRejects(() => refused), reason);
  assertEquals(none, undefined);
});

Deno.test("once a browser's WebSocket is open, the signal does nothing more", async () => {
  const controller = new AbortController();
  const { socket, opening } = begin({ signal: controller.signal });
  socket.opens();
  const transport = await opening;
  controller.abort();
  assertEquals(socket.sent, []);
  socket.receives(Uint8Array.of(1));
  assertEquals(await transport.read(), Uint8Array.of(1));
});
