// The opening handshake as a server has it: which requests it grants, and what it says to others.

import { assert, assertEquals, assertMatch, assertStrictEquals, assertThrows } from "@std/assert";
import { checkListenOptions } from "../../src/io/listen_options.ts";
import { memoryTransports } from "../../src/io/memory.ts";
import {
  checkWebSocketServerOptions,
  type WebSocketServerOptions,
} from "../../src/io/websocket_handshake.ts";
import { WebSocketServerTransport } from "../../src/io/websocket_server.ts";
import { joined, request } from "../broker_net/websocket_peer.ts";
import { allFrom, bytesOf, closeFrame } from "./websocket_raw.ts";

/** What a server says to a request, and what its application sees. */
interface Outcome {
  readonly answer: string;
  readonly status: number;
  readonly data: Uint8Array;
  readonly origin: string | undefined;
}

/** Gives a server a request, in pieces, with frames behind it. */
async function ask(
  text: string,
  options: WebSocketServerOptions = {},
  pieces: (bytes: Uint8Array) => readonly Uint8Array[] = (bytes) => [bytes],
): Promise<Outcome> {
  const [near, peer] = memoryTransports();
  const socket = new WebSocketServerTransport(near, options);
  assertStrictEquals(socket.origin, undefined);
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  const frames = [{ data: "hello" }, closeFrame(1000)].map((frame) => bytesOf(frame, true));
  const send = async () => {
    for (const piece of pieces(joined([bytes, ...frames]))) await peer.write(piece);
    await peer.closeWrite();
  };
  const [data, said] = await Promise.all([allFrom(socket), allFrom(peer), send()]);
  socket.close();
  peer.close();
  const answer = new TextDecoder("latin1").decode(said);
  return { answer, status: Number(answer.split(" ")[1]), data, origin: socket.origin };
}

const HELLO = new TextEncoder().encode("hello");

