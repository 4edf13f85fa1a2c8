// What the options and the URL say of a server: its place as one URL, and the topic behind it.

import { assertEquals } from "@std/assert";
import { parseOptions } from "../../../src/cli/options/parse.ts";
import { SERVER_OPTIONS, serverOf, TLS_OPTIONS, urlOf } from "../../../src/cli/options/server.ts";
import { parseServerUrl } from "../../../src/client/server_url.ts";

const PLACES: readonly (readonly [args: string, url: string, topic?: string])[] = [
  ["", "mqtt://localhost:1883"],
  ["-p 8883", "mqtts://localhost:8883"],
  ["-h a.example -p 8884", "mqtt://a.example:8884"],
  ["-h a.example --insecure", "mqtts://a.example:8883"],
  ["-h a.example --tls-alpn mqtt", "mqtts://a.example:8883"],
  ["-h a.example --tls-server-name b", "mqtts://a.example:8883"],
  ["--capath x -p 1", "mqtts://localhost:1"],
  ["--cert x --key y", "mqtts://localhost:8883"],
  ["-h ::1 --cafile x", "mqtts://[::1]:8883"],
  ["-h fe80::1%eth0", "mqtt://[fe80::1%25eth0]:1883"],
  ["-h [fe80::1%25]", "mqtt://[fe80::1%2525]:1883"],
  ["mqtt://[fe80::1%eth0]/b", "mqtt://[fe80::1%25eth0]:1883", "b"],
  ["ws://[fe80::1%25eth0]:1/b", "ws://[fe80::1%25eth0]:1/b"],
  ["tcp://a/b/c", "mqtt://a:1883", "b/c"],
  ["ssl://bob:x@a/b", "mqtts://a:8883", "b"],
  ["TLS://a:1/b%20c", "mqtts://a:1", "b c"],
  ["ws://a/x/y?z=1", "ws://a:80/x/y?z=1"],
  ["-L WSS://a:8084/mqtt", "wss://a:8084/mqtt"],
  ["unix:///run/a%20b", "mqtt+unix:///run/a%20b"],
  ["--unix /run/mqtt.sock", "mqtt+unix:///run/mqtt.sock"],
  ["--unix /run/?#%20%", "mqtt+unix:///run/%3F%23%2520%25"],
];

for (const [args, url, topic] of PLACES) {
  Deno.test(`${args === "" ? "nothing" : args} is the server ${url}`, () => {
    const { options, operands } = parseOptions(
      { ...SERVER_OPTIONS, ...TLS_OPTIONS },
      args.split(" ").filter((word) => word !== ""),
    );
    const found = serverOf(options, operands, true);
    assertEquals([urlOf(found.server.at), found.topic], [url, topic]);
    // What the client is given leads to the same place.
    const { username: _, password: __, ...place } = found.server.at;
    assertEquals(parseServerUrl(url), { ...place, username: undefined, password: undefined });
  });
}
