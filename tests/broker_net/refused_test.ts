// Connections that are refused before anything of MQTT is said: by TLS, and by WebSocket.

import { assertEquals, assertMatch } from "@std/assert";
import { connect } from "../../mod.ts";
import type { Refusal, ServeOptions } from "../../src/broker/mod.ts";
import { EXPIRED, otherAuthority } from "../io/certificates.ts";
import { brokerTest, until } from "./broker_net.ts";
import { Peer } from "./peer.ts";
import { type Credentials, tlsTest } from "./secure.ts";

/** Options, and what `onRefused` is told. */
function told(options: ServeOptions): { options: ServeOptions; refusals: Refusal[] } {
  const refusals: Refusal[] = [];
  return { options: { ...options, onRefused: (refusal) => void refusals.push(refusal) }, refusals };
}

const WEBSOCKET = told({ protocol: "ws", websocketPath: "/mqtt" });

brokerTest(
  "A WebSocket that is refused is told to onRefused(), with the reason",
  async (broker) => {
    const { refusals } = WEBSOCKET;
    const { port } = broker;
    for (const path of ["/other", "/mqtt"]) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      await response.body?.cancel();
    }
    using peer = await Peer.dial(broker);
    await peer.send({ type: "connect" });
    await peer.ended();
    await connect(`wss://127.0.0.1:${port}/mqtt`, { reconnect: false }).catch(() => {});
    await until(() => refusals.length === 4);
    assertEquals(refusals.map(({ why, message, listener }) => [why, message, listener]), [
      ["handshake", "the WebSocket was refused: The path must be /mqtt", broker.url],
      [
        "handshake",
        "the WebSocket was refused: This is an MQTT server: connect by WebSocket",
        broker.url,
      ],
      [
        "handshake",
        "the WebSocket was refused: This port speaks WebSocket: connect by ws:// or wss://",
        broker.url,
      ],
      [
        "handshake",
        "the WebSocket was refused: This port speaks WebSocket without TLS: connect by ws://",
        broker.url,
      ],
    ]);
    for (const { address } of refusals) assertMatch(address, /^127\.0\.0\.1:[1-9]\d*$/);
  },
  WEBSOCKET.options,
);

const refusals: Refusal[] = [];

tlsTest("A TLS handshake that fails is told to onRefused(), with the reason", async (broker) => {
  {
    using peer = await Peer.dial(broker);
    await peer.send({ type: "connect" });
    await peer.ended();
  }
  await until(() => refusals.length === 1);
  // It knows nobody who has signed the broker's certificate.
  await connect(broker.url, { reconnect: false }).catch(() => {});
  await until(() => refusals.length === 2);
  const [plain, unknown] = refusals;
  assertEquals([plain!.why, plain!.message], ["handshake", "the client does not speak TLS"]);
  assertEquals([plain!.listener, plain!.client], [broker.url, undefined]);
  assertMatch(plain!.address, /^127\.0\.0\.1:[1-9]\d*$/);
  assertEquals(unknown!.why, "handshake");
  assertEquals(
    unknown!.message,
    "the client does not accept the broker's certificate: unknown authority",
  );
}, ({ cert, key }: Credentials) => ({
  protocol: "mqtts",
  port: 0,
  cert,
  key,
  onRefused: (refusal) => void refusals.push(refusal),
}));

const unproven: Refusal[] = [];

tlsTest(
  "A client without a certificate, or with one that is not valid, is refused with the reason",
  async (broker, { ca, authority }) => {
    const stranger = await (await otherAuthority()).client();
    const expired = await authority.client(EXPIRED);
    const invalid = "the client's certificate is not valid: it has expired, or its authority is " +
      "not trusted here";
    for (const certificate of [{}, stranger, expired]) {
      const count = unproven.length;
      const tls = { ca, ...certificate };
      await connect(broker.url, { reconnect: false, tls }).catch(() => {});
      await until(() => unproven.length > count);
    }
    assertEquals(unproven.map(({ why, message }) => [why, message]), [
      ["handshake", "the client sent no certificate"],
      ["handshake", invalid],
      ["handshake", invalid],
    ]);
  },
  ({ cert, key, ca }: Credentials) => ({
    protocol: "mqtts",
    port: 0,
    cert,
    key,
    ca,
    clientCertificate: "require",
    onRefused: (refusal) => void unproven.push(refusal),
  }),
);

const late: Refusal[] = [];

tlsTest(
  "Who does not end the TLS handshake in time, or comes beside too many, is refused",
  async (broker) => {
    using silent = await Peer.dial(broker);
    using second = await Peer.dial(broker);
    await second.ended();
    await silent.ended();
    await until(() => late.length === 2);
    assertEquals(late.map(({ why, message }) => [why, message]), [
      ["limit", "the broker has no room for another TLS handshake"],
      ["timeout", "the TLS handshake did not end in time"],
    ]);
  },
  ({ cert, key }: Credentials) => ({
    protocol: "mqtts",
    port: 0,
    cert,
    key,
    limits: { connectTimeout: 200, connections: 1 },
    onRefused: (refusal) => void late.push(refusal),
  }),
);
