// The TLS options of a client, the same on every runtime. Values that a runtime would silently
// ignore, or reject without explanation, are rejected here.

import { OPTION_NAMES, type OptionNames } from "./fault_texts.ts";
import { OptionError } from "./option_error.ts";
import { builtinModule } from "./runtime.ts";

/**
 * TLS for `mqtts://` and `wss://`: the authorities to trust and the client's own certificate.
 *
 * PEM strings may contain several blocks, and other text around them.
 */
export interface TlsOptions {
  /**
   * Certificates of authorities to trust, in PEM, in addition to those that the runtime trusts by
   * default; on every runtime, with and without a client certificate.
   */
  readonly ca?: string | readonly string[] | undefined;
  /** The client's certificate, in PEM, followed by any intermediate certificates. */
  readonly cert?: string | undefined;
  /** The private key of {@linkcode TlsOptions.cert}, in PEM, not encrypted. */
  readonly key?: string | undefined;
  /**
   * The application protocols to offer (ALPN, RFC 7301), in order of preference, such as
   * `"x-amzn-mqtt-ca"`. A server may choose none of them, but no other.
   */
  readonly alpn?: string | readonly string[] | undefined;
  /** The name to send (SNI) and to check in the certificate. Default: the host of the URL. */
  readonly serverName?: string | undefined;
  /**
   * `"host"`: the certificate must be issued by a trusted authority for the server's name.
   * `"chain only"`: the name is NOT checked, so anyone who holds any certificate from a trusted
   * authority can impersonate the server; for tests only. Default: `"host"`.
   */
  readonly verify?: "host" | "chain only" | undefined;
}

/** The TLS settings of one connection. */
export interface TlsRequest {
  /** The name to send (SNI) and to check in the certificate. */
  readonly serverName: string;
  readonly ca: readonly string[];
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly alpn: readonly string[];
  readonly verifiesHost: boolean;
}

/** The outcome of a handshake; `undefined` where the runtime does not tell, or there is none. */
export interface TlsResult {
  /** The application protocol that the server has chosen. */
  readonly alpnProtocol: string | undefined;
  /** Such as `"TLSv1.3"`. */
  readonly version: string | undefined;
  /** The Common Name of the server's certificate. */
  readonly commonName: string | undefined;
}

const NAMES: ReadonlySet<string> = new Set<keyof TlsOptions>([
  "ca",
  "cert",
  "key",
  "alpn",
  "serverName",
  "verify",
]);

/**
 * Validates the options and fills in the defaults.
 *
 * @throws {TypeError} when an option is wrong, even where the runtime would ignore it
 */
export function tlsRequest(
  options: TlsOptions,
  hostname: string,
  names: OptionNames = OPTION_NAMES,
): TlsRequest {
  for (const name of Object.keys(options)) {
    if (!NAMES.has(name)) throw new OptionError(`Unknown option tls.${name}`);
  }
  const { cert, key, serverName = hostname, verify = "host" } = options;
  const ca = [options.ca ?? []].flat();
  for (const text of ca) checkCertificate(names.ca, text);
  if ((cert === undefined) !== (key === undefined)) {
    throw new OptionError(`${names.cert} and ${names.key} go together: give both or neither`);
  }
  if (cert !== undefined) checkCertificate(names.cert, cert);
  if (key !== undefined) checkPrivateKey(names.key, key);
  const alpn = [options.alpn ?? []].flat();
  for (const protocol of alpn) checkProtocol(names.alpn, protocol);
  if (typeof serverName !== "string" || !/^[^\s/:]+$|^[0-9a-f:.]+$/i.test(serverName)) {
    throw new OptionError(
      `${names.serverName} must be a host name, got ${JSON.stringify(serverName)}`,
    );
  }
  if (!["host", "chain only"].includes(verify)) {
    throw new OptionError(
      `tls.verify must be "host" or "chain only", got ${JSON.stringify(verify)}`,
    );
  }
  return { serverName, ca, cert, key, alpn, verifiesHost: verify === "host" };
}

/**
 * Validates TLS options once, when the application passes them, and that key and certificate match.
 *
 * @throws {TypeError} when an option is wrong, or the key does not belong to the certificate
 */
export function checkTlsOptions(options: TlsOptions, names: OptionNames = OPTION_NAMES): void {
  const { cert, key } = tlsRequest(options, "localhost", names);
  if (cert !== undefined && key !== undefined) checkKeyPair(cert, key, names);
}

/**
 * Checks that a value contains a certificate in PEM: runtimes silently ignore one that does not.
 *
 * @throws {TypeError} when it does not
 */
export function checkCertificate(name: string, text: unknown): asserts text is string {
  if (typeof text !== "string") {
    throw new OptionError(`${name} must be text in PEM, got ${typeof text}`);
  }
  if (!/-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----/.test(text)) {
    throw new OptionError(
      `${name} has no certificate in PEM: expected "-----BEGIN CERTIFICATE-----"`,
    );
  }
}

/**
 * Checks that a value contains an unencrypted private key in PEM.
 *
 * @throws {TypeError} when it does not
 */
export function checkPrivateKey(name: string, text: unknown): asserts text is string {
  if (typeof text !== "string") {
    throw new OptionError(`${name} must be text in PEM, got ${typeof text}`);
  }
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED/.test(text)) {
    throw new OptionError(
      `${name} is encrypted, which is not supported; decrypt it with \`openssl pkey\``,
    );
  }
  if (!/-----BEGIN ([A-Z]+ )?PRIVATE KEY-----/.test(text)) {
    throw new OptionError(
      `${name} has no private key in PEM: expected "-----BEGIN PRIVATE KEY-----"`,
    );
  }
}

/**
 * Checks that a private key belongs to a certificate: the errors of some runtimes do not say so.
 *
 * @throws {TypeError} when it does not, or one of the two cannot be read
 */
export function checkKeyPair(
  cert: string,
  key: string,
  names: Pick<OptionNames, "cert" | "key"> = OPTION_NAMES,
): void {
  const crypto = builtinModule("node:crypto");
  if (crypto === undefined) return;
  const part = <Part>(name: string, make: () => Part): Part => {
    try {
      return make();
    } catch (cause) {
      throw new OptionError(`${name} cannot be read: ${(cause as Error).message}`, { cause });
    }
  };
  const certificate = part(names.cert, () => new crypto.X509Certificate(cert));
  const privateKey = part(names.key, () => crypto.createPrivateKey(key));
  if (certificate.checkPrivateKey(privateKey)) return;
  throw new OptionError(`${names.key} is not the private key of ${names.cert}`);
}

function checkProtocol(name: string, protocol: unknown): void {
  const length = typeof protocol === "string" ? new TextEncoder().encode(protocol).length : 0;
  if (length >= 1 && length <= 255) return;
  throw new OptionError(
    `${name} must be names of 1 to 255 bytes, got ${JSON.stringify(protocol)}`,
  );
}
