// `demo`: shows every packet between a broker and a client, both in this process.

import { command } from "../command.ts";

/** Where the broker listens. */
export const HOSTNAME = "127.0.0.1";

/** The command `demo`. */
export const demo = command({
  name: "demo",
  about: `Starts a broker on a free local port, connects a client to it, subscribes, and
publishes at QoS 0, 1 and 2. Shows every packet: its bytes, their meaning, and
the section of the standard that defines them.`,
  usage: "",
  examples: ["demo", "demo --print-permissions"],
  exitCodes: "0; 2 for a wrong command line; 130 after Ctrl-C; 1 for anything else.",
  options: {},
  permissions: () => ({ net: [HOSTNAME] }),
  load: () => import("./demo_run.ts"),
});
