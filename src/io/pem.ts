// Certificates and keys as text, checked before they are used: Deno takes any, and then no handshake succeeds; and what is no
// certificate at all it overlooks.

import { builtinModule } from "./runtime.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * Checks that a text holds certificates.
 *
 * @param name the option that it was given as
 * @throws {TypeError} when it holds none, or one that cannot be read
 */
export function checkCertificates(name: string, text: unknown): asserts text is string {
  certificatesIn(name, text);
}

/**
 * A certificate and its private key, as they were given.
 *
 * @throws {TypeError} when one of them is something else, or they do not belong together
 */
export function keyPair(
  { cert, key }: { readonly cert?: string | undefined; readonly key?: string | undefined },
): { readonly cert: string; readonly key: string } {
  const [certificate] = certificatesIn("cert", cert);
  const { createPrivateKey } = builtinModule("node:crypto")!;
  let privateKey: ReturnType<typeof createPrivateKey>;
  try {
    if (typeof key !== "string") throw new TypeError(`got ${typeof key}`);
    privateKey = createPrivateKey(key);
  } catch (cause) {
    throw new TypeError(
      "key must be a private key in PEM (-----BEGIN PRIVATE KEY-----), not encrypted",
      { cause },
    );
  }
  if (!certificate!.checkPrivateKey(privateKey)) {
    throw new TypeError("key must be the private key of cert, got that of another certificate");
  }
  return { cert: cert!, key: key! };
}

function certificatesIn(name: string, text: unknown) {
  const blocks = typeof text === "string" ? text.match(CERTIFICATE) : null;
  if (blocks === null) {
    const got = typeof text === "string" ? "a text without one" : typeof text;
    throw new TypeError(
      `${name} must hold a certificate in PEM (-----BEGIN CERTIFICATE-----), got ${got}`,
    );
  }
  const { X509Certificate } = builtinModule("node:crypto")!;
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw new TypeError(`${name} has a certificate that cannot be read, number ${index + 1}`, {
        cause,
      });
    }
  });
}
