// The servers that are as those of the clouds let in whom they should, and nobody else. Who knocks
// here is no client of ours, but Deno's TLS and a CONNECT.

import { assertEquals, assertRejects } from "@std/assert";
import { TcpTransport } from "../../src/io/tcp.ts";
import type { Transport } from "../../src/io/transport.ts";
import { openWebSocket } from "../../src/io/websocket_client.ts";
import { type ConnectPacket, encodePacket, PacketDecoder } from "../../src/packets/mod.ts";
import { opensslTest, otherAuthority } from "../io/certificates.ts";
import {
  awsIot,
  awsIotAuthorizer,
  awsIotOn443,
  awsIotSigned,
  awsIotToken,
  azureEventGrid,
  type Cloud,
  hivemqCloud,
} from "./cloud.ts";

/** What of the options a client leaves out, or has in another way. */
interface Change {
  readonly hostname?: string;
  readonly url?: string;
  readonly tls?: Readonly<Record<string, unknown>>;
  readonly username?: string;
  readonly password?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The Reason Code of the CONNACK. */
async function enter({ url: given, options, server }: Cloud, change: Change): Promise<number> {
  const { hostname = "localhost", url = given } = change;
  const { username, password, headers } = { ...options, ...change };
  const { ca, alpn, ...certificate } = { ...options.tls, ...change.tls };
  const connection = await Deno.connectTls({
    ...{ hostname, port: server.port, caCerts: [ca] },
    ...(certificate.cert !== undefined && certificate),
    ...(alpn !== undefined && { alpnProtocols: [alpn] }),
  });
  const tcp = new TcpTransport(connection);
  try {
    await connection.handshake();
    const { protocol, host, pathname, search } = new URL(url);
    const transport = protocol === "wss:"
      ? await openWebSocket(tcp, { host, target: pathname + search, ...(headers && { headers }) })
      : tcp;
    return await shakeHands(transport, {
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password: new TextEncoder().encode(password) }),
    });
  } finally {
    tcp.close();
  }
}

async function shakeHands(
  transport: Transport,
  credentials: Partial<Pick<ConnectPacket, "username" | "password">>,
): Promise<number> {
  await transport.write(encodePacket({ type: "connect", ...credentials }));
  const decoder = new PacketDecoder();
  for (let chunk; (chunk = await transport.read()) !== undefined;) {
    decoder.push(chunk);
    const packet = decoder.next();
    if (packet?.type === "connack") return packet.reasonCode;
  }
  throw new Error("closed");
}

interface Case {
  readonly start: () => Promise<Cloud>;
  /** How not to get in: a Reason Code, or part of a message. */
  readonly wrong: Readonly<
    Record<string, readonly [Change | (() => Promise<Change>), number | string]>
  >;
  /** What is known of who got in. */
  readonly visit: { commonName?: string; alpn?: string; target?: string };
}

const noCertificate = { tls: { cert: undefined, key: undefined } };
const ofOther = async () => ({ tls: { ...await (await otherAuthority()).client() } });
/** Deno's server says nothing to one whose certificate it does not know; the clouds do. */
const CLOSED = "without sending TLS close_notify";
const CLOSED_AT_ONCE = "unexpected end of file";

const cases: Readonly<Record<string, Case>> = {
  "HiveMQ and EMQX": {
    start: () => hivemqCloud(),
    wrong: {
      "another password": [{ password: "wrong" }, 0x86],
      "another user": [{ username: "wrong" }, 0x86],
      "no server name": [{ hostname: "127.0.0.1" }, CLOSED_AT_ONCE],
    },
    visit: {},
  },
  "HiveMQ and EMQX by wss": {
    start: () => hivemqCloud("wss"),
    wrong: {
      "another password": [{ password: "wrong" }, 0x86],
      "another path": [{ url: "wss://localhost/other" }, "403"],
    },
    visit: { target: "/mqtt" },
  },
  "AWS with a certificate": {
    start: awsIot,
    wrong: {
      "no certificate": [noCertificate, "CertificateRequired"],
      "a certificate of another authority": [ofOther, CLOSED],
      "no server name": [{ hostname: "127.0.0.1" }, CLOSED_AT_ONCE],
    },
    visit: { commonName: "device-7" },
  },
  "AWS with a certificate on 443": {
    start: awsIotOn443,
    wrong: {
      "no certificate": [noCertificate, "CertificateRequired"],
      "no protocol": [{ tls: { alpn: undefined } }, ""],
      "another protocol": [{ tls: { alpn: "mqtt" } }, "NoApplicationProtocol"],
    },
    visit: { commonName: "device-7", alpn: "x-amzn-mqtt-ca" },
  },
  "AWS with an authorizer": {
    start: awsIotAuthorizer,
    wrong: {
      "no protocol": [{ tls: { alpn: undefined } }, ""],
      "no authorizer": [{ username: "device-7" }, 0x87],
      "another password": [{ password: "wrong" }, 0x87],
    },
    visit: { alpn: "mqtt" },
  },
  "AWS with a token": {
    start: awsIotToken,
    wrong: { "no token": [{ headers: {} }, "403"] },
    visit: { target: "/mqtt" },
  },
  "AWS with a signed URL": {
    start: awsIotSigned,
    wrong: { "no signature": [{ url: "wss://localhost/mqtt" }, "403"] },
    visit: {},
  },
  "Azure Event Grid": {
    start: azureEventGrid,
    wrong: {
      "no certificate": [noCertificate, "CertificateRequired"],
      "another name": [{ username: "device-8" }, 0x87],
    },
    visit: { commonName: "device-7" },
  },
};

for (const [name, { start, wrong, visit }] of Object.entries(cases)) {
  opensslTest(`A server like ${name} lets in who comes as it wants`, async () => {
    await using cloud = await start();
    assertEquals(await enter(cloud, {}), 0);
    const [seen] = cloud.server.visits;
    assertEquals({ ...seen!, ...visit }, seen!);
    assertEquals(seen!.serverName, "localhost");
    assertEquals(cloud.server.refusals, []);
  });

  for (const [what, [change, outcome]] of Object.entries(wrong)) {
    opensslTest(`A server like ${name} does not let in who comes with ${what}`, async () => {
      await using cloud = await start();
      const entering = enter(cloud, typeof change === "function" ? await change() : change);
      if (typeof outcome === "number") assertEquals(await entering, outcome);
      else await assertRejects(() => entering, Error, outcome);
      assertEquals(cloud.server.visits, []);
      assertEquals(cloud.server.refusals.length, 1);
    });
  }
}

opensslTest("A signed URL is good once, and then another is", async () => {
  await using cloud = await awsIotSigned();
  assertEquals(await enter(cloud, {}), 0);
  await assertRejects(() => enter(cloud, {}), Error, "403");
  assertEquals(await enter(cloud, { url: cloud.sign() }), 0);
  assertEquals(cloud.server.refusals, ["signature"]);
});
