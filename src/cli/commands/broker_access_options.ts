// The options of `broker` about who may do what, and when anybody may.

import type { ListenOptions } from "../../broker/serve.ts";
import { usageFailure } from "../failure.ts";
import type { OptionTable, OptionValues } from "../options/parse.ts";
import { quoted } from "../terminal/text.ts";

const GROUP = "Users and rights";

/** The options about users and their rights. */
export const ACCESS = {
  "password-file": {
    value: "FILE",
    isFile: true,
    help: "let in the users of this file; see mqtt5 passwd",
  },
  "acl-file": {
    value: "FILE",
    isFile: true,
    help: "let clients read and write what this list says",
    group: GROUP,
  },
  "acl-strict": {
    help: "refuse SUBSCRIBE and Wills that it makes useless",
    group: GROUP,
  },
  "allow-anonymous": { help: "let in clients without User Name", group: GROUP },
} as const satisfies OptionTable;

/** The values of these options. */
export type AccessOptions = OptionValues<typeof ACCESS>;

/**
 * Checks the options, and that nobody opens a broker to a network by accident.
 *
 * @throws {Failure} when an option would do nothing, or everybody in a network could connect
 */
export function checkAccess(options: AccessOptions, places: readonly ListenOptions[]): void {
  if (options["acl-strict"] && options["acl-file"] === undefined) {
    throw usageFailure("--acl-strict needs --acl-file");
  }
  if (options["password-file"] !== undefined || options["allow-anonymous"]) return;
  const open = places.find(({ clientCertificate, hostname, socketPath }) =>
    clientCertificate !== "require" && socketPath === undefined && !isLoopback(hostname!)
  );
  if (open === undefined) return;
  throw usageFailure(
    `Listening on ${quoted(open.hostname!)} would let in everybody who can reach it: give ` +
      "--password-file FILE, or --allow-anonymous if that is meant",
  );
}

function isLoopback(hostname: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|::1)$/i.test(hostname);
}
