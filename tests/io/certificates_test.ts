// The certificates of the tests are what they are said to be: Deno's TLS takes the good ones, and
// says what is wrong with each of the others.

import { assert, assertRejects, assertStrictEquals } from "@std/assert";
import {
  type Certificate,
  certificateAuthority,
  COMMON_NAME_ONLY,
  EXPIRED,
  IP_ONLY,
  NOT_YET_VALID,
  opensslTest,
  otherAuthority,
  selfSigned,
  WRONG_HOST,
} from "./certificates.ts";

/** A handshake with a server that has this certificate, by a client that trusts the authority. */
async function shakeHands(certificate: Certificate, hostname = "localhost"): Promise<void> {
  const { cert } = await certificateAuthority();
  using listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...certificate });
  const { port } = listener.addr;
  const accepted = listener.accept().then(async (server) => {
    using _ = server;
    await server.handshake().catch(() => {});
  });
  try {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    using client = await Deno.startTls(connection, { hostname, caCerts: [cert] });
    await client.handshake();
  } finally {
    await accepted;
  }
}

for (const hostname of ["localhost", "127.0.0.1", "::1"]) {
  opensslTest(`A good certificate is good for ${hostname}`, async () => {
    await shakeHands(await (await certificateAuthority()).server(), hostname);
  });
}

opensslTest("A certificate behind an intermediate authority is good", async () => {
  const authority = await (await certificateAuthority()).intermediate();
  const certificate = await authority.server();
  assertStrictEquals(certificate.cert.match(/BEGIN CERTIFICATE/g)?.length, 2);
  await shakeHands(certificate);
});

opensslTest("A certificate for an IP address is good for that and not for a name", async () => {
  const certificate = await (await certificateAuthority()).server(IP_ONLY);
  await shakeHands(certificate, "127.0.0.1");
  await assertRejects(() => shakeHands(certificate), Error, "not valid for name");
});

const bad = {
  "an expired certificate": [EXPIRED, "certificate expired"],
  "a certificate not yet valid": [NOT_YET_VALID, "not valid yet"],
  "a certificate of another host": [WRONG_HOST, "other.example"],
  "a certificate with only a Common Name": [COMMON_NAME_ONLY, "not valid for any names"],
} as const;

for (const [name, [options, message]] of Object.entries(bad)) {
  opensslTest(`What is wrong with ${name} is said`, async () => {
    const certificate = await (await certificateAuthority()).server(options);
    await assertRejects(() => shakeHands(certificate), Error, message);
  });
}

opensslTest("A certificate of another authority is not trusted", async () => {
  const certificate = await (await otherAuthority()).server();
  await assertRejects(() => shakeHands(certificate), Error, "UnknownIssuer");
});

opensslTest("A certificate that plain openssl req -x509 makes is an authority's", async () => {
  const { cert, key } = await selfSigned();
  using listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
  const accepted = listener.accept().then(async (server) => {
    using _ = server;
    await server.handshake().catch(() => {});
  });
  using client = await Deno.connectTls({
    hostname: "localhost",
    port: listener.addr.port,
    caCerts: [cert],
  });
  await assertRejects(() => client.handshake(), Error, "CaUsedAsEndEntity");
  await accepted;
});

opensslTest("What is asked for twice is made once", async () => {
  const authority = await certificateAuthority();
  assertStrictEquals(await certificateAuthority(), authority);
  assertStrictEquals(await authority.server({ ...EXPIRED }), await authority.server(EXPIRED));
  assert(await authority.client() !== await authority.client(EXPIRED));
});
