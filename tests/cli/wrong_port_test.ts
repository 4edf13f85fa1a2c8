// A URL whose scheme is not that of the port: every command, and the library, say the same about it.

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { connect, ConnectionClosedError } from "../../mod.ts";
import { serve } from "../../src/broker/mod.ts";
import { bytesOf } from "../hex.ts";
import { cliBare } from "./server.ts";

/** What listens on a port. */
interface Listening extends AsyncDisposable {
  readonly port: number;
}

/** A server that answers the first bytes with an alert of TLS, as those do that expect TLS. */
function alerting(): Promise<Listening> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const connection of listener) {
      using _ = connection;
      await connection.read(new Uint8Array(1000)).catch(() => {});
      await connection.write(bytesOf("15 03 01 00 02 02 46")).catch(() => {});
    }
  })();
  return Promise.resolve({
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  });
}

const CASES: readonly (readonly [
  what: string,
  scheme: string,
  listen: () => Promise<Listening>,
  says: string,
])[] = [
  [
    "mqtt:// at a port for TLS",
    "mqtt",
    alerting,
    "the server speaks TLS on this port; use mqtts://",
  ],
  [
    "mqtt:// at a port for WebSocket",
    "mqtt",
    () => serve({ hostname: "127.0.0.1", port: 0, protocol: "ws" }),
    "a web server answers on this port; use ws://",
  ],
  [
    "ws:// at a port for TLS",
    "ws",
    alerting,
    "the server speaks TLS on this port; use wss:// if it serves MQTT over WebSocket, or mqtts://",
  ],
  [
    "mqtts:// at a port without TLS",
    "mqtts",
    () => serve({ hostname: "127.0.0.1", port: 0 }),
    "the server does not speak TLS on this port; use mqtt://",
  ],
];

const COMMANDS = [
  ["connect"],
  ["pub", "-t", "a", "-m", "x"],
  ["sub", "-t", "a"],
  ["request", "-t", "a", "-m", "x"],
  ["respond", "-t", "a", "-m", "x"],
  ["retained", "-t", "a"],
];

for (const [what, scheme, listen, says] of CASES) {
  Deno.test(`${what} is told alike by the library and by all commands`, async () => {
    await using server = await listen();
    const url = `${scheme}://127.0.0.1:${server.port}`;
    const { message, kind, code } = await assertRejects(() => connect(url), ConnectionClosedError);
    assertStringIncludes(message, `Cannot connect to 127.0.0.1:${server.port}: ${says}`);
    assertEquals([kind, code], ["configuration", "wrong protocol"]);
    const permissions = [`--allow-net=127.0.0.1:${server.port}`];
    const results = await Promise.all(
      COMMANDS.map((command) => cliBare(permissions, [...command, url])),
    );
    assertEquals(
      results.map(({ exitCode, stderr }) => [exitCode, stderr]),
      COMMANDS.map(() => [1, `mqtt5: ${message}\n`]),
    );
  });
}
