// What one end sends the other gets, byte for byte, whatever the observer does; and what ends one
// side of the relay ends the other in the same way.

import { concat } from "jsr:@std/bytes@^1/concat";
import { assertEquals, assertMatch } from "@std/assert";
import type { Side } from "../../../src/monitor/mod.ts";
import { relay } from "../../../src/cli/inspect/relay.ts";
import { memoryTransports } from "../../../src/io/memory.ts";
import type { Transport } from "../../../src/io/transport.ts";

const BYTES = new Uint8Array(40).map((_, at) => 7 * at);

/** Two ends with a relay between them, and what the observer of that has heard. */
class Scene {
  readonly client: Transport;
  readonly server: Transport;
  readonly heard: { readonly [From in Side]: Uint8Array[] } = { client: [], server: [] };
  readonly ended: Side[] = [];
  readonly result: Promise<string | undefined>;

  constructor(first?: Uint8Array) {
    const [client, ofClient] = memoryTransports();
    const [server, ofServer] = memoryTransports();
    [this.client, this.server] = [client, server];
    this.result = relay({ client: ofClient, server: ofServer }, {
      pass: (from, bytes) => void this.heard[from].push(bytes.slice()),
      end: (from) => void this.ended.push(from),
    }, first);
  }
}

async function all(transport: Transport): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (let chunk = await transport.read(); chunk; chunk = await transport.read()) {
    chunks.push(chunk);
  }
  return concat(chunks);
}

Deno.test("bytes pass unchanged in both directions at every split", async () => {
  for (let at = 0; at <= BYTES.length; at++) {
    const scene = new Scene();
    const ends = [[scene.client, "client"], [scene.server, "server"]] as const;
    for (const [end] of ends) {
      for (const part of [BYTES.subarray(0, at), BYTES.subarray(at)]) {
        if (part.length > 0) await end.write(part);
      }
      await end.closeWrite();
    }
    assertEquals(await all(scene.server), BYTES);
    assertEquals(await all(scene.client), BYTES);
    assertEquals(await scene.result, undefined);
    for (const [, side] of ends) assertEquals(concat(scene.heard[side]), BYTES);
  }
});

Deno.test("what the client had sent before comes first", async () => {
  const scene = new Scene(new Uint8Array([1, 2]));
  await scene.client.write(new Uint8Array([3]));
  await scene.client.closeWrite();
  assertEquals(await all(scene.server), new Uint8Array([1, 2, 3]));
  scene.server.close();
  await scene.result;
  assertEquals(concat(scene.heard.client), new Uint8Array([1, 2, 3]));
});

for (const [first, second] of [["client", "server"], ["server", "client"]] as const) {
  Deno.test(`when the ${first} closes its direction, it still gets what the other sends`, async () => {
    const scene = new Scene();
    await scene[first].closeWrite();
    assertEquals(await scene[second].read(), undefined);
    await scene[second].write(BYTES);
    assertEquals(await scene[first].read(), BYTES);
    assertEquals(scene.ended, [first]);
    await scene[second].closeWrite();
    assertEquals(await scene[first].read(), undefined);
    assertEquals([await scene.result, scene.ended], [undefined, [first, second]]);
  });
}

/** An end that breaks. */
function broken(when: "read" | "write"): Transport & { closings: number } {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {});
  return {
    closings: 0,
    read: () =>
      when === "read"
        ? Promise.reject(new Error("Connection reset by peer (os error 104)"))
        : promise,
    write: () => Promise.reject(new Error("Broken pipe (os error 32)")),
    closeWrite: () => Promise.resolve(),
    close() {
      this.closings++;
      reject(new Error("closed"));
    },
  };
}

for (const side of ["client", "server"] as const) {
  Deno.test(`when the connection to the ${side} breaks, the other is closed, and it is told`, async () => {
    const [near, far] = memoryTransports();
    const end = broken("read");
    const other = side === "client" ? "server" : "client";
    const ends = { [side]: end, [other]: far } as Record<Side, Transport>;
    const result = relay(ends, { pass() {}, end() {} });
    assertEquals(await near.read(), undefined);
    assertEquals(await result, `the connection to the ${side} broke: connection reset by peer`);
    assertEquals(end.closings > 0, true);
  });
}

Deno.test("when bytes cannot be passed on, it is the other connection that broke", async () => {
  const [near, far] = memoryTransports();
  const result = relay({ client: far, server: broken("write") }, { pass() {}, end() {} });
  await near.write(BYTES);
  assertMatch((await result)!, /^the connection to the server broke: broken pipe$/);
});

Deno.test("the next chunk is read when the last one is written, whoever looks at it", async () => {
  const written = Promise.withResolvers<void>();
  const seen: string[] = [];
  const source: Transport = {
    read: () => {
      seen.push("read");
      return Promise.resolve(seen.length < 4 ? BYTES : undefined);
    },
    release: () => void seen.push("release"),
    write: () => Promise.resolve(),
    closeWrite: () => Promise.resolve(),
    close() {},
  };
  const [, far] = memoryTransports();
  const target: Transport = {
    read: () => far.read(),
    write: () => {
      seen.push("write");
      return written.promise;
    },
    closeWrite: () => Promise.resolve(),
    close: () => far.close(),
  };
  const result = relay({ client: source, server: target }, {
    pass: () => void seen.push("look"),
    end() {},
  });
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  assertEquals(seen, ["read", "write", "look"]);
  written.resolve();
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  assertEquals(seen.slice(0, 5), ["read", "write", "look", "release", "read"]);
  far.close();
  await result;
});

Deno.test("an end that has said all and is gone when it is told the same is no fault", async () => {
  const [client, ofClient] = memoryTransports();
  const [server, ofServer] = memoryTransports();
  const gone = { ...wrapped(ofClient), closeWrite: () => Promise.reject(new Error("broken pipe")) };
  const result = relay({ client: gone, server: ofServer }, { pass() {}, end() {} });
  await client.closeWrite();
  assertEquals(await all(server), new Uint8Array(0));
  await server.closeWrite();
  assertEquals(await result, undefined);
});

/** The same transport, of which parts can be replaced. */
function wrapped(transport: Transport): Transport {
  return {
    read: () => transport.read(),
    write: (bytes) => transport.write(bytes),
    closeWrite: () => transport.closeWrite(),
    close: () => transport.close(),
  };
}
