// Through real proxies: SOCKS5 and HTTP CONNECT lead to a server that echoes.

import { assertEquals, assertRejects } from "@std/assert";
import { connectThroughProxy, parseProxyUrl, ProxyError } from "../../src/io/proxy.ts";
import { TcpTransport } from "../../src/io/tcp.ts";
import { type ProxyServer, type ProxyServerOptions, startProxy } from "./proxy_server.ts";

const credentials = { username: "ann", password: "p@ss: word" };

/** A server that sends back what comes, and then the end. */
function startEcho(hostname = "127.0.0.1"): { readonly port: number } & AsyncDisposable {
  const listener = Deno.listen({ hostname, port: 0 });
  const echo = async (connection: Deno.TcpConn) => {
    using open = connection;
    const buffer = new Uint8Array(100);
    for (let count; (count = await open.read(buffer)) !== null;) {
      await open.write(buffer.subarray(0, count));
    }
    await open.closeWrite();
  };
  const echoing = (async () => {
    const echoes = [];
    for await (const connection of listener) echoes.push(echo(connection));
    await Promise.all(echoes);
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await echoing;
    },
  };
}

/** What the server at the other end of the proxy sends back. */
async function say(
  text: string,
  { port: proxyPort, url }: ProxyServer,
  hostname: string,
  port: number,
): Promise<string> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: proxyPort });
  const transport = new TcpTransport(connection);
  try {
    const destination = { hostname, port };
    let bytes = await connectThroughProxy(parseProxyUrl(url), transport, destination);
    await transport.write(new TextEncoder().encode(text));
    await transport.closeWrite();
    for (let chunk; (chunk = await transport.read()) !== undefined;) {
      bytes = Uint8Array.of(...bytes, ...chunk);
    }
    return new TextDecoder().decode(bytes);
  } finally {
    transport.close();
  }
}

const PROXIES: readonly ProxyServerOptions[] = (["socks5", "socks5h", "http"] as const).flatMap(
  (protocol) => [{ protocol }, { protocol, credentials }],
);

for (const options of PROXIES) {
  const { protocol } = options;
  const name = `${protocol}:${options.credentials === undefined ? "" : " with user and password"}`;
  Deno.test(`A proxy by ${name} leads to a server, and says when it cannot`, async () => {
    await using echo = startEcho();
    await using proxy = startProxy(options);
    assertEquals(await say("hello", proxy, "localhost", echo.port), "hello");
    assertEquals(await say("hello", proxy, "127.0.0.1", echo.port), "hello");
    const first = protocol === "socks5" ? "127.0.0.1" : "localhost";
    assertEquals(proxy.requests, [`${first}:${echo.port}`, `127.0.0.1:${echo.port}`]);
    const nowhere = () => say("hello", proxy, "127.0.0.1", 1);
    const { why } = await assertRejects(nowhere, ProxyError, "could not connect to 127.0.0.1:1");
    assertEquals(why, "unreachable");
  });

  if (options.credentials !== undefined) {
    Deno.test(`A proxy by ${protocol}: does not serve others`, async () => {
      await using proxy = startProxy(options);
      const { port } = proxy;
      for (const user of ["", "ann:other@", "bob:p@"]) {
        const stranger = { ...proxy, port, url: `${protocol}://${user}127.0.0.1:${port}` };
        const failed = () => say("hello", stranger, "127.0.0.1", 1);
        const { why } = await assertRejects(failed, ProxyError, "user name");
        assertEquals(why, "credentials");
      }
      assertEquals(proxy.requests, []);
    });
  }
}

for (const protocol of ["socks5h", "http"] as const) {
  Deno.test(`A proxy by ${protocol}: knows hosts that nobody else knows`, async () => {
    await using echo = startEcho();
    await using proxy = startProxy({ protocol, hosts: { "inside.invalid": "127.0.0.1" } });
    assertEquals(await say("hello", proxy, "inside.invalid", echo.port), "hello");
    const outside = { ...proxy, url: `socks5://127.0.0.1:${proxy.port}` };
    if (protocol === "http") return;
    await assertRejects(() => say("hello", outside, "inside.invalid", echo.port), ProxyError);
  });
}
