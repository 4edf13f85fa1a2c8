// The opening handshake as a client has it: what it asks for, and which answers it takes.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { memoryTransports } from "../../src/io/memory.ts";
import type { Transport } from "../../src/io/transport.ts";
import {
  openWebSocket,
  type WebSocketClientOptions,
  type WebSocketExchange,
  WebSocketHandshakeError,
} from "../../src/io/websocket_client.ts";
import { joined } from "../broker_net/websocket_peer.ts";
import { allFrom, answerTo, bytesOf, headFrom } from "./websocket_raw.ts";

const PLACE = { host: "example.org:8080", target: "/mqtt?a=1" } as const;

/** What a server does when the request has come. */
type Serve = (peer: Transport, request: string) => Promise<void>;

/** Opens a WebSocket to a server. What remains of both ends is closed. */
async function open<Result>(
  serve: Serve,
  use: (socket: Transport) => Promise<Result> | Result,
  options: Partial<WebSocketClientOptions> = {},
): Promise<Result> {
  const [near, peer] = memoryTransports();
  const serving = headFrom(peer).then((request) => serve(peer, request));
  try {
    const result = await use(await openWebSocket(near, { ...PLACE, ...options }));
    await serving;
    return result;
  } finally {
    near.close();
    peer.close();
  }
}

/** A server that sends text and then nothing more, without an end. */
function says(text: string | ((request: string) => Promise<string>)): Serve {
  return async (peer, request) => {
    const all = typeof text === "string" ? text : await text(request);
    await peer.write(Uint8Array.from(all, (character) => character.charCodeAt(0)));
  };
}

/** The same, with an end. */
function saysAll(text: string): Serve {
  return async (peer, request) => {
    if (text !== "") await says(text)(peer, request);
    await peer.closeWrite();
  };
}

/** What a handshake fails with. */
async function failure(serve: Serve): Promise<WebSocketHandshakeError> {
  const [near, peer] = memoryTransports();
  const serving = headFrom(peer).then((request) => serve(peer, request));
  const opening = openWebSocket(near, PLACE);
  const error = await assertRejects(() => opening, WebSocketHandshakeError);
  // Nothing can be sent to it any more.
  await serving;
  await assertRejects(() => peer.write(Uint8Array.of(1)));
  return error;
}

Deno.test("A client asks for the subprotocol mqtt and no extension [MQTT-6.0.0-3]", async () => {
  const requests: string[] = [];
  for (let time = 0; time < 2; time++) {
    await open(async (peer, request) => {
      requests.push(request);
      await says(answerTo)(peer, request);
    }, () => {});
  }
  const keys = requests.map((text) =>
    /^Sec-WebSocket-Key: ([A-Za-z0-9+/]{22}==)\r$/m.exec(text)![1]
  );
  assert(keys[0] !== keys[1], "a key is never the same");
  assertEquals(requests[0]!.replace(keys[0]!, "KEY").split("\r\n"), [
    "GET /mqtt?a=1 HTTP/1.1",
    "Host: example.org:8080",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: KEY",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Protocol: mqtt",
    "",
    "",
  ]);
});

Deno.test("A client sends the header fields it is given and tells what was said", async () => {
  const exchanges: WebSocketExchange[] = [];
  const headers = { Authorization: "Bearer abc", Cookie: "a=1; b=2", Origin: "https://a.example" };
  const request = await open(
    says(answerTo),
    () => exchanges[0]!.request,
    { headers, observe: (exchange) => exchanges.push(exchange) },
  );
  assertEquals(request.split("\r\n").slice(-3), [
    "Authorization: Bearer abc",
    "Cookie: a=1; b=2",
    "Origin: https://a.example",
  ]);
  assertStrictEquals(exchanges.length, 1);
  assertStrictEquals(`${exchanges[0]!.response}\r\n\r\n`, await answerTo(request));
});

for (
  const [what, options] of [
    ["a name with a space", { headers: { "a b": "c" } }],
    ["an empty name", { headers: { "": "c" } }],
    ["a name with a colon", { headers: { "a:": "c" } }],
    ["a value with a line break", { headers: { a: "b\r\nEvil: yes" } }],
    ["a value that is not ASCII", { headers: { a: "é" } }],
    ["a value with a control character", { headers: { a: "\0" } }],
    ...[
      ...["Host", "host", "Connection", "Upgrade", "Content-Length", "Transfer-Encoding", "Expect"],
      ...["Sec-WebSocket-Key", "sec-websocket-protocol", "Sec-WebSocket-Extensions"],
    ].map((name) => [`the field ${name}`, { headers: { [name]: "a" } }] as const),
    ["a target without a slash", { target: "mqtt" }],
    ["a target with a line break", { target: "/\r\nEvil: yes" }],
    ["a target with a space", { target: "/a b" }],
    ["no host", { host: "" }],
    ["a host with a line break", { host: "a\r\nEvil: yes" }],
  ] as const
) {
  Deno.test(`A client refuses ${what} before anything is sent`, async () => {
    const [near, peer] = memoryTransports();
    await assertRejects(() => openWebSocket(near, { ...PLACE, ...options }), TypeError);
    assertEquals(await allFrom(peer), new Uint8Array(0));
    peer.close();
  });
}

