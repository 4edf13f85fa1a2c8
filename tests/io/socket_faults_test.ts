// Which errors thrown while dialling end a client, and which it tries again after: an option that
// is wrong stays wrong, a bug may not show the next time.

import { assertEquals, assertRejects } from "@std/assert";
import type { Destination } from "../../src/io/destination.ts";
import type { FaultCure } from "../../src/io/fault_texts.ts";
import { memoryTransports } from "../../src/io/memory.ts";
import { connectThroughProxy, parseProxyUrl } from "../../src/io/proxy.ts";
import { connectFault, type Phase } from "../../src/io/socket_faults.ts";
import { tlsRequest } from "../../src/io/tls.ts";
import { openWebSocket } from "../../src/io/websocket_client.ts";

const SERVER: Destination = {
  scheme: "wss",
  hostname: "broker.example",
  port: 443,
  path: "/mqtt",
  address: "broker.example:443",
  proxy: parseProxyUrl("socks5h://127.0.0.1"),
};

function cureOf(error: unknown, phase: Phase, destination = SERVER): FaultCure {
  return connectFault(error, destination, phase).cure;
}

const PHASES: readonly Phase[] = ["connect", "proxy", "tls", "websocket"];

for (const phase of PHASES) {
  Deno.test(`A bug while dialling does not end a client, in phase ${phase}`, () => {
    assertEquals(cureOf(new TypeError("undefined is not a function"), phase), "time");
    assertEquals(cureOf(new RangeError("Maximum call stack size exceeded"), phase), "time");
  });
}

const socket = () => memoryTransports()[0];
const toSocks = parseProxyUrl("socks5h://127.0.0.1");
const toHttp = parseProxyUrl("http://127.0.0.1");
const place = { host: "broker.example", target: "/mqtt" };

const MISTAKES: readonly (readonly [what: string, Phase, dial: () => unknown])[] = [
  ["An unknown option of TLS", "connect", () => tlsRequest({ cn: "a" } as never, "a")],
  ["A server name that is none", "connect", () => tlsRequest({ serverName: "a b" }, "a")],
  [
    "A host name that is too long for SOCKS",
    "proxy",
    () => connectThroughProxy(toSocks, socket(), { hostname: "a".repeat(256), port: 1 }),
  ],
  [
    "A host name that HTTP cannot carry",
    "proxy",
    () => connectThroughProxy(toHttp, socket(), { hostname: "a\r\nb", port: 1 }),
  ],
  [
    "A path that HTTP cannot carry",
    "websocket",
    () => openWebSocket(socket(), { ...place, target: "a b" }),
  ],
  [
    "A host that HTTP cannot carry",
    "websocket",
    () => openWebSocket(socket(), { ...place, host: "" }),
  ],
  [
    "A header field that cannot be set",
    "websocket",
    () => openWebSocket(socket(), { ...place, headers: { Host: "a" } }),
  ],
];

for (const [what, phase, dial] of MISTAKES) {
  Deno.test(`${what} is a TypeError that ends a client`, async () => {
    const error = await assertRejects(() => Promise.try(dial), TypeError);
    assertEquals(error.name, "TypeError");
    assertEquals(cureOf(error, phase), "change");
  });
}

Deno.test("A server name and a Unix socket that Deno rejects end a client", async () => {
  await using stack = new AsyncDisposableStack();
  const listener = stack.adopt(Deno.listen({ hostname: "127.0.0.1", port: 0 }), (it) => it.close());
  const tcp = stack.adopt(await Deno.connect({ port: listener.addr.port }), (it) => it.close());
  const invalid = await Deno.startTls(tcp, { hostname: "a..b" }).catch((error) => error);
  assertEquals(cureOf(invalid, "tls"), "change");
  const path = `/${"a".repeat(200)}`;
  const tooLong = await Deno.connect({ transport: "unix", path }).catch((error) => error);
  const unix = { ...SERVER, scheme: "mqtt+unix", path, proxy: undefined } as const;
  assertEquals(cureOf(tooLong, "connect", unix), "change");
});
