// `openssl s_server`: a TLS server for what Mosquitto cannot be brought to do. It takes connections
// one after the other, reads what they send, and says nothing.

import { type Certificate, type CertificateAuthority, certificateFiles } from "./certificates.ts";

/** A server of openssl's that runs until it is disposed. */
export interface OpensslServer extends AsyncDisposable {
  /** The port of 127.0.0.1 on which it listens. */
  readonly port: number;
  /** The same as a URL. */
  readonly url: string;
}

/** What the server does. */
export interface OpensslServerOptions {
  /** What it shows to its clients. */
  readonly certificate: Certificate;
  /** Whose certificates it wants its clients to have; without, it asks for none. */
  readonly clients?: CertificateAuthority;
  /** The one version of TLS that it speaks. */
  readonly version?: "1.1" | "1.2" | "1.3";
  /** The protocols that it speaks (RFC 7301). A client that offers others is refused. */
  readonly alpn?: readonly string[];
  /** More arguments: `-www` makes it a web server, for one. */
  readonly args?: readonly string[];
}

/** Arguments for a server of TLS 1.2 none of whose cipher suites Deno knows. */
export const UNKNOWN_CIPHER = ["-cipher", "ECDHE-ECDSA-AES128-SHA256"] as const;

/** Starts a server and waits until it takes connections. */
export async function startOpensslServer(options: OpensslServerOptions): Promise<OpensslServer> {
  const { certificate, clients, version, alpn, args = [] } = options;
  const files = await certificateFiles(certificate);
  const authority = clients && await certificateFiles({ cert: clients.cert, key: "" });
  const process = new Deno.Command("openssl", {
    args: [
      ...["s_server", "-accept", "127.0.0.1:0", "-naccept", "100"],
      ...["-cert", files.cert, "-cert_chain", files.cert, "-key", files.key],
      ...(authority ? ["-Verify", "3", "-verify_return_error", "-CAfile", authority.cert] : []),
      ...(version ? [`-tls${version.replace(".", "_")}`] : []),
      // An old version is not secure enough for openssl's defaults.
      ...(version === "1.1" ? ["-cipher", "ALL:@SECLEVEL=0"] : []),
      ...(alpn ? ["-alpn", alpn.join(",")] : []),
      ...args,
    ],
    // It closes a connection when its input ends.
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const { port, drained } = await portOf(process.stdout);
  const dispose = async () => {
    try {
      process.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await process.status;
    await drained;
    await process.stdin.close().catch(() => {});
    await files[Symbol.asyncDispose]();
    await authority?.[Symbol.asyncDispose]();
  };
  if (port === undefined) {
    await dispose();
    throw new Error("openssl s_server ended before it listened");
  }
  return { port, url: `mqtts://localhost:${port}`, [Symbol.asyncDispose]: dispose };
}

/** The port that it tells first. What it tells later is read and forgotten. */
async function portOf(
  output: ReadableStream<Uint8Array>,
): Promise<{ port: number | undefined; drained: Promise<void> }> {
  const reader = output.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let port: number | undefined;
  while (port === undefined) {
    const { value, done } = await reader.read();
    if (done) return { port: undefined, drained: Promise.resolve() };
    text += value;
    const found = /ACCEPT \S*:(\d+)\n/.exec(text)?.[1];
    if (found !== undefined) port = Number(found);
  }
  return { port, drained: drain(reader) };
}

async function drain(reader: ReadableStreamDefaultReader<string>): Promise<void> {
  while (!(await reader.read()).done);
}
