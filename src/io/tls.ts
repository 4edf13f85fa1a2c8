// What a client asks of TLS, the same on every runtime. What a runtime would silently ignore, or
// not explain, is refused here.

import { OPTION_NAMES, type OptionNames } from "./fault_texts.ts";
import { OptionError } from "./option_error.ts";
import { builtinModule } from "./runtime.ts";

/**
 * TLS for `mqtts://` and `wss://`: whom to trust, and who this client is.
 *
 * Texts are PEM: several blocks in one text, and text around them, are fine.
 */
export interface TlsOptions {
  /**
   * Certificates of authorities to trust, in PEM. They are added to those that the runtime trusts
   * by itself; on every runtime, with and without a client certificate.
   */
  readonly ca?: string | readonly string[] | undefined;
  /** The client's certificate, in PEM, with the intermediate certificates behind it. */
  readonly cert?: string | undefined;
  /** The private key of {@linkcode TlsOptions.cert}, in PEM, not encrypted. */
  readonly key?: string | undefined;
  /**
   * The application protocols to offer (ALPN, RFC 7301), the best one first, such as
   * `"x-amzn-mqtt-ca"`. A server may leave its choice out, but may not choose another.
   */
  readonly alpn?: string | readonly string[] | undefined;
  /** The name to ask for (SNI) and to find in the certificate. Default: the host of the URL. */
  readonly serverName?: string | undefined;
  /**
   * `"host"`: the certificate must be issued by a trusted authority, to the server's name.
   * `"chain only"`: the name is NOT checked, so that whoever has any certificate of a trusted
   * authority can pose as the server: for tests. Default: `"host"`.
   */
  readonly verify?: "host" | "chain only" | undefined;
}

/** What is asked of TLS for one connection. */
export interface TlsRequest {
  /** The host, for SNI and for the name in the certificate. */
  readonly serverName: string;
  readonly ca: readonly string[];
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly alpn: readonly string[];
  readonly verifiesHost: boolean;
}

/** What came of the handshake; `undefined` where the runtime does not tell, or there is none. */
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
 * The options with what is left out filled in.
 *
 * @throws {TypeError} when an option is not what it must be, where a runtime might just ignore it
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
 * Refuses options of TLS with which no connection can be made: once, when they are given.
 *
 * @throws {TypeError} when an option is wrong, or the key is not the certificate's
 */
export function checkTlsOptions(options: TlsOptions, names: OptionNames = OPTION_NAMES): void {
  const { cert, key } = tlsRequest(options, "localhost", names);
  if (cert !== undefined && key !== undefined) checkKeyPair(cert, key, names);
}

/**
 * Refuses what has no certificate in PEM: runtimes ignore it in silence.
 *
 * @throws {TypeError} when there is none
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
 * Refuses what has no private key in PEM that can be used.
 *
 * @throws {TypeError} when there is none
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
 * Refuses a key that is not the certificate's: some runtimes tell so by the strangest errors.
 *
 * @throws {TypeError} when it is another, or one of the two cannot be read
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
