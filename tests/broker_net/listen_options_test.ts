// Options of listeners that are none, or would do nothing.

import { assertRejects } from "@std/assert";
import { serve, type ServeOptions } from "../../src/broker/mod.ts";

const WRONG: readonly (readonly [ServeOptions, string])[] = [
  [{ protocol: "http" as "ws" }, 'protocol must be "mqtt" or "mqtts"'],
  [{ protocol: "mqtts" }, "mqtts needs cert and key"],
  [{ protocol: "mqtt+unix" }, "mqtt+unix needs socketPath"],
  [{ protocol: "mqtt+unix", socketPath: "" }, "mqtt+unix needs socketPath"],
  [{ protocol: "mqtt+unix", socketPath: "/x", port: 1 }, "port is an option of mqtt and"],
  [{ socketPath: "/x" }, "socketPath is an option of mqtt+unix, not of mqtt"],
  [{ cert: "x", key: "y" }, "cert is an option of mqtts and wss, not of mqtt"],
  [{ clientCertificate: "require" }, "clientCertificate is an option of mqtts and wss"],
  [{ websocketPath: "/mqtt" }, "websocketPath is an option of ws and wss, not of mqtt"],
  [{ allowedOrigins: ["*"] }, "allowedOrigins is an option of ws and wss"],
  [
    { protocol: "mqtts", cert: "x", key: "y", clientCertificate: "yes" as "none" },
    'clientCertificate must be "none" or "request" or "require", got "yes"',
  ],
  [
    { protocol: "mqtts", cert: "x", key: "y", certificateUsername: "common name" },
    'certificateUsername is for clientCertificate: "require", got "none"',
  ],
];

for (const [options, message] of WRONG) {
  Deno.test(`serve(${JSON.stringify(options)}) is refused: ${message}`, async () => {
    await assertRejects(() => serve({ ...options }), TypeError, message);
  });
}
