// Whatever `connect()` takes in the place of a URL: byte streams, connections, what opens them, lists
// and functions; and TLS by another name, without looking at it, and with protocols.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { type Client, connect, ConnectionClosedError, type ServerSource } from "../../mod.ts";
import { serve } from "../../src/broker/mod.ts";
import {
  certificateAuthority,
  certificateFiles,
  opensslTest,
  otherAuthority,
} from "../io/certificates.ts";
import { startOpensslServer } from "../io/openssl_server.ts";
import { once, QUICKLY, take, textsOf } from "./interop.ts";

/** What a client publishes comes back to it. */
async function assertWorks(client: Client): Promise<void> {
  const news = await client.subscribe("news", { qos: 2 });
  for (const qos of [0, 1, 2] as const) await client.publish("news", `of QoS ${qos}`, { qos });
  await client.publish("news", "x".repeat(200_000), { qos: 1 });
  assertEquals(textsOf(await take(news, 4)), [
    ...["of QoS 0", "of QoS 1", "of QoS 2"],
    "x".repeat(200_000),
  ]);
  await client.unsubscribe("news");
}

const SINGLE: readonly (readonly [what: string, open: (port: number) => Promise<ServerSource>])[] =
  [
    ["a connection of Deno's", (port) => Deno.connect({ hostname: "127.0.0.1", port })],
    ["streams", async (port) => {
      const { readable, writable } = await Deno.connect({ hostname: "127.0.0.1", port });
      return { readable, writable };
    }],
  ];

for (const [what, open] of SINGLE) {
  Deno.test(`A client over ${what} works, and ends when that is lost, for it is there once [MQTT-4.2.0-1]`, async () => {
    await using broker = await serve({ port: 0 });
    await using client = await connect(await open(broker.port), { reconnect: QUICKLY });
    await assertWorks(client);
    let attempts = 0;
    client.addEventListener("reconnecting", () => attempts++);
    const lost = once(client, "disconnected");
    await broker.shutDown();
    assertStrictEquals((await lost).willReconnect, false);
    const error = await client.closed;
    assertEquals([error?.kind, error?.reasonCode, attempts], ["transient", 0x8b, 0]);
    await assertRejects(() => client.publish("news", ""), ConnectionClosedError);
  });

  Deno.test(`A client over ${what} disconnects, and lets go of it`, async () => {
    await using broker = await serve({ port: 0 });
    const client = await connect(await open(broker.port));
    await client.disconnect();
    assertStrictEquals(await client.closed, undefined);
  });
}

Deno.test("A stream whose other end is no server of MQTT rejects, and is let go of", async () => {
  const incoming = new TransformStream<Uint8Array, Uint8Array>();
  const outgoing = new TransformStream<Uint8Array, Uint8Array>();
  const far = incoming.writable.getWriter();
  const connecting = connect({ readable: incoming.readable, writable: outgoing.writable });
  await outgoing.readable.getReader().read();
  void far.write(new TextEncoder().encode("SSH-2.0-OpenSSH_9.2\r\n")).catch(() => {});
  const error = await assertRejects(() => connecting, ConnectionClosedError);
  assertStrictEquals(error.kind, "protocol");
  await assertRejects(() => far.closed);
});

Deno.test("What opens connections is asked for another when one is lost, and told when none is wanted", async () => {
  await using broker = await serve({ listeners: [] });
  const signals: AbortSignal[] = [];
  const transports: { close(): void }[] = [];
  const source = {
    connect({ signal }: { readonly signal: AbortSignal }) {
      signals.push(signal);
      const transport = broker.connect();
      transports.push(transport);
      return transport;
    },
  };
  await using client = await connect(source, { reconnect: QUICKLY });
  await assertWorks(client);
  const again = once(client, "connected");
  transports[0]!.close();
  await again;
  await assertWorks(client);
  assertEquals(signals.map(({ aborted }) => aborted), [false, false]);

  const hangs = Promise.withResolvers<AbortSignal>();
  const late = {
    connect({ signal }: { readonly signal: AbortSignal }) {
      hangs.resolve(signal);
      return new Promise<never>(() => {});
    },
  };
  const error = await assertRejects(
    () => connect(late, { connectTimeout: 50 }),
    ConnectionClosedError,
    "within 50 ms",
  );
  const { aborted, reason } = await hangs.promise;
  assertEquals([aborted, reason], [true, error]);
  assertStrictEquals(error.code, "timeout");
});

