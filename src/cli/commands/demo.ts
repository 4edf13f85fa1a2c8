// `demo`: a broker and a client in one process, and every packet between them. Needs nothing but this program.

import { command } from "../command.ts";

/** Where broker and client meet. */
export const HOSTNAME = "127.0.0.1";

/** The command `demo`. */
export const demo = command({
  name: "demo",
  about: `Starts a broker on a free port of this machine, connects a client to it,
subscribes, publishes at QoS 0, 1 and 2, receives, and shows every packet that
goes by: its bytes, what they say and which section of the standard says so.`,
  usage: "",
  examples: ["demo", "demo --print-permissions"],
  exitCodes: "0; 2 for a wrong command line; 130 after Ctrl-C; 1 for all else.",
  options: {},
  permissions: () => ({ net: [HOSTNAME] }),
  load: () => import("./demo_run.ts"),
});
