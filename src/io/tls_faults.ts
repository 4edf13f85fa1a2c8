// Why a TLS handshake failed, and what to do about it. Deno says so in messages, Node and the
// runtimes that follow it in codes, so both are looked at.

import type { Destination } from "./destination.ts";
import { type OptionNames, type Told, withoutUrl } from "./fault_texts.ts";

/** The reason for a failed handshake; `undefined` when it is not a known one. */
export function tlsFault(
  message: string,
  code: string,
  destination: Destination,
  names: OptionNames,
): Told | undefined {
  return misconductFault(message, names) ?? certificateFault(message, code, destination, names) ??
    alertFault(message, code, names) ?? ownFault(message, code, destination);
}

/** A violation of TLS by the server, by message only: the code that `node:tls` gives it varies. */
function misconductFault(message: string, names: OptionNames): Told | undefined {
  const [, how] = /^peer misbehaved: (\w+)/.exec(message) ?? [];
  if (how === undefined) return undefined;
  return [
    "tls",
    "server",
    how === "SelectedUnofferedApplicationProtocol"
      ? `the server chose a protocol that ${names.alpn} does not offer`
      : `the server breaks the rules of TLS: ${how}`,
  ];
}

function certificateFault(
  message: string,
  code: string,
  { hostname, tls }: Destination,
  names: OptionNames,
): Told | undefined {
  const certificate = (text: string): Told => ["certificate", "server", text];
  const is = (pattern: RegExp, ...codes: readonly string[]) =>
    codes.includes(code) || pattern.test(message);
  if (is(/certificate: Expired|certificate expired|has expired/i, "CERT_HAS_EXPIRED")) {
    return certificate(
      "the server's certificate has expired; have it renewed, or set this machine's clock",
    );
  }
  if (is(/not valid yet|not yet valid|NotValidYet/i, "CERT_NOT_YET_VALID")) {
    return certificate(
      "the server's certificate is not valid yet; check the clocks of both machines",
    );
  }
  if (is(/not valid for any names/)) {
    return certificate(
      "the server's certificate has a Common Name alone; have it issued with the host name as " +
        "Subject Alternative Name",
    );
  }
  if (is(/not valid for name|NotValidForName/i, "ERR_TLS_CERT_ALTNAME_INVALID")) {
    const name = JSON.stringify(tls?.serverName ?? hostname);
    return certificate(
      `the server's certificate is not for ${name}${namesIn(message)}; connect by a name that ` +
        `it is for, or give that as ${names.serverName}`,
    );
  }
  if (is(/CaUsedAsEndEntity/)) {
    return certificate(
      "the server uses the certificate of an authority as its own, as `openssl req -x509` makes " +
        "it; have one made with CA:FALSE",
    );
  }
  if (is(/extended key usage|InvalidPurpose|unsupported certificate purpose/i, "INVALID_PURPOSE")) {
    return certificate(
      "the server's certificate is not one for servers; have it issued for server authentication",
    );
  }
  if (is(/UnknownIssuer|unable to (verify|get)|self.signed/i, ...UNKNOWN_ISSUER)) {
    return certificate(
      "the server's certificate was issued by an authority that is not trusted here; give the " +
        `authority's certificate as ${names.ca}`,
    );
  }
  if (is(/BadEncoding|PEM|asn1/i)) {
    return ["certificate", "change", `a certificate or key cannot be read: ${message}`];
  }
  if (is(/invalid peer certificate|certificate/i) && !/alert/i.test(message)) {
    return certificate(
      `the server's certificate is not accepted: ${
        withoutUrl(message).replace(/^invalid peer certificate: /, "")
      }`,
    );
  }
  return undefined;
}

const UNKNOWN_ISSUER: readonly string[] = [
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
];

/**
 * The alert that the server sent. With TLS 1.3 it arrives after the handshake, with the first read.
 */
export function alertFault(
  message: string,
  code: string,
  names: OptionNames,
): Told | undefined {
  const alert = `${code} ${message}`;
  const isAlert = /alert/i.test(alert);
  const refused = (why: string): Told => [
    "client certificate",
    "server",
    `the server does not accept the client certificate: ${why}; check ` +
    `${names.cert} and ${names.key}`,
  ];
  if (/certificate.?required/i.test(alert)) {
    return [
      "client certificate",
      "server",
      `the server requires a client certificate; give one as ${names.cert} and ${names.key}`,
    ];
  }
  if (!isAlert) return undefined;
  if (/unknown.?ca/i.test(alert)) return refused("it does not know the authority");
  if (/certificate.?expired/i.test(alert)) return refused("it has expired");
  if (/certificate.?revoked/i.test(alert)) return refused("it has been revoked");
  if (
    /bad.?certificate|certificate.?unknown|unsupported.?certificate|decrypt.?error/i.test(alert)
  ) {
    return refused("it is not valid for this server");
  }
  if (/access.?denied/i.test(alert)) return refused("it has no access");
  if (/no.?application.?protocol/i.test(alert)) {
    return [
      "tls",
      "server",
      `the server takes none of the protocols of ${names.alpn}; check their names`,
    ];
  }
  if (/protocol.?version/i.test(alert)) {
    return ["tls", "server", "the server speaks no TLS from version 1.2 on; it must be updated"];
  }
  if (/unrecognized?.?name/i.test(alert)) {
    return [
      "tls",
      "server",
      `the server does not know this name; check the host or ${names.serverName}`,
    ];
  }
  if (/handshake.?failure/i.test(alert)) {
    return [
      "tls",
      "server",
      "the server refused the TLS handshake; it may require a client certificate " +
      `(${names.cert} and ${names.key}), or ciphers that are not safe any more`,
    ];
  }
  return ["tls", "server", `the server ended TLS: ${withoutUrl(message)}`];
}

/** A fault found by this end: no common version, or an answer that is not TLS. */
function ownFault(message: string, code: string, { scheme }: Destination): Told | undefined {
  if (
    /InvalidContentType|corrupt message|wrong.version.number|packet length|http.request/i
      .test(`${code} ${message}`)
  ) {
    const [plain, port] = scheme === "wss" ? ["ws://", "443"] : ["mqtt://", "8883"];
    return [
      "wrong protocol",
      "server",
      `the server does not speak TLS on this port; use ${plain}, or its port for TLS, ` +
      `usually ${port}`,
    ];
  }
  if (/unsupported.protocol|no.protocols.available|version/i.test(`${code} ${message}`)) {
    return ["tls", "server", "the server speaks no TLS from version 1.2 on; it must be updated"];
  }
  return undefined;
}

/** The names that the certificate is valid for, taken from the platform's message. */
function namesIn(message: string): string {
  const names = [...message.matchAll(/DnsName\("([^"]+)"\)|IpAddress\(([^)]+)\)/g)]
    .map(([, dns, ip]) => dns ?? ip);
  const listed = /altnames?: (DNS:[^;]*|IP Address:[^;]*)$/.exec(message)?.[1];
  if (names.length > 0) return `, but for ${names.join(", ")}`;
  return listed === undefined ? "" : `, but for ${listed.replaceAll(/DNS:|IP Address:/g, "")}`;
}
