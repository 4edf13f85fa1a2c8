// What the tests of TLS share: a broker with a certificate of an authority of the tests, and that authority.

import type { Broker, ServeOptions } from "../../src/broker/mod.ts";
import {
  type Certificate,
  type CertificateAuthority,
  certificateAuthority,
  opensslTest,
} from "../io/certificates.ts";
import { withServer } from "./broker_net.ts";

/** What a test of TLS works with. */
export interface Credentials extends Certificate {
  /** The certificate of the authority that has signed all. */
  readonly ca: string;
  readonly authority: CertificateAuthority;
}

/** A test with a certificate, and a broker that listens as the options say; without openssl it is skipped, and says so. */
export function tlsTest(
  name: string,
  test: (broker: Broker, credentials: Credentials) => Promise<void>,
  options: (credentials: Credentials) => ServeOptions,
): void {
  opensslTest(name, async () => {
    const authority = await certificateAuthority();
    const credentials = { ...await authority.server(), ca: authority.cert, authority };
    await withServer((broker) => test(broker, credentials), options(credentials));
  });
}

/** A file with a certificate, for programs that want one. */
export async function fileOf(cert: string): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempFile({ prefix: "mqtt5-", suffix: ".pem" });
  await Deno.writeTextFile(path, cert);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path) };
}