for (
  const [what, text, options] of [
    ["as clients send it", request()],
    [
      "with a list of subprotocols [MQTT-6.0.0-4]",
      request({
        "Sec-WebSocket-Protocol": "mqttv3.1 ,\tmqtt",
      }),
    ],
    [
      "with two fields of subprotocols [MQTT-6.0.0-4]",
      request({
        "Sec-WebSocket-Protocol": "a\r\nSec-WebSocket-Protocol: mqtt",
      }),
    ],
    ["with extensions", request({ "Sec-WebSocket-Extensions": "permessage-deflate; a=b" })],
    ["with a body of no bytes", request({ "Content-Length": "0" })],
    ["with a URL for its target", request({}, "GET http://broker/mqtt HTTP/1.1")],
    ["with a URL without a path", request({}, "GET HTTP://broker HTTP/1.1"), { path: "/" }],
    ["for a host with a port", request({ Host: "broker:8080" })],
    ["for a host of IPv6", request({ Host: "[::1]:8080" })],
    ["for the path", request(), { path: "/mqtt" }],
    ["for the path, with a query", request({}, "GET /mqtt?a=/b HTTP/1.1"), { path: "/mqtt" }],
    ["with a field of Latin-1", request({ "X": "\xe9" })],
    ["with an empty field", request({ "X": "" })],
    ["by a later HTTP/1", request({}, "GET / HTTP/1.2")],
    ["with a head of exactly 8 KiB", withLength(8192)],
  ] as readonly (readonly [string, string, WebSocketServerOptions?])[]
) {
  Deno.test(`A server grants a request ${what}, and reads what comes with it`, async () => {
    const { answer, data } = await ask(text, options);
    assertMatch(answer, /^HTTP\/1.1 101 Switching Protocols\r\n/);
    assertMatch(answer, /\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
    assertMatch(answer, /\r\nSec-WebSocket-Protocol: mqtt\r\n/);
    assert(!/Extensions/.test(answer));
    assertEquals(data, HELLO);
  });
}

/** A request whose head has so many bytes, without the empty line that ends it. */
function withLength(length: number): string {
  const rest = request({ X: "" }).length - "\r\n\r\n".length;
  return request({ X: "x".repeat(length - rest) });
}

/** A request with a line more. */
function withLine(line: string): string {
  return request().replace("\r\n\r\n", `\r\n${line}\r\n\r\n`);
}

for (
  const [what, status, text, options] of [
    ["of HTTP/1.0", 505, request({}, "GET / HTTP/1.0")],
    ["of HTTP/2", 505, request({}, "GET / HTTP/2.0")],
    ["without a version", 400, request({}, "GET /")],
    ["with two spaces", 400, request({}, "GET  / HTTP/1.1")],
    ["with another method", 400, request({}, "POST / HTTP/1.1")],
    ["with a method in lower case", 400, request({}, "get / HTTP/1.1")],
    ["for an authority", 400, request({}, "GET broker:80 HTTP/1.1")],
    ["for *", 400, request({}, "GET * HTTP/1.1")],
    ["without Host", 400, request({ Host: undefined })],
    ["with an empty Host", 400, request({ Host: "" })],
    ["with two Hosts", 400, withLine("Host: broker")],
    ["with a Host that is none", 400, request({ Host: "a b" })],
    ["with a Host with a path", 400, request({ Host: "broker/a" })],
    ["with a body", 400, request({ "Content-Length": "5" })],
    ["with two lengths", 400, request({ "Content-Length": "0\r\nContent-Length: 0" })],
    ["with a length that is none", 400, request({ "Content-Length": "-0" })],
    ["in chunks", 400, request({ "Transfer-Encoding": "chunked" })],
    ["with any Transfer-Encoding", 400, request({ "Transfer-Encoding": "identity" })],
    ["with a space before a colon", 400, withLine("A : b")],
    ["with a folded line", 400, withLine("A: b\r\n c")],
    ["with a space before the first field", 400, request().replace("Host", " Host")],
    ["with a line without a colon", 400, withLine("hello")],
    ["with a field without a name", 400, withLine(": a")],
    ["with a name that is no token", 400, withLine("a(b): c")],
    ["with NUL in a value", 400, withLine("A: b\0")],
    ["with CR in a value", 400, withLine("A: b\rHost: c")],
    ["with DEL in a value", 400, withLine("A: b\x7f")],
    ["with lines that end in LF", 400, request().replaceAll("\r", "")],
    ["with one line that ends in LF", 400, request().replace("broker\r", "broker")],
    ["with two keys", 400, withLine("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")],
    ["for two versions", 426, request({ "Sec-WebSocket-Version": "13, 8" })],
    ["for a subprotocol in other case", 400, request({ "Sec-WebSocket-Protocol": "MQTT" })],
    ["for another path", 404, request(), { path: "/" }],
    ["for a longer path", 404, request({}, "GET /mqtt/ HTTP/1.1"), { path: "/mqtt" }],
    ["for a path in other case", 404, request({}, "GET /MQTT HTTP/1.1"), { path: "/mqtt" }],
    ["with a head of a byte over 8 KiB", 431, withLength(8193)],
    ["with a head of 9 KiB", 431, withLength(9216)],
    ["that is a packet of MQTT", 400, "\x10\x0d\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x00"],
    ["that is TLS", 400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
  ] as readonly (readonly [string, number, string, WebSocketServerOptions?])[]
) {
  Deno.test(`A server answers a request ${what} with ${status}`, async () => {
    for (const pieces of [whole, inBytes]) {
      const { answer, status: actual, data } = await ask(text, options, pieces);
      assertStrictEquals(actual, status, answer);
      assertEquals(data, new Uint8Array(0));
      const [, length, body] = /Content-Length: (\d+)\r\n.*\r\n\r\n(.*)$/s.exec(answer)!;
      assertStrictEquals(body!.length, Number(length));
    }
  });
}

function whole(bytes: Uint8Array): Uint8Array[] {
  return [bytes];
}

function inBytes(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (byte) => Uint8Array.of(byte));
}

Deno.test("A server does not wait for the end of what is no request", async () => {
  const [near, peer] = memoryTransports();
  const reading = new WebSocketServerTransport(near).read();
  await peer.write(Uint8Array.of(0x10));
  const answer = new TextDecoder().decode(await peer.read());
  assertMatch(answer, /^HTTP\/1.1 400 Bad Request\r\n.*ws:\/\//s);
  peer.close();
  assertStrictEquals(await reading, undefined);
});

for (
  const [origin, host, allowedOrigins, isAllowed] of [
    [undefined, "broker", undefined, true],
    [undefined, "broker", ["https://a.example"], true],
    ["http://broker", "broker", undefined, true],
    ["https://broker", "broker:8080", undefined, true],
    ["http://broker:3000", "broker:8080", undefined, true],
    ["http://broker", "BROKER", undefined, true],
    ["http://[::1]:3000", "[0:0::1]:8080", undefined, true],
    ["http://127.0.0.1", "127.0.0.1:8080", undefined, true],
    ["http://a.example", "broker", undefined, false],
    ["http://broker.a.example", "broker", undefined, false],
    ["http://broker@a.example", "broker", undefined, false],
    ["http://a.example/broker", "broker", undefined, false],
    ["http://localhost", "127.0.0.1", undefined, false],
    ["extension://broker", "broker", undefined, false],
    ["null", "broker", undefined, false],
    ["null", "null", undefined, false],
    ["", "broker", undefined, false],
    ["broker", "broker", undefined, false],
    ["http://broker, http://broker", "broker", undefined, false],
    ["https://a.example", "broker", ["https://a.example"], true],
    ["https://a.example", "broker", ["https://b.example", "https://a.example"], true],
    ["http://a.example", "broker", ["https://a.example"], false],
    ["https://a.example:444", "broker", ["https://a.example"], false],
    ["https://a.example.b.example", "broker", ["https://a.example"], false],
    ["http://broker", "broker", ["https://a.example"], true],
    ["null", "broker", ["null"], true],
    ["null", "broker", ["*"], true],
    ["extension://a", "broker", ["*"], true],
    ["extension://a", "broker", ["extension://a"], true],
  ] as const
) {
  const among = allowedOrigins === undefined ? "" : `, where ${allowedOrigins.join(", ")} may,`;
  const what = `${origin ?? "no browser"} at ${host}${among}`;
  Deno.test(`A server ${isAllowed ? "lets in" : "refuses"} ${what}`, async () => {
    const text = request({ Host: host, Origin: origin });
    const outcome = await ask(text, { allowedOrigins });
    assertStrictEquals(outcome.status, isAllowed ? 101 : 403);
    assertStrictEquals(outcome.origin, isAllowed ? origin : undefined);
    assertEquals(outcome.data, isAllowed ? HELLO : new Uint8Array(0));
  });
}

for (
  const [origin, host, isAllowed] of [
    ["http://localhost:3000", "127.0.0.1:8080", true],
    ["http://app.localhost", "localhost", true],
    ["http://[::1]", "localhost", true],
    ["http://127.0.0.2:1", "[::1]", true],
    ["http://rebound.example:8080", "rebound.example:8080", false],
    ["http://localhost.example", "localhost.example", false],
    ["http://127.0.0.1.example", "127.0.0.1.example", false],
    ["null", "localhost", false],
  ] as const
) {
  const what = `${origin} at ${host}`;
  Deno.test(`A server for this machine alone ${isAllowed ? "lets in" : "refuses"} ${what}`, async () => {
    const outcome = await ask(request({ Host: host, Origin: origin }), { isLoopback: true });
    assertStrictEquals(outcome.status, isAllowed ? 101 : 403);
  });
}

Deno.test("Paths and origins that no request can have are mistakes", () => {
  for (const path of ["", "mqtt", "/a b", "/a?b", "/é"]) {
    assertThrows(() => checkWebSocketServerOptions({ path }), TypeError, "path");
  }
  for (const origin of ["", "a.example", "https://a.example/", "HTTPS://a", "https://a:443"]) {
    const options = { allowedOrigins: ["*", origin] };
    assertThrows(() => checkWebSocketServerOptions(options), TypeError, JSON.stringify(origin));
  }
  checkWebSocketServerOptions({});
  const allowedOrigins = ["*", "null", "https://a.example", "http://[::1]:80", "extension://a"];
  checkWebSocketServerOptions({ path: "/a/b", allowedOrigins: allowedOrigins.toSpliced(3, 1) });
});

Deno.test("A listener refuses a WebSocket path and origins that no request can have", () => {
  const mistakes = [{ websocketPath: "mqtt" }, { allowedOrigins: ["https://a.example/"] }];
  for (const mistake of mistakes) {
    assertThrows(() => checkListenOptions({ protocol: "ws", ...mistake }), TypeError, "such as");
  }
  checkListenOptions({ protocol: "ws", websocketPath: "/mqtt", allowedOrigins: ["*"] });
});
