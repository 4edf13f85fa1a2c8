// A server's certificate and its key as text, checked before they are used: Deno takes any, and
// then no handshake succeeds.

import { builtinModule } from "./runtime.ts";
import { checkCertificate, checkKeyPair, checkPrivateKey } from "./tls.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * A certificate and its private key, as they were given.
 *
 * @throws {TypeError} when one of them is something else, or they do not belong together
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
 * Refuses a text without certificates, or with one that cannot be read.
 *
 * @param name the option that it was given as
 * @throws {TypeError} when it is such a text
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
  if (blocks.length === 0) throw new TypeError(`${name} has no certificate that ends`);
}
