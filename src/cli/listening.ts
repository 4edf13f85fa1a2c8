// What commands that listen have in common once they run: certificates from files, messages for
// places where they cannot listen, and their end by Ctrl-C.

import type { CertificateOptions, ListenOptions } from "../io/listen.ts";
import { Failure } from "./failure.ts";
import { systemReason, unreadable } from "./files.ts";
import { isSecure } from "./options/listeners.ts";
import { quoted } from "./terminal/text.ts";

/** The files of a certificate, by their options. */
export interface CertificateFiles {
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly cafile?: string | undefined;
}

/**
 * The certificate that is in its files now.
 *
 * @throws {Failure} when one cannot be read
 */
export async function certificateOf(
  { cert, key, cafile }: CertificateFiles,
): Promise<CertificateOptions> {
  return {
    cert: await textOf(cert!),
    key: await textOf(key!),
    ca: cafile === undefined ? undefined : await textOf(cafile),
  };
}

/**
 * The listeners with their certificate, which is read if one of them needs it.
 *
 * @throws {Failure} when it cannot be read
 */
export async function withCertificate(
  places: readonly ListenOptions[],
  files: CertificateFiles,
): Promise<readonly ListenOptions[]> {
  if (!places.some(isSecure)) return places;
  const certificate = await certificateOf(files);
  return places.map((place) => isSecure(place) ? { ...place, ...certificate } : place);
}

async function textOf(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new Failure(unreadable("", path, error));
  }
}

/**
 * What is to be thrown when it is not possible to listen at one of some places: a message, or the
 * error itself when an option is wrong.
 *
 * @param remedy the option by which another port is chosen
 * @param permissions what is to be allowed, such as `"--allow-net"`
 */
export function listenFailure(
  error: unknown,
  places: readonly ListenOptions[],
  remedy: string,
  permissions: string,
): unknown {
  const { message, code } = error as Error & { readonly code?: string };
  const where = places.map(({ hostname, port, socketPath }) =>
    socketPath === undefined ? `${hostname}:${port}` : quoted(socketPath)
  ).join(" or ");
  if (code === "EADDRINUSE") {
    return new Failure(
      `Cannot listen on ${where}: the address is in use; choose another port with ${remedy}`,
    );
  }
  if (error instanceof Deno.errors.NotCapable) {
    return new Failure(`${message.replace(/, run again.*$/, "")}; run it with ${permissions}`);
  }
  const isOption = error instanceof TypeError || error instanceof RangeError;
  if (isOption && code === undefined) return error;
  return new Failure(`Cannot listen on ${where}: ${systemReason(error)}`);
}

/** Resolves when the signal has aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve());
  });
}
