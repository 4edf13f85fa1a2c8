// The files that the options for TLS name, read and looked at before anybody connects: what is wrong
// with one is said with its name.

import { type Destination, usesTls } from "../../io/destination.ts";
import type { OptionNames } from "../../io/fault_texts.ts";
import {
  checkCertificate,
  checkKeyPair,
  checkPrivateKey,
  type TlsOptions,
  tlsRequest,
} from "../../io/tls.ts";
import { checkHeaders } from "../../io/websocket_fields.ts";
import type { Output } from "../context.ts";
import { usageFailure } from "../failure.ts";
import { quoted, tellOf } from "../terminal/text.ts";
import type { ServerPlace, ServerValues } from "./server.ts";

/** What the command line calls the options, where a fault names one. */
export const CLI_NAMES: OptionNames = {
  ca: "--cafile",
  cert: "--cert",
  key: "--key",
  alpn: "--tls-alpn",
  serverName: "--tls-server-name",
  headers: "--header",
};

/** A server and the way to it, with what stands in files. Says so when the host name is not checked. */
export async function destinationOf(
  { at, proxy, headers, given }: ServerPlace,
  stderr: Output,
): Promise<Destination> {
  const { scheme, hostname, port, path, address } = at;
  if (headers !== undefined) orUsage(() => checkHeaders(headers));
  const place = { scheme, hostname, port, path, address };
  if (!usesTls(at)) return { ...place, headers, proxy };
  if (given.insecure) {
    tellOf(stderr, "--insecure: the host name in the server's certificate is NOT checked");
  }
  const tls = await tlsOf(given);
  orUsage(() => void tlsRequest(tls, hostname, CLI_NAMES));
  return { ...place, headers, proxy, tls };
}

async function tlsOf(given: ServerValues): Promise<TlsOptions> {
  const { cert: certPath, key: keyPath, "tls-alpn": alpn, "tls-server-name": serverName } = given;
  const ca = [
    ...given.cafile === undefined ? [] : [await certificateIn("cafile", given.cafile)],
    ...given.capath === undefined ? [] : await certificatesIn(given.capath),
  ];
  const options = { ca, alpn, serverName, verify: given.insecure ? "chain only" : "host" } as const;
  if (certPath === undefined || keyPath === undefined) return options;
  const cert = await certificateIn("cert", certPath);
  const key = await textIn("key", keyPath);
  orUsage(() => {
    checkPrivateKey(`--key ${keyPath}`, key);
    checkKeyPair(cert, key, { cert: `--cert ${certPath}`, key: `--key ${keyPath}` });
  });
  return { ...options, cert, key };
}

async function certificateIn(option: string, path: string): Promise<string> {
  const text = await textIn(option, path);
  orUsage(() => checkCertificate(`--${option} ${path}`, text));
  return text;
}

/** The names of files with certificates: those by which OpenSSL finds them by hash end with a digit. */
const CERTIFICATE_FILE = /\.(pem|crt|cer|\d)$/;

/** The certificates in a folder, each once: those by hash are links to the others. */
async function certificatesIn(folder: string): Promise<readonly string[]> {
  const names: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (!isDirectory && CERTIFICATE_FILE.test(name)) names.push(name);
    }
  } catch (error) {
    throw unreadable("capath", folder, error);
  }
  const texts = new Set<string>();
  for (const name of names.sort()) {
    const text = await textIn("capath", `${folder}/${name}`);
    // Keys, too, are in PEM.
    if (text.includes("CERTIFICATE-----")) texts.add(text);
  }
  if (texts.size > 0) return [...texts];
  throw usageFailure(
    `--capath ${quoted(folder)} has no file with a certificate, *.pem, *.crt or *.0`,
  );
}

async function textIn(option: string, path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw unreadable(option, path, error);
  }
}

function unreadable(option: string, path: string, error: unknown): Error {
  if (error instanceof Deno.errors.NotCapable) {
    return usageFailure(`This program may not read ${path}; run it with --allow-read=${path}`);
  }
  return usageFailure(`Cannot read --${option} ${quoted(path)}: ${(error as Error).message}`);
}

/** What is wrong with a file is wrong with the command line that names it. */
function orUsage(check: () => void): void {
  try {
    check();
  } catch (error) {
    throw error instanceof TypeError ? usageFailure(error.message) : error;
  }
}
