// A certificate for this machine, signed by itself, made by openssl once for all tests of a file.

import type { Broker, ServeOptions } from "../../src/broker/mod.ts";
import { brokerTest, isInstalled } from "./broker_net.ts";

/** A certificate and its key, both in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

const hasOpenssl = await isInstalled("openssl", "version");

const certificate = hasOpenssl ? await make() : undefined;

/** A test with a certificate, and a broker that listens as the options say; without openssl it is skipped, and says so. */
export function tlsTest(
  name: string,
  test: (broker: Broker, certificate: Certificate) => Promise<void>,
  options: (certificate: Certificate) => ServeOptions,
): void {
  if (certificate !== undefined) {
    return brokerTest(name, (broker) => test(broker, certificate), options(certificate));
  }
  Deno.test({ name: `${name} (skipped: openssl cannot be found)`, ignore: true, fn() {} });
}

/** A file with the certificate, for programs that want one. */
export async function certificateFile(
  { cert }: Certificate,
): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempFile({ prefix: "mqtt5-", suffix: ".pem" });
  await Deno.writeTextFile(path, cert);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path) };
}

async function make(): Promise<Certificate> {
  const folder = await Deno.makeTempDir({ prefix: "mqtt5-certificate-" });
  try {
    const { success, stderr } = await new Deno.Command("openssl", {
      args: [
        ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
        ...["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        ...["-addext", "basicConstraints=critical,CA:FALSE"],
        ...["-days", "2", "-keyout", "key.pem", "-out", "cert.pem"],
      ],
      cwd: folder,
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    const cert = await Deno.readTextFile(`${folder}/cert.pem`);
    const key = await Deno.readTextFile(`${folder}/key.pem`);
    return { cert, key };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
