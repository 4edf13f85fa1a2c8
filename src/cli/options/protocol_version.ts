// `-V`, `--protocol-version`: a version of MQTT by its numbers and its names in mosquitto's tools.

import type { ProtocolVersion } from "../../packets/mod.ts";
import { usageFailure } from "../failure.ts";
import { quoted } from "../terminal/text.ts";

const VERSIONS: Readonly<Record<string, ProtocolVersion>> = {
  "5": 5,
  "mqttv5": 5,
  "4": 4,
  "311": 4,
  "mqttv311": 4,
  "3": 3,
  "31": 3,
  "mqttv31": 3,
};

/**
 * The version of an option, by any of its names.
 *
 * @throws {Failure} when it is none
 */
export function protocolVersionOption(name: string, text: string): ProtocolVersion {
  const version = Object.hasOwn(VERSIONS, text) ? VERSIONS[text] : undefined;
  if (version !== undefined) return version;
  throw usageFailure(`--${name}: expected 5, 311 or 31, got ${quoted(text)}`);
}
