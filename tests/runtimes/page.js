// Runs the checks in a page of a browser.

import * as mqtt5 from "@mqtt5/mqtt5";
import * as broker from "@mqtt5/mqtt5/broker";
import { equal, failure, runChecks } from "./checks.js";

const { bundle, ...plan } = await (await fetch("./plan.json")).json();

/** Checks for what has WebSockets and no sockets. */
const MORE = {
  "what a browser cannot reach is told by its name": async () => {
    for (const url of ["mqtt://localhost", "mqtts://localhost", "mqtt+unix:///run/a"]) {
      const error = await failure(mqtt5.connect(url));
      equal(/browser can only reach ws:\/\/ and wss:\/\/ servers/.test(error.message), true);
    }
  },

  "what deno bundle makes loads": async () => {
    const { decodePacket, encodePacket } = await import(bundle);
    equal(decodePacket(encodePacket({ type: "pingreq" })), { type: "pingreq" });
  },
};

await runChecks({ ...plan, mqtt5, broker, more: MORE });
