// Reads and checks the files that the TLS options name before connecting, so that an error names
// the file.

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
import { unreadable } from "../files.ts";
import { quoted, report } from "../terminal/text.ts";
import type { ServerPlace, ServerValues } from "./server.ts";

/** The names of the options on the command line, for messages of faults. */
export const CLI_NAMES: OptionNames = {
  ca: "--cafile",
  cert: "--cert",
  key: "--key",
  alpn: "--tls-alpn",
  serverName: "--tls-server-name",
  headers: "--header",
};

/**
 * How to reach a server, with the contents of files. Warns when the host name is not checked.
 * `names` are those of the options, where a command has others.
 */
export async function destinationOf(
  { at, proxy, headers, given }: ServerPlace,
  stderr: Output,
  names: OptionNames = CLI_NAMES,
): Promise<Destination> {
  const { scheme, hostname, port, path, address } = at;
  if (headers !== undefined) orUsage(() => checkHeaders(headers));
  const place = { scheme, hostname, port, path, address };
  if (!usesTls(at)) return { ...place, headers, proxy };
  if (given.insecure) {
    report(stderr, "--insecure: the host name in the server's certificate is NOT checked");
  }
  const tls = await tlsOf(given, names);
  orUsage(() => void tlsRequest(tls, hostname, names));
  return { ...place, headers, proxy, tls };
}

async function tlsOf(given: ServerValues, names: OptionNames): Promise<TlsOptions> {
  const { cert: certPath, key: keyPath, "tls-alpn": alpn, "tls-server-name": serverName } = given;
  const ca = [
    ...given.cafile === undefined ? [] : [await certificateIn(names.ca, given.cafile)],
    ...given.capath === undefined ? [] : await certificatesIn(given.capath),
  ];
  const options = { ca, alpn, serverName, verify: given.insecure ? "chain only" : "host" } as const;
  if (certPath === undefined || keyPath === undefined) return options;
  const cert = await certificateIn(names.cert, certPath);
  const key = await textIn(names.key, keyPath);
  orUsage(() => {
    checkPrivateKey(`${names.key} ${keyPath}`, key);
    checkKeyPair(cert, key, {
      cert: `${names.cert} ${certPath}`,
      key: `${names.key} ${keyPath}`,
    });
  });
  return { ...options, cert, key };
}

async function certificateIn(option: string, path: string): Promise<string> {
  const text = await textIn(option, path);
  orUsage(() => checkCertificate(`${option} ${path}`, text));
  return text;
}

/** Names of files with certificates; the hashed names of OpenSSL end with a digit. */
const CERTIFICATE_FILE = /\.(pem|crt|cer|\d)$/;

/** The certificates in a folder, each once: hashed names are links to the others. */
async function certificatesIn(folder: string): Promise<readonly string[]> {
  const names: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (!isDirectory && CERTIFICATE_FILE.test(name)) names.push(name);
    }
  } catch (error) {
    throw usageFailure(unreadable("--capath", folder, error));
  }
  const texts = new Set<string>();
  for (const name of names.sort()) {
    const text = await textIn("--capath", `${folder}/${name}`);
    // Keys are PEM files, too.
    if (text.includes("CERTIFICATE-----")) texts.add(text);
  }
  if (texts.size > 0) return [...texts];
  throw usageFailure(
    `--capath ${quoted(folder)} contains no certificates (*.pem, *.crt, *.0)`,
  );
}

async function textIn(option: string, path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw usageFailure(unreadable(option, path, error));
  }
}

/** Turns the errors of a file into those of the command line. */
function orUsage(check: () => void): void {
  try {
    check();
  } catch (error) {
    throw error instanceof TypeError ? usageFailure(error.message) : error;
  }
}
