// The package on Bun.

import { noOpenssl } from "../io/certificates.ts";
import { noMosquitto } from "../io/mosquitto.ts";
import { checkProcess } from "./process_checks.ts";
import { bun, npm, programTest, unless } from "./programs.ts";

programTest(
  "on Bun the package does all checks by mqtt, mqtts, ws and wss",
  [bun, npm, unless(noMosquitto), unless(noOpenssl)],
  (t) => checkProcess(t, "bun", bun),
);
