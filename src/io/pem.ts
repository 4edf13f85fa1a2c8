// Checks a server's certificate and key, in PEM, before they are used: Deno accepts any text, and
// then every handshake fails.

import { builtinModule } from "./runtime.ts";
import { checkCertificate, checkKeyPair, checkPrivateKey } from "./tls.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * Validates a certificate and its private key, and returns them unchanged.
 *
 * @throws {TypeError} when one of them is missing or invalid, or they do not belong together
 */
export function keyPair(
  { cert, key }: { readonly cert?: string | undefined; readonly key?: string | undefined },
): { readonly cert: string; readonly key: string } {
  checkCertificates("cert", cert);
  checkPrivateKey("key", key);
  checkKeyPair(cert, key, { cert: "cert", key: "key" });
  return { cert, key };
}

/**
 * Checks that a text contains certificates in PEM, and that each of them can be parsed.
 *
 * @param name the name of the option, for the error
 * @throws {TypeError} when it contains none, or an invalid one
 */
export function checkCertificates(name: string, text: unknown): asserts text is string {
  checkCertificate(name, text);
  const { X509Certificate } = builtinModule("node:crypto")!;
  const blocks = text.match(CERTIFICATE) ?? [];
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block);
    } catch (cause) {
      throw new TypeError(`${name} has a certificate that cannot be read, number ${index + 1}`, {
        cause,
      });
    }
  }
  if (blocks.length === 0) throw new TypeError(`${name} has no "-----END CERTIFICATE-----"`);
}
