// What a broker's log says of TLS handshakes that failed, on Deno and on runtimes with OpenSSL.

import { assertEquals } from "@std/assert";
import { certificateFault, handshakeFault } from "../../src/io/listen_tls_faults.ts";

const OPENSSL = (reason: string) =>
  `807C67E6FE7E0000:error:0A0000EB:SSL routines:in_a_function:${reason}:../openssl/a.c:21:\n`;

const CASES: readonly (readonly [code: string, message: string, said: string | undefined])[] = [
  ["ECONNRESET", "socket hang up", undefined],
  [
    "ERR_SSL_WRONG_VERSION_NUMBER",
    "received corrupt message of type InvalidContentType",
    "the client does not speak TLS",
  ],
  ["ERR_SSL_HTTP_REQUEST", OPENSSL("http request"), "the client does not speak TLS"],
  [
    "ERR_SSL_NO_APPLICATION_PROTOCOL",
    "peer doesn't support any known protocol",
    "the client does not offer mqtt by ALPN, but other protocols",
  ],
  [
    "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE",
    "peer sent no certificates",
    "the client sent no certificate",
  ],
  [
    "ERR_SSL_UNSUPPORTED_PROTOCOL",
    OPENSSL("unsupported protocol"),
    "the client has no version of TLS, 1.2 or 1.3, or no cipher in common with the broker",
  ],
  [
    "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE",
    "peer is incompatible: NoCipherSuitesInCommon",
    "the client has no version of TLS, 1.2 or 1.3, or no cipher in common with the broker",
  ],
  [
    "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA",
    "received fatal alert: UnknownCA",
    "the client does not accept the broker's certificate: unknown authority",
  ],
  [
    "ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE",
    OPENSSL("sslv3 alert bad certificate"),
    "the client does not accept the broker's certificate: bad certificate",
  ],
  [
    "ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED",
    "received fatal alert: CertificateExpired",
    "the client does not accept the broker's certificate: certificate expired",
  ],
  [
    "ERR_SSL_UNEXPECTED_MESSAGE",
    OPENSSL("unexpected message"),
    "the TLS handshake failed: unexpected message",
  ],
  ["", "peer misbehaved", "the TLS handshake failed: peer misbehaved"],
];

Deno.test("A failed TLS handshake is told in words, without a platform's internals", () => {
  for (const [code, message, said] of CASES) {
    const error = Object.assign(new Error(message), { code });
    assertEquals(handshakeFault(error, null, ["mqtt"]), said);
  }
});

Deno.test("The reason why a client's certificate is refused comes before the closed socket", () => {
  const hungUp = Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
  const said = "the client's certificate is not valid";
  for (
    const [code, why] of [
      ["CERT_HAS_EXPIRED", "certificate has expired"],
      ["DEPTH_ZERO_SELF_SIGNED_CERT", "its authority is not trusted here"],
      ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "it has expired, or its authority is not trusted here"],
      ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "its authority is not trusted here"],
      ["INVALID_PURPOSE", "invalid purpose"],
    ]
  ) {
    assertEquals(handshakeFault(hungUp, code, ["mqtt"]), `${said}: ${why}`);
    assertEquals(certificateFault(Object.assign(new Error(), { code })), `${said}: ${why}`);
  }
  assertEquals(certificateFault(null), said);
});
