// Cryptography, by Web Crypto: it works beside the event loop, in every runtime. A page has it only
// in a secure context: when it came by https, or from this machine.

import type { ScramCrypto } from "../session/scram/cryptography.ts";

/** The platform's cryptography, for SCRAM. */
export const webCrypto: ScramCrypto = {
  random: (length) => crypto.getRandomValues(new Uint8Array(length)),
  async hash(name, data) {
    return new Uint8Array(await subtle().digest(name, data as BufferSource));
  },
  async hmac(hash, key, data) {
    const algorithm = { name: "HMAC", hash };
    const imported = await subtle().importKey("raw", key as BufferSource, algorithm, false, [
      "sign",
    ]);
    return new Uint8Array(await subtle().sign("HMAC", imported, data as BufferSource));
  },
  async pbkdf2(hash, password, salt, iterations) {
    const key = await subtle().importKey("raw", password as BufferSource, "PBKDF2", false, [
      "deriveBits",
    ]);
    const algorithm = { name: "PBKDF2", hash, salt: salt as BufferSource, iterations };
    return new Uint8Array(await subtle().deriveBits(algorithm, key, Number(hash.slice(4))));
  },
};

function subtle(): SubtleCrypto {
  const found = crypto.subtle as SubtleCrypto | undefined;
  if (found !== undefined) return found;
  throw new Error("There is no Web Crypto here: a page has it only over https or from localhost");
}
