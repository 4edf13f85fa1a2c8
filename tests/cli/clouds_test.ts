// The commands of the README's table "How to reach a server", each against a server that lets in
// who comes so, and nobody else.

import { assertEquals } from "@std/assert";
import {
  awsIot,
  awsIotAuthorizer,
  awsIotOn443,
  awsIotSigned,
  awsIotToken,
  azureEventGrid,
  azureEventGridToken,
  type Cloud,
  hivemqCloud,
} from "../interop/cloud.ts";
import { opensslTest } from "../io/certificates.ts";
import { withFolder } from "../io/folder.ts";
import { run } from "./run.ts";

/** Words of the command line behind `pub`, but for the message and the authority of the tests. */
type Words = (cloud: Cloud) => readonly string[];

const identity = ["--cert", "device.pem", "--key", "device.key"];
const user = ({ options: { username = "", password = "" } }: Cloud) => {
  return ["-u", username, "-P", password];
};

const ROWS: readonly [name: string, start: () => Promise<Cloud>, words: Words][] = [
  ["HiveMQ Cloud and EMQX Cloud", () => hivemqCloud(), (cloud) => user(cloud)],
  ["EMQX Cloud, by WebSocket", () => hivemqCloud("wss"), (cloud) => user(cloud)],
  ["AWS IoT Core, certificate", awsIot, () => ["-i", "thing", ...identity]],
  [
    "AWS IoT Core, certificate, port 443",
    awsIotOn443,
    () => ["-i", "thing", ...identity, "--tls-alpn", "x-amzn-mqtt-ca"],
  ],
  [
    "AWS IoT Core, custom authorizer",
    awsIotAuthorizer,
    (cloud) => ["-i", "thing", ...user(cloud), "--tls-alpn", "mqtt"],
  ],
  ["AWS IoT Core, signed WebSocket", awsIotSigned, () => ["-i", "thing"]],
  [
    "a token in the WebSocket's request",
    awsIotToken,
    ({ options: { headers = {} } }) =>
      Object.entries(headers).flatMap(([name, value]) => ["--header", `${name}=${value}`]),
  ],
  [
    "Azure Event Grid, certificate",
    azureEventGrid,
    ({ options: { username = "" } }) => ["-i", "device", "-u", username, ...identity],
  ],
  [
    "Azure Event Grid, token",
    azureEventGridToken,
    ({ options: { password = "" } }) => [
      ...["-i", "device", "--authentication-method", "CUSTOM-JWT"],
      ...["--authentication-data", password],
    ],
  ],
];

for (const [name, start, words] of ROWS) {
  opensslTest(`pub reaches ${name}`, () =>
    withFolder("mqtt5-cloud-", async (folder) => {
      await using cloud = await start();
      const { ca, cert = "", key = "" } = cloud.options.tls;
      await Deno.writeTextFile(`${folder}/ca.pem`, ca);
      await Deno.writeTextFile(`${folder}/device.pem`, cert);
      await Deno.writeTextFile(`${folder}/device.key`, key);
      const url = "sign" in cloud ? (cloud as { sign(): string }).sign() : cloud.url;
      const given = words(cloud).map((word) =>
        word.startsWith("device.") ? `${folder}/${word}` : word
      );
      const message = ["-t", "news/1", "-m", "on", "-q", "1"];
      const { exitCode, stderr } = await run([
        ...["pub", "-L", url, "--cafile", `${folder}/ca.pem`, ...message, ...given],
      ]);
      assertEquals([exitCode, stderr], [0, ""]);
      assertEquals([cloud.server.visits.length, cloud.server.refusals], [1, []]);
    }));
}
