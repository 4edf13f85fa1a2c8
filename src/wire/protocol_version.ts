// §3.1.2.2 Protocol Version: the one fact about a connection that the bytes of its packets cannot
// be read without.

/**
 * A version of MQTT, by the number that CONNECT has for it (§3.1.2.2): 5 for MQTT 5.0, 4 for MQTT
 * 3.1.1, 3 for MQTT 3.1.
 */
export type ProtocolVersion = 5 | 4 | 3;

/** All versions, the newest first. */
export const PROTOCOL_VERSIONS: readonly ProtocolVersion[] = [5, 4, 3];

/** What each version is called. */
export const VERSION_NAMES: Readonly<Record<ProtocolVersion, string>> = {
  5: "MQTT 5.0",
  4: "MQTT 3.1.1",
  3: "MQTT 3.1",
};

/**
 * Refuses what is not a version.
 *
 * @throws {RangeError} when it is none
 */
export function checkProtocolVersion(
  version: number,
  name = "protocolVersion",
): asserts version is ProtocolVersion {
  if (version === 5 || version === 4 || version === 3) return;
  throw new RangeError(`${name} must be 5, 4 or 3, got ${version}`);
}