for (
  const [what, change] of [
    ["as it should be", (text: string) => text],
    [
      "with names and values in other case",
      (text: string) =>
        text.replace("Upgrade: websocket", "UPGRADE: WebSocket").replace("Sec-Web", "sec-wEB"),
    ],
    [
      "with lists and more fields",
      (text: string) =>
        text.replace("n: Upgrade", "n: keep-alive ,\tUpgrade").replace(
          "\r\n\r\n",
          "\r\nServer: x\r\n\r\n",
        ),
    ],
    ["without a reason phrase", (text: string) => text.replace("Switching Protocols", "")],
    [
      "without a space behind the status",
      (text: string) => text.replace(" Switching Protocols", ""),
    ],
    ["with lines that end in LF", (text: string) => text.replaceAll("\r", "")],
    [
      "with an empty list of extensions",
      (text: string) => text.replace("\r\n\r\n", "\r\nSec-WebSocket-Extensions:\r\n\r\n"),
    ],
    [
      "behind one with status 103",
      (text: string) => `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${text}`,
    ],
  ] as const
) {
  Deno.test(`A client takes an answer ${what}, cut anywhere, and data behind it`, async () => {
    const data = Uint8Array.of(0x20, 3, 0, 0, 0);
    for (const size of [1, 2, 50, 10_000]) {
      const serve: Serve = async (peer, request) => {
        const text = new TextEncoder().encode(change(await answerTo(request)));
        const all = joined([text, bytesOf({ data }, false)]);
        for (let at = 0; at < all.length; at += size) await peer.write(all.subarray(at, at + size));
        await peer.closeWrite();
      };
      assertEquals(await open(serve, allFrom), data);
    }
  });
}

/** A granting answer with other fields. */
function grantsWith(fields: Readonly<Record<string, string | undefined>>): Serve {
  return says((request) => answerTo(request, fields));
}

for (
  const [what, why, serve] of [
    [
      "a wrong answer to the key",
      "accept key",
      grantsWith({
        "Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
      }),
    ],
    ["no answer to the key", "accept key", grantsWith({ "Sec-WebSocket-Accept": undefined })],
    [
      "no subprotocol [MQTT-6.0.0-3]",
      "subprotocol",
      grantsWith({
        "Sec-WebSocket-Protocol": undefined,
      }),
    ],
    [
      "another subprotocol [MQTT-6.0.0-3]",
      "subprotocol",
      grantsWith({
        "Sec-WebSocket-Protocol": "mqttv3.1",
      }),
    ],
    ["two subprotocols", "subprotocol", grantsWith({ "Sec-WebSocket-Protocol": "mqtt, mqtt" })],
    [
      "a subprotocol in other case",
      "subprotocol",
      grantsWith({ "Sec-WebSocket-Protocol": "MQTT" }),
    ],
    ["an extension", "upgrade", grantsWith({ "Sec-WebSocket-Extensions": "permessage-deflate" })],
    ["another upgrade", "upgrade", grantsWith({ Upgrade: "h2c" })],
    ["no Upgrade", "upgrade", grantsWith({ Upgrade: undefined })],
    ["no Connection: Upgrade", "upgrade", grantsWith({ Connection: "keep-alive" })],
    [
      "HTTP/1.0",
      "upgrade",
      says(async (request) => (await answerTo(request)).replace("/1.1", "/1.0")),
    ],
    ["a space before a colon", "not HTTP", grantsWith({ "A ": "b" })],
    ["a folded line", "not HTTP", grantsWith({ A: "b\r\n c" })],
    ["HTTP/2", "not HTTP", says("HTTP/2 101 \r\n\r\n")],
    ["a status of two digits", "not HTTP", says("HTTP/1.1 10 a\r\n\r\n")],
    ["a packet of MQTT", "not HTTP", says("\x20\x03\x00\x84\x00")],
    ["an alert of TLS", "not HTTP", says("\x15\x03\x01\x00\x02\x02\x46")],
    ["the greeting of a mail server", "not HTTP", says("220 mail.example\r\n")],
    ["nothing", "closed", saysAll("")],
    ["half an answer", "closed", saysAll("HTTP/1.1 101 Switching Protocols\r\nUpgrade: web")],
    ["a head over 16 KiB", "too long", grantsWith({ A: "a".repeat(16_384) })],
    ["a head without an end", "too long", async (peer) => {
      const line = new TextEncoder().encode(`A: ${"a".repeat(1000)}\r\n`);
      await peer.write(new TextEncoder().encode("HTTP/1.1 101 \r\n"));
      // The other end stops it.
      for (;;) if (await peer.write(line).then(() => false, () => true)) return;
    }],
  ] as readonly (readonly [string, string, Serve])[]
) {
  Deno.test(`A client that is answered with ${what} gives up`, async () => {
    assertStrictEquals((await failure(serve)).why, why);
  });
}

