// The package on Node.

import { noOpenssl } from "../io/certificates.ts";
import { noMosquitto } from "../io/mosquitto.ts";
import { checkProcess } from "./process_checks.ts";
import { node, npm, programTest, unless } from "./programs.ts";

programTest(
  "on Node the package does all checks by mqtt, mqtts, ws and wss",
  [node, npm, unless(noMosquitto), unless(noOpenssl)],
  // Its SQLite is an experiment, of which it warns.
  (t) => checkProcess(t, "node", node, ["--disable-warning=ExperimentalWarning"]),
);
