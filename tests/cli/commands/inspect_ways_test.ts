// A plain client reaches a server through `inspect` by every way to a server, and a client that
// speaks nothing but TLS reaches a plain one.

import { assertEquals, assertMatch } from "@std/assert";
import { connect } from "../../../mod.ts";
import { serve } from "../../../src/broker/mod.ts";
import { startProxy } from "../../io/proxy_server.ts";
import { certificateAuthority } from "../../io/certificates.ts";
import { mosquittoTlsTest } from "../../io/mosquitto.ts";
import { beginBare } from "../server.ts";
import { optionsTest } from "../tested_options.ts";
import { type Ways, waysTest } from "../ways.ts";

/** Connects through `inspect` with these arguments, and returns what it has shown. */
async function through(
  args: readonly string[],
  listen: string,
  ca?: string,
): Promise<string> {
  await using inspect = beginBare(["--allow-all"], ["inspect", "--listen", listen, ...args]);
  const [, url] = await inspect.untilTold(/((?:mqtts?|wss):\/\/\S+) is relayed to /);
  await using client = await connect(url!, { reconnect: false, ...ca && { tls: { ca } } });
  await client.publish("a", "hello", { qos: 1 });
  await client.disconnect();
  await inspect.until(/- closed\n/);
  inspect.kill("SIGINT");
  return (await inspect.end()).stdout;
}

const WAYS: Readonly<Record<string, (ways: Ways) => readonly string[]>> = {
  "--client-cert and --cafile": ({ port, folder }) => [
    ...["-p", port("mutual"), "--cafile", `${folder}/ca.pem`, "--tls-alpn", "mqtt"],
    ...["--client-cert", `${folder}/client.pem`, "--client-key", `${folder}/client.key`],
  ],
  "--insecure and --capath": ({ port, folder }) => [
    ...["-p", port("elsewhere"), "--capath", `${folder}/authorities`, "--insecure"],
  ],
  "--tls-server-name": ({ port, folder }) => [
    ...["-p", port("elsewhere"), "--cafile", `${folder}/ca.pem`],
    ...["--tls-server-name", "other.example"],
  ],
  "wss and --header": ({ mosquitto, folder }) => [
    ...[mosquitto.urls.wss, "--cafile", `${folder}/ca.pem`, "--header", "Cookie=a=b"],
  ],
  "--unix": ({ socket }) => ["--unix", socket],
};

waysTest("a plain client reaches Mosquitto through inspect by every way", async (ways) => {
  await using proxy = startProxy({ protocol: "http" });
  const named: typeof WAYS = {
    ...WAYS,
    "--proxy": ({ mosquitto }) => [mosquitto.url, "--proxy", proxy.url],
  };
  const shown = await Promise.all(
    Object.entries(named).map(async ([name, way]) => {
      const text = await through(way(ways), "0");
      return [name, Array.from(text.matchAll(/^[→←] ([A-Z]+), /gm), ([, name]) => name).join()];
    }),
  );
  const expected = "CONNECT,CONNACK,PUBLISH,PUBACK,DISCONNECT";
  assertEquals(shown, Object.keys(named).map((name) => [name, expected]));
});

mosquittoTlsTest(
  "a client that speaks only TLS reaches a plain server through inspect",
  async () => {
    await using broker = await serve({ port: 0 });
    const authority = await certificateAuthority();
    const { cert, key } = await authority.server();
    const folder = await Deno.makeTempDir({ prefix: "mqtt5-inspect-" });
    await Deno.writeTextFile(`${folder}/cert.pem`, cert);
    await Deno.writeTextFile(`${folder}/key.pem`, key);
    const files = ["--cert", `${folder}/cert.pem`, "--key", `${folder}/key.pem`];
    for (const scheme of ["mqtts", "wss"]) {
      const listen = `${scheme}://127.0.0.1:0`;
      const text = await through([...files, broker.url], listen, authority.cert);
      assertMatch(text, new RegExp(`\\+ connected to ${scheme}:[^]*→ CONNECT[^]*← PUBACK`));
    }
    await Deno.remove(folder, { recursive: true });
  },
);

optionsTest(import.meta.url, (name, fn) => mosquittoTlsTest(name, fn));
