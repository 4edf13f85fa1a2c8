// Listening for TLS, below the broker.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { type Accepted, usernameFrom } from "../../src/io/listen.ts";
import { listenTls } from "../../src/io/listen_tls.ts";
import { TcpTransport } from "../../src/io/tcp.ts";
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
