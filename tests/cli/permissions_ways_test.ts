// `--print-permissions` for every way to a server: the line does its work, and does not with any
// permission less.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { startProxy } from "../io/proxy_server.ts";
import { assertNeedsEach, kindsIn, lineOf, shell } from "./permission_lines.ts";
import { type Ways, waysTest } from "./ways.ts";

const PUB = ["pub", "-t", "a", "-m", "x", "-q", "1"];

/** Ways, and the permissions that they need. */
const WAYS: Readonly<
  Record<string, readonly [way: (ways: Ways) => readonly string[], kinds: readonly string[]]>
> = {
  "mqtts with a folder of authorities": [
    ({ mosquitto, folder }) => ["-L", mosquitto.urls.mqtts, "--capath", `${folder}/authorities`],
    ["net", "read"],
  ],
  "mutual TLS": [
    ({ port, folder }) => [
      ...["-p", port("mutual"), "--cafile", `${folder}/ca.pem`],
      ...["--cert", `${folder}/client.pem`, "--key", `${folder}/client.key`],
    ],
    ["net", "read"],
  ],
  "ws": [({ mosquitto }) => [mosquitto.urls.ws], ["net"]],
  "wss": [
    ({ mosquitto, folder }) => [mosquitto.urls.wss, "--cafile", `${folder}/ca.pem`],
    ["net", "read"],
  ],
  "a Unix socket": [({ socket }) => ["--unix", socket], ["net", "read", "write"]],
};

for (const [name, [wayOf, kinds]] of Object.entries(WAYS)) {
  waysTest(`by ${name} a command needs ${kinds.join(" and ")}, and no less`, async (ways) => {
    for (const command of [PUB, ["connect"]]) {
      const line = await lineOf([...command, ...wayOf(ways)]);
      assertEquals(kindsIn(line), kinds);
      const { exitCode, stderr } = await shell(line);
      assertEquals(exitCode, 0, stderr);
      if (command === PUB) await assertNeedsEach(line);
    }
  });
}

waysTest("each file of TLS needs leave to be read", async ({ port, folder }) => {
  const files = ["ca.pem", "client.pem", "client.key"].map((name) => `${folder}/${name}`);
  const [ca, cert, key] = files as [string, string, string];
  const tls = ["--cafile", ca, "--cert", cert, "--key", key];
  const line = await lineOf([...PUB, "-p", port("mutual"), ...tls]);
  for (const [index, option] of ["--cafile", "--cert", "--key"].entries()) {
    const file = files[index];
    const others = files.filter((other) => other !== file).join(",");
    const poorer = line.replace(`--allow-read=${files.join(",")}`, `--allow-read=${others}`);
    const { exitCode, stderr } = await shell(poorer);
    assertEquals([exitCode, stderr], [
      2,
      `mqtt5: Cannot read ${option} "${file}": permission denied; run it with --allow-read=${file}\n`,
    ]);
  }
});

for (const protocol of ["socks5", "socks5h", "http"] as const) {
  waysTest(`by a proxy of ${protocol} a command needs net for it, and no less`, async (ways) => {
    await using proxy = startProxy({ protocol });
    const server = ["-p", String(ways.mosquitto.port), "--proxy", proxy.url];
    const line = await lineOf([...PUB, ...server]);
    const looksUp = protocol === "socks5" ? ",localhost" : "";
    assertStringIncludes(line, ` --allow-net=127.0.0.1:${proxy.port}${looksUp} `);
    const { exitCode, stderr } = await shell(line);
    assertEquals(exitCode, 0, stderr);
    await assertNeedsEach(line);
    if (looksUp === "") return;
    const poorer = await shell(line.replace(looksUp, ""));
    assertMatch(poorer.stderr, /^mqtt5: [^\n]* needs --allow-net=localhost, without a port; /);
  });
}
