// Where a page is served: the option `--page`, and which requests are meant for it. A page in any
// browser could send requests here, by a name of its own that leads to this address; so the name
// that a request gives must be ours.

import { hostAndPort, isLoopbackHost } from "../../io/host_and_port.ts";
import { ipAddress } from "../../io/ip_address.ts";
import { usageFailure } from "../failure.ts";
import type { OptionTable } from "../options/parse.ts";
import { quoted } from "../terminal/text.ts";

/** An address with its port; the host may be left out. */
const ADDRESS = /^(?:(\[[\da-f:.]+\]|[^:/?#@[\]\s]+):)?(\d{1,5})$/i;

/** The option. */
export const PAGE = {
  "page": {
    value: "ADDRESS",
    isOptional: true,
    looksLike: ADDRESS,
    help: "show it in a browser; default 127.0.0.1:8884",
  },
} as const satisfies OptionTable;

const HOSTNAME = "127.0.0.1";
const PORT = 8884;

/** Where to serve a page. */
export interface PageAddress {
  readonly hostname: string;
  /** 0 for any that is free. */
  readonly port: number;
}

/**
 * The value of the option; `undefined` if it is not given.
 *
 * @throws {Failure} when it is not an address
 */
export function pageAddress(given: string | undefined): PageAddress | undefined {
  if (given === undefined) return undefined;
  if (given === "") return { hostname: HOSTNAME, port: PORT };
  const [, host = HOSTNAME, port = ""] = ADDRESS.exec(given) ?? [];
  const isAddress = port !== "" && Number(port) <= 65_535;
  if (isAddress) return { hostname: host.replace(/^\[(.*)\]$/, "$1"), port: Number(port) };
  throw usageFailure(
    `--page: expected a port or an address with one, such as ${hostAndPort(HOSTNAME, PORT)}, got ` +
      quoted(given),
  );
}

/** Whether other machines may reach a page that is served here. */
export function isOpen({ hostname }: PageAddress): boolean {
  return !isLoopbackHost(hostname);
}

/** Whether a page is served at every address of this machine. */
function isEverywhere({ hostname }: PageAddress): boolean {
  return ipAddress(hostname)?.every((byte) => byte === 0) === true;
}

/** The URL at which a browser on this machine finds a page. */
export function pageUrl(address: PageAddress): string {
  const hostname = isEverywhere(address) ? HOSTNAME : address.hostname;
  return `http://${hostAndPort(hostname, address.port)}/`;
}

/** Whether a request is meant for a page, by its Host, and comes from it, by its Origin if any. */
export function isOurs(address: PageAddress, host: string | null, origin: string | null): boolean {
  if (host === null || origin !== null && origin !== `http://${host}`) return false;
  if (!URL.canParse(`http://${host}`)) return false;
  // Without a port, it is 80.
  const { hostname, port } = new URL(`http://${host}`);
  if (Number(port === "" ? 80 : port) !== address.port) return false;
  const bare = hostname.replace(/^\[(.*)\]$/, "$1");
  if (bare === address.hostname.toLowerCase()) return true;
  if (isEverywhere(address)) return bare === "localhost" || ipAddress(bare) !== undefined;
  return isLoopbackHost(address.hostname) && ["localhost", "127.0.0.1", "::1"].includes(bare);
}