Deno.test("A client tells the first bytes of what is not HTTP", async () => {
  const { received } = await failure(says(`\x20\x03\x00\x84\x00${"a".repeat(100)}`));
  assertEquals(received, Uint8Array.of(0x20, 3, 0, 0x84, 0, ...new Uint8Array(11).fill(0x61)));
});

const HEAD = "HTTP/1.1 401 Unauthorized\r\n";

for (
  const [what, serve, status, reason, body] of [
    [
      "with a length",
      says(`${HEAD}Content-Length: 13\r\n\r\ntoken expired`),
      401,
      "Unauthorized",
      "token expired",
    ],
    ["until the end", saysAll(`${HEAD}\r\nlog in first\n`), 401, "Unauthorized", "log in first"],
    [
      "in chunks",
      says(`${HEAD}Transfer-Encoding: chunked\r\n\r\n4\r\nlog \r\n9;a=b\r\nin, first\r\n0\r\n\r\n`),
      401,
      "Unauthorized",
      "log in, first",
    ],
    [
      "in chunks without the last",
      saysAll(`${HEAD}Transfer-Encoding: chunked\r\n\r\n4\r\nlog \r\n9\r\nin`),
      401,
      "Unauthorized",
      "log in",
    ],
    [
      "that is cut short",
      saysAll(`${HEAD}Content-Length: 100\r\n\r\ntoken`),
      401,
      "Unauthorized",
      "token",
    ],
    ["in UTF-8", says(`${HEAD}Content-Length: 2\r\n\r\n\xc3\xa9`), 401, "Unauthorized", "é"],
    ["that is empty", says(`${HEAD}Content-Length: 0\r\n\r\n`), 401, "Unauthorized", undefined],
    [
      "that is a page",
      says("HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n\r\n<html>"),
      404,
      "Not Found",
      undefined,
    ],
    [
      "that is compressed",
      says("HTTP/1.1 404 Not Found\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b"),
      404,
      "Not Found",
      undefined,
    ],
    ["from an old server", saysAll("HTTP/1.0 503 Busy\r\n\r\nlater"), 503, "Busy", "later"],
    ["without a reason phrase", saysAll("HTTP/1.1 403\r\n\r\nno"), 403, "", "no"],
    ["with a malformed field", says("HTTP/1.1 403 No\r\nA : b\r\n\r\nno"), 403, "No", undefined],
    [
      "for an upgrade that went elsewhere",
      saysAll("HTTP/1.1 200 OK\r\n\r\nhello"),
      200,
      "OK",
      "hello",
    ],
  ] as readonly (readonly [string, Serve, number, string, string | undefined])[]
) {
  Deno.test(`A client that is refused tells the status, and a text ${what}`, async () => {
    const error = await failure(serve);
    assertEquals(
      [error.why, error.status, error.reason, error.body],
      ["status", status, reason, body],
    );
    assert(error.message.includes(`${status}`) && error.message.includes(body ?? ""));
  });
}

Deno.test("A client takes 1 KiB of a text that has no end", async () => {
  const flood: Serve = async (peer) => {
    await says(`${HEAD}\r\na`)(peer, "");
    const line = new TextEncoder().encode("é".repeat(500));
    for (;;) if (await peer.write(line).then(() => false, () => true)) return;
  };
  // No half of a character.
  assertStrictEquals((await failure(flood)).body, `a${"é".repeat(511)}`);
});

Deno.test("A client does not wait for a text that does not come", async () => {
  const { body } = await failure(says(`${HEAD}Content-Length: 1000\r\n\r\nsome of it`));
  assertStrictEquals(body, "some of it");
});

Deno.test("A client tells where a server sends it", async () => {
  const text = "HTTP/1.1 301 Moved Permanently\r\nLocation: https://a.example/\r\n\r\n";
  const { status, location } = await failure(saysAll(text));
  assertEquals([status, location], [301, "https://a.example/"]);
});

Deno.test("A client whose connection is closed while it waits gives up", async () => {
  const [near, peer] = memoryTransports();
  const opening = openWebSocket(near, PLACE);
  await headFrom(peer);
  near.close();
  assertStrictEquals((await assertRejects(() => opening, WebSocketHandshakeError)).why, "closed");
});
