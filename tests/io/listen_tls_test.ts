// Listening for TLS, below the broker.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { dial } from "../../src/io/dial.ts";
import { type Accepted, usernameFrom } from "../../src/io/listen.ts";
import { listenTls } from "../../src/io/listen_tls.ts";
import { TcpTransport } from "../../src/io/tcp.ts";
import type { Transport } from "../../src/io/transport.ts";
import { certificateAuthority, opensslTest } from "./certificates.ts";

opensslTest("a client over TLS that says no more is still told something", async () => {
  const authority = await certificateAuthority();
  const accepted = Promise.withResolvers<Accepted>();
  const listener = await listenTls({
    ...await authority.server(),
    ...{ hostname: "127.0.0.1", port: 0, clientCertificate: "none", alpn: ["mqtt"] },
    ...{ handshakeTimeout: 10_000, handshakes: 1 },
  }, accepted.resolve);
  const client = new TcpTransport(
    await Deno.connectTls({
      ...{ hostname: "127.0.0.1", port: listener.port, caCerts: [authority.cert] },
    }),
  );
  await client.write(Uint8Array.of(1));
  await client.closeWrite();
  const { transport } = await accepted.promise;
  assertEquals(await transport.read(), Uint8Array.of(1));
  assertEquals(await transport.read(), undefined);
  // It is there when the other end reads it, and not cut off.
  await transport.write(Uint8Array.of(2));
  await transport.closeWrite();
  assertEquals(await client.read(), Uint8Array.of(2));
  assertEquals(await client.read(), undefined);
  client.close();
  transport.close();
  await listener.close();
});

opensslTest("neither end of TLS reads what nobody asks for, and both read on", async () => {
  const authority = await certificateAuthority();
  const accepted = Promise.withResolvers<Accepted>();
  const listener = await listenTls({
    ...await authority.server(),
    ...{ hostname: "127.0.0.1", port: 0, clientCertificate: "require", ca: authority.cert },
    ...{ alpn: ["mqtt"], handshakeTimeout: 10_000, handshakes: 1 },
  }, accepted.resolve);
  const { port } = listener;
  // With a certificate, so that its TLS is that of Node's modules, too.
  const tls = { ca: authority.cert, ...await authority.client() };
  const client = await dial(
    { scheme: "mqtts", hostname: "localhost", port, path: "", address: `localhost:${port}`, tls },
    { signal: AbortSignal.timeout(10_000) },
  );
  const { transport: server } = await accepted.promise;
  for (const [writer, reader] of [[client, server], [server, client]] as const) {
    const { written, last } = await fill(writer);
    let left = written;
    while (left > 0) left -= (await reader.read())!.length;
    await last;
  }
  client.close();
  server.close();
  await listener.close();
});

opensslTest("who is refused for too many handshakes never begins one", async () => {
  const authority = await certificateAuthority();
  let begun = 0;
  let ended = 0;
  const listener = await listenTls({
    ...await authority.server(),
    ...{ hostname: "127.0.0.1", port: 0, clientCertificate: "none", alpn: ["mqtt"] },
    ...{ handshakeTimeout: 600_000, handshakes: 10 },
    onHandshake: () => ++begun <= 2,
    onHandshakeEnded: () => ended++,
  }, () => {});
  const dial = () => Deno.connect({ hostname: "127.0.0.1", port: listener.port });
  const [first, second, third] = [await dial(), await dial(), await dial()];
  assertEquals(await third.read(new Uint8Array(1)).catch(() => null), null);
  assertEquals([begun, ended], [3, 0]);
  third.close();
  first.close();
  second.close();
  while (ended < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  await listener.close();
  assertEquals(ended, 2);
});

opensslTest("handshakes that are broken off leave nothing behind", async () => {
  const { cert, key } = await (await certificateAuthority()).server();
  const program = new URL("broken_handshakes.ts", import.meta.url).pathname;
  const flags = "--v8-flags=--expose-gc";
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-net=127.0.0.1", flags, program, cert, key],
    stderr: "inherit",
  }).output();
  // With a timer that holds each it was 6500 bytes and more.
  assert(Number(new TextDecoder().decode(stdout)) < 1000);
});

/** Writes until no more is taken: what has been written, with the write that waits. */
async function fill(writer: Transport): Promise<{ written: number; last: Promise<void> }> {
  const chunk = new Uint8Array(65_536);
  for (let written = 0; written < 64 * 1_048_576;) {
    const last = writer.write(chunk);
    written += chunk.length;
    const { promise: full, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(resolve, 500, true);
    const isFull = await Promise.race([last.then(() => false), full]);
    clearTimeout(timer);
    if (isFull) return { written, last };
  }
  throw new Error("All is taken, and nothing has been read");
}

Deno.test("a Common Name with a character that no User Name has is none", () => {
  const certificateOf = (name: string) => ({
    ...{ subject: { CN: name }, subjectText: `CN=${name}`, issuer: {}, issuerText: "" },
    ...{ serialNumber: "1", fingerprint256: "" },
  });
  assertStrictEquals(usernameFrom(certificateOf("a"), "common name"), "a");
  assertStrictEquals(usernameFrom(certificateOf("admin\0.example"), "common name"), "");
  assertStrictEquals(usernameFrom(certificateOf("a"), "subject"), "CN=a");
  assertStrictEquals(usernameFrom(certificateOf("a"), undefined), undefined);
  assertStrictEquals(usernameFrom(undefined, "common name"), "");
});
