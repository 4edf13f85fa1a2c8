// Why a TLS handshake failed at the server, in words for its log. The platforms give the same codes
// for it, but messages of their own, with names of internals and source files of OpenSSL.

/** What a platform says of a failed handshake. */
export type HandshakeError = Error & { readonly code?: string };

/**
 * Why a handshake failed, for a person; `undefined` if the client has just closed the connection.
 *
 * @param certificateError what is wrong with the client's certificate, as `node:tls` says it
 * @param alpn the protocols of the listener
 */
export function handshakeFault(
  { code = "", message }: HandshakeError,
  certificateError: unknown,
  alpn: readonly string[],
): string | undefined {
  // With a certificate that is not accepted the platform closes the connection itself.
  if (isSaid(certificateError)) return certificateFault(certificateError);
  if (code === "ECONNRESET") return undefined;
  const [, alert] = /_ALERT_(\w*(?:CERTIFICATE|UNKNOWN_CA)\w*)$/.exec(code) ?? [];
  if (alert !== undefined) {
    return `the client does not accept the broker's certificate: ${wordsOf(alert)}`;
  }
  switch (code) {
    case "ERR_SSL_WRONG_VERSION_NUMBER":
    case "ERR_SSL_HTTP_REQUEST":
      return "the client does not speak TLS";
    case "ERR_SSL_NO_APPLICATION_PROTOCOL":
      return `the client does not offer ${alpn.join(" or ")} by ALPN, but other protocols`;
    case "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE":
      return "the client sent no certificate";
    case "ERR_SSL_UNSUPPORTED_PROTOCOL":
    case "ERR_SSL_NO_SHARED_CIPHER":
    case "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE":
      return "the client has no version of TLS, 1.2 or 1.3, or no cipher in common with the broker";
  }
  const [, reason = message] = /SSL routines:[^:]*:([^:]+):/.exec(message) ?? [];
  return `the TLS handshake failed: ${reason}`;
}

/** What is wrong with a client's certificate, for a person. */
export function certificateFault(error: unknown): string {
  const code = isSaid(error) ? codeOf(error) : "";
  const why = whyNotValid(code);
  return `the client's certificate is not valid${why === "" ? "" : `: ${why}`}`;
}

function whyNotValid(code: string): string {
  // Deno has this code for most certificates that are not valid now, too.
  if (code === "UNABLE_TO_VERIFY_LEAF_SIGNATURE") {
    return "it has expired, or its authority is not trusted here";
  }
  return UNKNOWN_ISSUER.test(code) ? "its authority is not trusted here" : wordsOf(code);
}

/** The codes for a certificate whose authority is not known. */
const UNKNOWN_ISSUER = /^UNABLE_TO_GET_|SELF_SIGNED/;

function isSaid(error: unknown): boolean {
  return error !== undefined && error !== null;
}

/** Node has a code in place of the error that its types promise. */
function codeOf(error: unknown): string {
  return error instanceof Error ? (error as HandshakeError).code ?? error.message : String(error);
}

/** `"CERT_HAS_EXPIRED"` as `"certificate has expired"`. */
function wordsOf(code: string): string {
  return code.toLowerCase().replaceAll("_", " ").replace(/\bcert\b/, "certificate")
    .replace(/\bca\b/, "authority");
}
