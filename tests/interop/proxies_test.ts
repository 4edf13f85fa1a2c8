// Through real proxies to real servers, by every scheme that goes over TCP; and proxies that do not
// take the client there.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { connect, ConnectionClosedError, type ServerWithOptions } from "../../mod.ts";
import { certificateAuthority, opensslTest } from "../io/certificates.ts";
import { assertVerdict, type Verdict } from "../io/dial_faults.ts";
import { type ListenProtocol, serve } from "../../src/broker/mod.ts";
import { type ProxyServerOptions, startProxy } from "../io/proxy_server.ts";
import { once, QUICKLY, take, textsOf, withinPatience } from "./interop.ts";

const WAYS = ["mqtt", "mqtts", "mutual", "ws", "wss"] as const;

/** Our broker, listening in each of the ways, and what a client is given for each. */
async function everywhere() {
  const authority = await certificateAuthority();
  const server = await authority.server();
  const client = await authority.client();
  const broker = await serve({
    listeners: WAYS.map((way) => {
      const protocol: ListenProtocol = way === "mutual" ? "mqtts" : way;
      return {
        ...{ protocol, port: 0 },
        ...(protocol === "mqtts" || protocol === "wss") && server,
        ...way === "mutual" && { ca: authority.cert, clientCertificate: "require" as const },
      };
    }),
  });
  const servers = WAYS.map((way, index): ServerWithOptions & { readonly port: number } => {
    const { port } = broker.listeners[index]!;
    const scheme = way === "mutual" ? "mqtts" : way;
    const tls = { ca: authority.cert, ...way === "mutual" && client };
    const isSecure = scheme === "mqtts" || scheme === "wss";
    return { url: `${scheme}://localhost:${port}`, port, ...isSecure && { tls } };
  });
  return { broker, servers };
}

const PROXIES: readonly ProxyServerOptions[] = [
  { protocol: "socks5", credentials: { username: "ann", password: "p@ss: word" } },
  { protocol: "socks5h" },
  { protocol: "http", credentials: { username: "ann", password: "p@ss: word" } },
];

for (const options of PROXIES) {
  opensslTest(
    `A client reaches its server through a proxy by ${options.protocol}, by every scheme, and again`,
    async () => {
      const { broker, servers } = await everywhere();
      await using _ = broker;
      for (const { port, ...server } of servers) {
        await using proxy = startProxy(options);
        await withinPatience((async () => {
          await using client = await connect(server, { proxy: proxy.url, reconnect: QUICKLY });
          const news = await client.subscribe("news", { qos: 1 });
          await client.publish("news", "x".repeat(100_000), { qos: 1 });
          assertEquals(textsOf(await take(news, 1)), ["x".repeat(100_000)]);
          const again = once(client, "connected");
          proxy.cut();
          await again;
          await client.publish("news", "again", { qos: 2 });
          assertEquals(textsOf(await take(news, 1)), ["again"]);
        })());
        // Whose name it is to find out is the scheme's.
        const host = options.protocol === "socks5" ? "127.0.0.1" : "localhost";
        assertEquals(proxy.requests, [`${host}:${port}`, `${host}:${port}`]);
      }
    },
  );
}

opensslTest(
  "TLS through a proxy is with the server, by its name, which the proxy alone may know",
  async () => {
    const authority = await certificateAuthority();
    const certificate = await authority.server({ names: ["inside.example"] });
    await using broker = await serve({ protocol: "mqtts", port: 0, ...certificate });
    await using proxy = startProxy({ protocol: "http", hosts: { "inside.example": "127.0.0.1" } });
    const tls = { ca: authority.cert };
    await using client = await connect(`mqtts://inside.example:${broker.port}`, {
      proxy: proxy.url,
      tls,
    });
    assertStrictEquals(client.state, "connected");
    const error = await assertRejects(
      () => connect(`mqtts://localhost:${broker.port}`, { proxy: proxy.url, tls }),
      ConnectionClosedError,
      `the server's certificate is not for "localhost", but for inside.example`,
    );
    assertStrictEquals(error.code, "certificate");
  },
);

/** A port on which nothing listens any more. */
function closedPort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  return listener.addr.port;
}

const closed = closedPort();

const FAULTS: readonly (readonly [
  what: string,
  start: () => { readonly url: string; readonly port: number } & Partial<AsyncDisposable>,
  verdict: (proxy: string) => Omit<Verdict, "cause">,
])[] = [
  [
    "where nothing listens",
    () => ({ url: `socks5h://127.0.0.1:${closed}`, port: closed }),
    (proxy) => ({
      message: `Cannot connect to {address}: the proxy ${proxy} cannot be reached: connection ` +
        "refused; check that a server listens on this port",
      code: "proxy",
      kind: "transient",
    }),
  ],
  [
    "by HTTP that cannot reach the server",
    () => startProxy({ protocol: "http" }),
    (proxy) => ({
      message: `Cannot connect to {address}: the proxy ${proxy} could not connect to {address}: ` +
        "502 Bad Gateway",
      code: "proxy",
      kind: "transient",
    }),
  ],
  [
    "by SOCKS that cannot reach the server",
    () => startProxy({ protocol: "socks5h" }),
    (proxy) => ({
      message: `Cannot connect to {address}: the proxy ${proxy} could not connect to {address}: ` +
        "connection refused (reply 5)",
      code: "proxy",
      kind: "transient",
    }),
  ],
  [
    "that wants a password",
    () => {
      const proxy = startProxy({ protocol: "http", credentials: { username: "a", password: "b" } });
      return { ...proxy, url: `http://127.0.0.1:${proxy.port}` };
    },
    (proxy) => ({
      message: `Cannot connect to {address}: the proxy ${proxy} wants a user name and a ` +
        `password: write http://user:password@${proxy} (407 Proxy Authentication Required)`,
      code: "proxy",
      kind: "configuration",
    }),
  ],
  [
    "of the other kind",
    () => {
      const proxy = startProxy({ protocol: "socks5h" });
      return { ...proxy, url: `http://127.0.0.1:${proxy.port}` };
    },
    (proxy) => ({
      message: `Cannot connect to {address}: the proxy ${proxy} closed the connection before it ` +
        "answered; check that it is a proxy for HTTP",
      code: "proxy",
      kind: "transient",
    }),
  ],
];

for (const [what, start, verdict] of FAULTS) {
  Deno.test(`A proxy ${what} is told of in one sentence`, async () => {
    const proxy = start();
    const address = `127.0.0.1:${closed}`;
    const server = { url: `mqtt://${address}`, proxy: proxy.url };
    try {
      await assertVerdict(
        () => ({ server, address }),
        { ...verdict(`127.0.0.1:${proxy.port}`), cause: /./ },
      );
    } finally {
      await proxy[Symbol.asyncDispose]?.();
    }
  });
}