opensslTest(
  "Servers of different schemes are tried in turn, now and when the connection is lost",
  async () => {
    const authority = await certificateAuthority();
    const certificate = await authority.server();
    await using first = await serve({ protocol: "wss", port: 0, ...certificate });
    await using second = await serve({ port: 0 });
    const none = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    none.close();
    const tls = { ca: authority.cert };
    const servers = [
      `mqtts://localhost:${none.addr.port}`,
      { url: first.url.replace("127.0.0.1", "localhost"), tls },
      second.url,
      second,
    ];
    await using client = await connect(servers, { tls, reconnect: QUICKLY });
    assertEquals([first.statistics.clients, second.statistics.clients], [1, 0]);
    await assertWorks(client);
    const again = once(client, "connected");
    await first.shutDown();
    await again;
    assertStrictEquals(second.statistics.clients, 1);
    await assertWorks(client);
  },
);

opensslTest("A function gives URL, TLS and headers anew for each attempt", async () => {
  const authority = await certificateAuthority();
  const other = await otherAuthority();
  const places = [
    { authority, ...await startWith(await authority.server()) },
    { authority: other, ...await startWith(await other.server()) },
  ];
  let attempt = 0;
  await using client = await connect(() => {
    const { authority, broker } = places[attempt]!;
    const origin = `https://localhost:${++attempt}`;
    return {
      url: `wss://localhost:${broker.port}/mqtt?token=${attempt}`,
      tls: { ca: authority.cert },
      headers: { Origin: origin },
    };
  }, { reconnect: QUICKLY });
  const again = once(client, "connected");
  await places[0]!.broker.shutDown();
  await again;
  await assertWorks(client);
  assertEquals(places.map(({ origins }) => origins), [["https://localhost:1"], [
    "https://localhost:2",
  ]]);
  await places[1]!.broker.shutDown();
});

/** A broker over wss that notes the origins of its clients. */
async function startWith(certificate: { readonly cert: string; readonly key: string }) {
  const origins: (string | undefined)[] = [];
  const broker = await serve({
    ...{ protocol: "wss", port: 0, ...certificate },
    authenticate({ origin }) {
      origins.push(origin);
      return true;
    },
  });
  return { broker, origins };
}

/** What a client asks of TLS, and whether it has a certificate of its own. */
for (const path of ["Deno's own TLS", "node:tls"]) {
  opensslTest(
    `The name of a server may be another than where it is dialled, by ${path}`,
    async () => {
      const authority = await certificateAuthority();
      const certificate = await authority.server({ names: ["broker.example"] });
      await using broker = await serve({ protocol: "mqtts", port: 0, ...certificate });
      const identity = path === "node:tls" ? await authority.client() : {};
      const tls = { ca: authority.cert, ...identity };
      for (const host of ["localhost", "127.0.0.1"]) {
        const url = `mqtts://${host}:${broker.port}`;
        await using client = await connect(url, { tls: { ...tls, serverName: "broker.example" } });
        assertStrictEquals(client.state, "connected");
        await using careless = await connect(url, { tls: { ...tls, verify: "chain only" } });
        assertStrictEquals(careless.state, "connected");
        await assertRejects(() => connect(url, { tls }), ConnectionClosedError, "is not for");
        // The chain must be good all the same.
        const stranger = { ...identity, verify: "chain only" } as const;
        const error = await assertRejects(
          () => connect(url, { tls: stranger }),
          ConnectionClosedError,
        );
        assertStrictEquals(error.code, "certificate");
      }
    },
  );

  opensslTest(
    `A protocol that is offered may be left unanswered, or chosen, by ${path}`,
    async () => {
      const authority = await certificateAuthority();
      const certificate = await authority.server();
      const identity = path === "node:tls" ? await authority.client() : {};
      const tls = { ca: authority.cert, ...identity, alpn: ["x-other", "mqtt"] };
      await using broker = await serve({ protocol: "mqtts", port: 0, ...certificate });
      await using client = await connect(`mqtts://localhost:${broker.port}`, { tls });
      assertStrictEquals(client.state, "connected");
      // One that knows none says nothing of it: that is how far the connection gets.
      await using silent = await startOpensslServer({ certificate });
      const { code } = await assertRejects(
        () => connect(silent.url, { tls, connectTimeout: 200 }),
        ConnectionClosedError,
      );
      assertStrictEquals(code, "timeout");
    },
  );
}

