// The Mosquitto of the tests listens wherever it is told to, and again after it was killed.

import { assert, assertRejects, assertStrictEquals } from "@std/assert";
import { encodePacket } from "../../src/packets/mod.ts";
import { certificateAuthority } from "./certificates.ts";
import { everyListener } from "./mosquitto_listeners.ts";
import { mosquittoTest, mosquittoTlsTest, startMosquitto } from "./mosquitto.ts";

const CONNECT = encodePacket({ type: "connect" });
const UPGRADE = new TextEncoder().encode([
  "GET /mqtt HTTP/1.1",
  "Host: localhost",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
  "Sec-WebSocket-Protocol: mqtt",
  "\r\n",
].join("\r\n"));

/** The first part of the answer. */
async function ask(connection: Deno.Conn, bytes: Uint8Array): Promise<string> {
  using open = connection;
  await open.write(bytes);
  const answer = new Uint8Array(1024);
  const count = await open.read(answer) ?? 0;
  return new TextDecoder("latin1").decode(answer.subarray(0, count));
}

mosquittoTlsTest("Mosquitto listens everywhere, and again when it was killed", async () => {
  const authority = await certificateAuthority();
  const caCerts = [authority.cert];
  await using server = await startMosquitto({ listeners: await everyListener() });
  const { ports } = server;
  const hostname = "localhost";
  const tls = (port: number, own = {}) => Deno.connectTls({ hostname, port, caCerts, ...own });
  for (const _ of ["started", "started again"]) {
    assertStrictEquals((await ask(await tls(ports.mqtts), CONNECT)).charCodeAt(0), 0x20);
    const tcp = await Deno.connect({ port: ports.ws });
    for (const connection of [tcp, await tls(ports.wss)]) {
      assertStrictEquals((await ask(connection, UPGRADE)).slice(0, 12), "HTTP/1.1 101");
    }
    const own = await tls(ports.mutual, await authority.client());
    assertStrictEquals((await ask(own, CONNECT)).charCodeAt(0), 0x20);
    const none = await tls(ports.mutual);
    await assertRejects(() => ask(none, CONNECT), Error, "CertificateRequired");
    await server.stop("SIGKILL");
    await server.start();
  }
});

mosquittoTest("Mosquitto listens on a Unix socket, and again when it was killed", async () => {
  await using server = await startMosquitto({ listeners: { unix: { protocol: "mqtt+unix" } } });
  const args = ["--unix", new URL(server.urls.unix).pathname, "-t", "a", "-m", "b", "-q", "1"];
  for (const _ of ["started", "started again"]) {
    const { success } = await new Deno.Command("mosquitto_pub", { args }).output();
    assert(success);
    await server.stop("SIGKILL");
    await server.start();
  }
});
