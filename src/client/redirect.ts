// §4.11 Server redirection: where a server points to, and whether to go there.

import { ConnectionClosedError, RefusedError } from "../errors.ts";
import type { WorldClock } from "../io/clock.ts";
import { usesTls } from "../io/destination.ts";
import { ReasonCode } from "../packets/mod.ts";
import { textOf } from "./reconnect.ts";
import { parseServerUrl } from "./server_url.ts";
import {
  type Server,
  type ServerOptions,
  serversOf,
  type ServerUrls,
  type Sockets,
} from "./servers.ts";

/**
 * What to do with a Server Reference: `"never"` follow it, follow it by the `"same scheme"`, or ask
 * for the URL that it stands for; none, and it is not followed.
 */
export type RedirectPolicy =
  | "never"
  | "same scheme"
  | ((reference: string) => ServerUrls | undefined | Promise<ServerUrls | undefined>);

/** The most redirections in a row. */
export const MAXIMUM_REDIRECTIONS = 5;

/** Where a server points to. */
export interface Redirection {
  /** As it came. */
  readonly reference: string;
  /** Whether the server has moved for good. */
  readonly isPermanent: boolean;
}

/** The redirection in an error, if it is one. */
export function redirectionOf({ cause }: ConnectionClosedError): Redirection | undefined {
  if (!(cause instanceof RefusedError)) return undefined;
  const { reasonCode, serverReference } = cause;
  if (serverReference === undefined) return undefined;
  if (reasonCode !== ReasonCode.useAnotherServer && reasonCode !== ReasonCode.serverMoved) {
    return undefined;
  }
  return { reference: serverReference, isPermanent: reasonCode === ReasonCode.serverMoved };
}

/**
 * The servers that a redirection leads to, none when it is not to be followed.
 *
 * @throws {ConnectionClosedError} when it may not be followed, or leads nowhere
 */
export async function redirectedServers(
  policy: RedirectPolicy,
  from: Server,
  { reference }: Redirection,
  options: ServerOptions,
  sockets: Sockets,
  clock: WorldClock | undefined,
): Promise<readonly Server[]> {
  if (policy === "never") return [];
  let servers: readonly Server[];
  try {
    servers = policy === "same scheme"
      ? sameScheme(from, reference)
      : await askedServers(policy, reference, options, sockets, clock);
  } catch (cause) {
    throw notFollowed(from, reference, textOf(cause), cause);
  }
  const { destination } = from;
  if (destination === undefined || !usesTls(destination)) return servers;
  if (servers.every(({ destination }) => destination !== undefined && usesTls(destination))) {
    return servers;
  }
  throw notFollowed(from, reference, "it does not use TLS");
}

async function askedServers(
  policy: Exclude<RedirectPolicy, string>,
  reference: string,
  options: ServerOptions,
  sockets: Sockets,
  clock: WorldClock | undefined,
): Promise<readonly Server[]> {
  const urls = await policy(reference);
  return urls === undefined ? [] : serversOf(urls, options, sockets, clock);
}

/**
 * The servers of a Server Reference, which the standard recommends to write as names with or
 * without a port, with spaces between them. They are reached as the one before was; but a
 * certificate must be for the new name.
 */
function sameScheme(from: Server, reference: string): readonly Server[] {
  const before = from.destination;
  if (before === undefined || before.scheme === "mqtt+unix") return [];
  return reference.split(" ").filter((name) => name !== "").map((name) => {
    const url = /^[a-z+]+:\/\//i.test(name) ? name : `${before.scheme}://${name}`;
    const { username, password, ...there } = parseServerUrl(url);
    if (there.scheme !== before.scheme) {
      throw new TypeError(`expected ${before.scheme}://, got ${there.scheme}://`);
    }
    return {
      address: there.address,
      username: username ?? from.username,
      password: password ?? from.password,
      destination: {
        ...before,
        ...there,
        path: there.path.length > 1 ? there.path : before.path,
        tls: before.tls && { ...before.tls, serverName: undefined },
      },
      isSpent: false,
    };
  });
}

function notFollowed(
  { address }: Server,
  reference: string,
  why: string,
  cause?: unknown,
): ConnectionClosedError {
  const message = `${address} points to ${
    JSON.stringify(reference)
  }, which is not followed: ${why}`;
  return new ConnectionClosedError(message, { kind: "configuration", cause });
}
