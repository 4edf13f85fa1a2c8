// Recognizes what else reaches a port for MQTT: browsers, health checks, clients with the wrong
// scheme in their URL.

/** A protocol that is not MQTT. */
export type ForeignProtocol = "HTTP" | "TLS";

/** The protocol of a Client's first bytes, if it is a well-known one that is not MQTT. */
export function foreignProtocol(bytes: Uint8Array): ForeignProtocol | undefined {
  if (bytes[0] === CONNECT) return undefined;
  if (bytes[0] === TLS_HANDSHAKE && bytes[1] === TLS_MAJOR_VERSION) return "TLS";
  const start = String.fromCharCode(...bytes.subarray(0, LONGEST_METHOD));
  return /^(?:GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH|PRI) /.test(start)
    ? "HTTP"
    : undefined;
}

/** The first byte of a CONNECT (§3.1.1). */
const CONNECT = 0x10;

/** The first bytes of a TLS handshake (RFC 8446, §5.1). */
const TLS_HANDSHAKE = 0x16;
const TLS_MAJOR_VERSION = 0x03;

/** `"OPTIONS "` has so many characters. */
const LONGEST_METHOD = 8;
