// The odd TLS servers of the tests are as odd as they are said to be.

import { assertRejects, assertStrictEquals } from "@std/assert";
import {
  type CertificateAuthority,
  certificateAuthority,
  opensslTest,
  otherAuthority,
} from "./certificates.ts";
import { type OpensslServerOptions, startOpensslServer, UNKNOWN_CIPHER } from "./openssl_server.ts";
import { silentServer } from "./silent_server.ts";

type Options = Omit<OpensslServerOptions, "certificate">;

/** Connects by TLS, writes a byte, and shuts down; a server that takes it all just closes, too. */
async function visit(
  options: Options,
  own: Partial<Deno.ConnectTlsOptions> & Partial<Deno.TlsCertifiedKeyPem> = {},
): Promise<string | null> {
  const authority = await certificateAuthority();
  const certificate = await authority.server();
  await using server = await startOpensslServer({ certificate, ...options });
  using client = await Deno.connectTls({
    ...{ hostname: "localhost", port: server.port, caCerts: [authority.cert] },
    ...own,
  });
  const { alpnProtocol } = await client.handshake();
  await client.write(new Uint8Array([0x30]));
  await client.closeWrite();
  while (await client.read(new Uint8Array(1024)) !== null);
  return alpnProtocol;
}

opensslTest(
  "A server of openssl's answers by ALPN, or refuses what it does not speak",
  async () => {
    const alpn = ["mqtt", "x-amzn-mqtt-ca"];
    assertStrictEquals(
      await visit({ alpn }, { alpnProtocols: ["x-amzn-mqtt-ca"] }),
      "x-amzn-mqtt-ca",
    );
    assertStrictEquals(await visit({}, { alpnProtocols: ["mqtt"] }), null);
    const other = () => visit({ alpn }, { alpnProtocols: ["http/1.1"] });
    await assertRejects(other, Error, "NoApplicationProtocol");
  },
);

opensslTest("A server of openssl's speaks an old version alone", async () => {
  await assertRejects(() => visit({ version: "1.1" }), Error, "ProtocolVersion");
});

opensslTest("A server of openssl's knows no cipher that Deno knows", async () => {
  const options = { version: "1.2", args: UNKNOWN_CIPHER } as const;
  await assertRejects(() => visit(options), Error, "HandshakeFailure");
});

for (const version of ["1.2", "1.3"] as const) {
  opensslTest(`A server of openssl's wants client certificates in TLS ${version}`, async () => {
    const clients = await certificateAuthority();
    const options = { version, clients };
    const by = async (authority: CertificateAuthority) => ({ ...await authority.client() });
    assertStrictEquals(await visit(options, await by(clients)), null);
    await assertRejects(() => visit(options), Error, "received fatal alert");
    const other = await by(await otherAuthority());
    await assertRejects(() => visit(options, other), Error, "UnknownCA");
  });
}

Deno.test("A silent server takes connections and says nothing", async () => {
  await using server = silentServer();
  using client = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await client.write(new Uint8Array(1));
  const read = client.read(new Uint8Array(1)).then(() => "answered", () => "closed");
  const turn = new Promise((resolve) => setTimeout(resolve, 0, "silent"));
  assertStrictEquals(await Promise.race([read, turn]), "silent");
  client.close();
  assertStrictEquals(await read, "closed");
});
