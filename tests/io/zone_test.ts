// IPv6 addresses with a zone, `fe80::1%eth0`: wherever a host is taken, and never in what a peer is
// told.

import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { connect } from "../../mod.ts";
import { serve } from "../../src/broker/mod.ts";
import { parseServerUrl } from "../../src/client/server_url.ts";
import { dialInBrowser } from "../../src/io/browser_dial.ts";
import { dial, type DialStep } from "../../src/io/dial.ts";
import { parseProxyUrl } from "../../src/io/proxy_url.ts";
import { certificateAuthority, noOpenssl } from "./certificates.ts";

/** Why there is nothing to connect to, where this machine has no IPv6. */
const noIpv6: string | undefined = (() => {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return undefined;
  } catch {
    return "this machine has no IPv6";
  }
})();

function ipv6Test(name: string, fn: () => Promise<void>, why = noIpv6): void {
  const ignore = why !== undefined;
  Deno.test({ name: ignore ? `${name} (skipped: ${why})` : name, ignore, fn });
}

for (
  const [host, hostname, address] of [
    ["[fe80::1%25eth0]:1", "fe80::1%eth0", "[fe80::1%eth0]:1"],
    ["[fe80::1%eth0]:1", "fe80::1%eth0", "[fe80::1%eth0]:1"],
    ["u:p[%25]@[FE80::0:1%25br-0.5~_]:1", "fe80::1%br-0.5~_", "[fe80::1%br-0.5~_]:1"],
    ["[fe80::1%25a%20b]:1", "fe80::1%a b", "[fe80::1%a b]:1"],
    ["[fe80::1%2525]:1", "fe80::1%25", "[fe80::1%25]:1"],
    ["[fe80::1%25]:1", "fe80::1%25", "[fe80::1%25]:1"],
  ] as const
) {
  Deno.test(`The host of ${host} in a URL is ${hostname}`, () => {
    const server = parseServerUrl(`mqtt://${host}`);
    assertEquals([server.hostname, server.address], [hostname, address]);
    const proxy = parseProxyUrl(`socks5h://${host}`);
    assertEquals([proxy.hostname, proxy.address], [hostname, address]);
  });
}

Deno.test("A URL with a zone in another host is refused", () => {
  for (
    const host of [
      "[fe80::1%]",
      "[fe80::1%25%25%]",
      "[fe80::1%25a/b]",
      "[fe80::1%25%ff]",
      "a%25eth0",
      "[x%25y]",
    ]
  ) {
    assertThrows(() => parseServerUrl(`mqtt://${host}`), TypeError, undefined, host);
  }
});

ipv6Test("A client connects to an address with a zone, and tells the server none", async () => {
  await using broker = await serve({ protocol: "ws", hostname: "::1%1", port: 0 });
  assertStrictEquals(broker.url, `ws://[::1%251]:${broker.port}`);
  await using _ = await connect(broker.url);
  const steps: DialStep[] = [];
  const { signal } = new AbortController();
  const observe = (step: DialStep) => steps.push(step);
  (await dial(parseServerUrl(broker.url), { signal, observe })).close();
  const [connected, websocket] = steps;
  assertEquals(connected, { type: "connected", to: `[::1%1]:${broker.port}` });
  const request = websocket?.type === "websocket" ? websocket.request : "";
  assertEquals(/^Host: .*$/m.exec(request)?.[0].trim(), `Host: [::1]:${broker.port}`);
});

ipv6Test("A certificate is checked for the address without its zone", async () => {
  const authority = await certificateAuthority();
  const certificate = await authority.server();
  await using broker = await serve({ protocol: "mqtts", hostname: "::1", port: 0, ...certificate });
  await using _ = await connect(`mqtts://[::1%251]:${broker.port}`, {
    tls: { ca: authority.cert },
  });
}, noIpv6 ?? noOpenssl);

ipv6Test("A zone that this machine does not have is named", async () => {
  for (
    const [host, says] of [
      ["fe80::1%25nope", 'Cannot connect to [fe80::1%nope]:1: no interface "nope" on this machine'],
      [
        "::1%25lo",
        "Cannot connect to [::1%lo]:1: an interface is for link-local addresses, fe80::…; leave " +
        'out "%lo"',
      ],
      [
        "fe80::1",
        "Cannot connect to [fe80::1]:1: a link-local address needs an interface, as in " +
        "fe80::1%eth0, in a URL [fe80::1%25eth0]",
      ],
    ] as const
  ) {
    await assertRejects(() => connect(`mqtt://[${host}]:1`), Error, says);
  }
});

Deno.test("Where a zone cannot be used the error says so", async () => {
  const url = "mqtts://[fe80::1%25eth0]:1";
  await assertRejects(
    () => connect(url, { proxy: "socks5h://p" }),
    TypeError,
    "proxy cannot be used with [fe80::1%eth0]:1: only this machine knows its interfaces",
  );
  const signal = new AbortController().signal;
  await assertRejects(
    () => dialInBrowser(parseServerUrl("wss://[fe80::1%25eth0]:1"), signal),
    Error,
    "a browser cannot use the interface of an IPv6 address",
  );
});

Deno.test({
  name: "With certificates for TLS by node:tls Deno has no zones, and the error says so",
  ignore: noOpenssl !== undefined,
  async fn() {
    const { cert, key } = await (await certificateAuthority()).client();
    await assertRejects(
      () => connect("mqtts://[fe80::1%25eth0]:1", { tls: { cert, key } }),
      Error,
      "with a client certificate Deno cannot use the interface of an IPv6 address",
    );
    await assertRejects(
      () => serve({ protocol: "mqtts", hostname: "fe80::1%eth0", port: 0, cert, key }),
      TypeError,
      "Deno cannot listen with TLS at fe80::1%eth0",
    );
  },
});
