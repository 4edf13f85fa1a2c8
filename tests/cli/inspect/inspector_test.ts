// The relay over sockets: half-closed connections, servers that cannot be reached, and an end that
// does not read, which slows the other end instead of filling the memory.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Inspector } from "../../../src/cli/inspect/inspector.ts";
import type { Entry } from "../../../src/cli/inspect/link_observer.ts";
import { Observer } from "../../../src/cli/inspect/observer.ts";
import { OPTION_NAMES } from "../../../src/io/fault_texts.ts";
import { withinPatience } from "../../interop/interop.ts";
import { bytesOf } from "../../hex.ts";
import { freePort } from "../../io/mosquitto.ts";

const MIB = 1_048_576;

/** A relay to a port of this machine. */
class Scene implements AsyncDisposable {
  readonly observer = new Observer();
  readonly refused: string[] = [];
  readonly #told = Promise.withResolvers<void>();
  /** Resolves when a client was refused. */
  readonly told = this.#told.promise;
  readonly #inspector: Inspector;
  readonly #cursor = this.observer.follow();

  constructor(port: number, scheme: "mqtt" | "ws" = "mqtt", patience?: number) {
    const address = `127.0.0.1:${port}`;
    this.#inspector = new Inspector({
      destination: { scheme, hostname: "127.0.0.1", port, path: "", address },
      ...patience !== undefined && { patience },
      observer: this.observer,
      names: OPTION_NAMES,
      onRefused: (message) => {
        this.refused.push(message);
        this.#told.resolve();
      },
    });
  }

  async connect(protocol: "mqtt" | "ws" = "mqtt"): Promise<Deno.TcpConn> {
    const { port } = await this.#inspector.listen({ protocol, port: 0 });
    return await Deno.connect({ hostname: "127.0.0.1", port });
  }

  /** What was observed up to an entry of this type. */
  async until(type: Entry["type"]): Promise<Entry> {
    while (await this.#cursor.more()) {
      const [entry] = this.#cursor.take(1).entries;
      if (entry?.type === type) return entry;
    }
    throw new Error(`There is no ${type}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inspector.close();
  }
}

async function all(connection: Deno.TcpConn): Promise<Uint8Array> {
  return await new Response(connection.readable).bytes();
}

Deno.test("an end that has closed its direction gets what the other end sends after that", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using scene = new Scene(listener.addr.port);
  const [client, server] = await Promise.all([scene.connect(), listener.accept()]);
  await client.write(bytesOf("C0 00"));
  await client.closeWrite();
  const buffer = new Uint8Array(10);
  assertEquals(await server.read(buffer), 2);
  assertEquals(await server.read(buffer), null);
  await server.write(bytesOf("D0 00"));
  server.close();
  assertEquals(await withinPatience(all(client)), bytesOf("D0 00"));
  const entry = await scene.until("closed");
  assertEquals(entry.type === "closed" && entry.fault, undefined);
});

Deno.test("a server that cannot be reached is told, and the client is closed", async () => {
  const port = freePort();
  await using scene = new Scene(port);
  const client = await scene.connect();
  assertEquals(await all(client), new Uint8Array(0));
  const entry = await scene.until("closed");
  assertMatch(
    entry.type === "closed" && entry.fault || "",
    new RegExp(`^Cannot connect to 127\\.0\\.0\\.1:${port}: connection refused`),
  );
});

Deno.test("a server that does not open its WebSocket in time is given up", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  await using scene = new Scene(port, "ws", 50);
  const [client, server] = await Promise.all([scene.connect(), listener.accept()]);
  assertEquals(await withinPatience(all(client)), new Uint8Array(0));
  server.close();
  const entry = await scene.until("closed");
  assertEquals(
    entry.type === "closed" && entry.fault,
    `Cannot connect to 127.0.0.1:${port}: no connection within 0.05 s`,
  );
});

Deno.test("a client that does not open its WebSocket in time is refused, and that is said", async () => {
  await using scene = new Scene(freePort(), "mqtt", 50);
  const client = await scene.connect("ws");
  await withinPatience(all(client));
  await withinPatience(scene.told);
  assertMatch(
    scene.refused.join(),
    /^127\.0\.0\.1:\d+: nothing came through a WebSocket within 0\.05 s$/,
  );
  assertEquals(scene.observer.counts.connections, 0);
});

Deno.test("a client that opens its WebSocket and says nothing is closed in time", async () => {
  await using scene = new Scene(freePort(), "mqtt", 50);
  const client = await scene.connect("ws");
  const fields = ["Host: a", "Upgrade: websocket", "Connection: Upgrade"];
  const secure = ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: mqtt"];
  const lines = [
    "GET / HTTP/1.1",
    ...fields,
    ...secure,
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
  ];
  await client.write(new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`));
  const answer = new TextDecoder().decode(await withinPatience(all(client)));
  assertMatch(answer, /^HTTP\/1\.1 101 /);
  assertEquals(scene.observer.counts.connections, 0);
});

Deno.test("a server that speaks another protocol is passed on, and shown as that", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using scene = new Scene(listener.addr.port);
  const [client, server] = await Promise.all([scene.connect(), listener.accept()]);
  const greeting = new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n");
  await server.write(greeting);
  server.close();
  assertEquals(await withinPatience(all(client)), greeting);
  const entry = await scene.until("packet");
  assert(entry.type === "packet" && !entry.isPacket && entry.from === "server");
});

Deno.test("64 MiB pass unchanged to a slow server, which slows the client", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using scene = new Scene(listener.addr.port);
  const [client, server] = await Promise.all([scene.connect(), listener.accept()]);
  // A PUBLISH of a megabyte, again and again.
  const packet = new Uint8Array(MIB);
  packet.set(bytesOf("30 FC FF 3F 0001 61 00"));
  const sending = (async () => {
    for (let count = 0; count < 64; count++) {
      for (let at = 0; at < MIB;) at += await client.write(packet.subarray(at));
    }
    await client.closeWrite();
  })();
  let received = 0;
  let ahead = 0;
  const buffer = new Uint8Array(262_144);
  const read = () => withinPatience(server.read(buffer));
  for (let count = await read(); count !== null; count = await read()) {
    for (let at = 0; at < count; at += 4099) {
      assertEquals(buffer[at], packet[(received + at) % MIB]);
    }
    received += count;
    ahead = Math.max(ahead, scene.observer.counts.bytes - received);
    // The others have a turn.
    await new Promise((resolve) => setTimeout(resolve));
  }
  await withinPatience(sending);
  server.close();
  await scene.until("closed");
  client.close();
  assertEquals(received, 64 * MIB);
  assert(ahead < 24 * MIB, `The relay has read ${ahead} bytes that the server has not`);
  const { packets, bytes } = scene.observer.counts;
  assertEquals([packets, bytes], [64, 64 * MIB]);
});