/** The recipe of the README, with names and numbers for where a test runs. */
const QUIC = (mod: URL, serving: URL) => `
  import { connect } from ${JSON.stringify(mod)};
  import { serve } from ${JSON.stringify(serving)};
  const [certFile, keyFile, caFile] = Deno.args;
  const cert = Deno.readTextFileSync(certFile);
  const key = Deno.readTextFileSync(keyFile);
  const caCerts = [Deno.readTextFileSync(caFile)];

  const broker = await serve({ listeners: [] });
  const endpoint = new Deno.QuicEndpoint({ hostname: "127.0.0.1", port: 0 });
  const listener = endpoint.listen({ cert, key, alpnProtocols: ["mqtt"], keepAliveInterval: 10_000 });
  const accepted = [];
  (async () => {
    for await (const incoming of listener) {
      const connection = await incoming.accept();
      accepted.push(connection);
      for await (const stream of connection.incomingBidirectionalStreams) {
        const transport = broker.connect();
        const writer = stream.writable.getWriter();
        const there = (async () => {
          for await (const chunk of stream.readable) await transport.write(chunk);
          await transport.closeWrite();
        })();
        const back = (async () => {
          for (let chunk; (chunk = await transport.read()) !== undefined;) await writer.write(chunk);
          await writer.close();
        })();
        Promise.allSettled([there, back]).then(() => transport.close());
      }
    }
  })().catch(() => {});

  const quic = {
    async connect() {
      const connection = await Deno.connectQuic({
        hostname: "127.0.0.1",
        serverName: "localhost",
        port: endpoint.addr.port,
        alpnProtocols: ["mqtt"],
        caCerts,
        keepAliveInterval: 10_000, // an idle connection would end after 30 s
      });
      return await connection.createBidirectionalStream();
    },
  };
  const client = await connect(quic, { reconnect: { initialDelay: 10, maximumDelay: 50 } });
  const news = await client.subscribe("news", { qos: 2 });
  const heard = news[Symbol.asyncIterator]();
  async function there(text, qos) {
    await client.publish("news", text, { qos });
    const { value } = await heard.next();
    value.ack();
    return value.text() === text;
  }
  const first = [await there("a", 0), await there("b", 1), await there("x".repeat(300_000), 2)];
  const again = new Promise((resolve) => client.addEventListener("connected", resolve, { once: true }));
  accepted[0].close({ closeCode: 1, reason: "" });
  await again;
  const second = await there("again", 2);
  await client.disconnect();
  console.log(JSON.stringify([first, second, accepted.length]));
  listener.stop?.();
  await broker.shutDown();
  endpoint.close();
`;

opensslTest(
  "A client reaches its server over QUIC, by the recipe of the README, and again",
  async () => {
    const authority = await certificateAuthority();
    await using files = await certificateFiles(await authority.server());
    await using ca = await certificateFiles({ cert: authority.cert, key: "" });
    const [mod, serving] = ["mod.ts", "src/broker/mod.ts"].map((name) =>
      new URL(`../../${name}`, import.meta.url)
    );
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const reads = `--allow-read=${[files.cert, files.key, ca.cert].join()}`;
    const net = "--allow-net=127.0.0.1,localhost";
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-prompt", "--no-check", "--unstable-net", `--config=${config}`],
        ...[net, reads, "-", files.cert, files.key, ca.cert],
      ],
      ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(QUIC(mod!, serving!)));
    await writer.close();
    const { stdout, stderr, code } = await child.output();
    const text = new TextDecoder().decode(stdout);
    assert(code === 0 && text !== "", new TextDecoder().decode(stderr));
    assertEquals(JSON.parse(text), [[true, true, true], true, 2]);
  },
);
