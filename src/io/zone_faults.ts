// What a zone has to do with a failure to connect: a platform says "Invalid argument" of it, or
// that there is no such host.

import type { Destination } from "./destination.ts";
import { codeOf, messageOf, type Told } from "./fault_texts.ts";
import { hasZone } from "./zone.ts";

/** The fault where an IPv6 address has an unknown zone, or needs one; else `undefined`. */
export function zoneFault(error: unknown, { hostname }: Destination): Told | undefined {
  const code = codeOf(error);
  if (hasZone(hostname)) {
    const isUnknown = code === "EINVAL" || code === "ENOTFOUND" ||
      /^failed to lookup/.test(messageOf(error));
    if (!isUnknown) return undefined;
    const zone = hostname.replace(/^.*%/, "");
    // Systems look for the names of interfaces with these addresses only.
    return LINK_LOCAL.test(hostname)
      ? ["unreachable", "time", `no interface ${JSON.stringify(zone)} on this machine`]
      : [
        "unreachable",
        "change",
        `an interface is for link-local addresses, fe80::…; leave out ${
          JSON.stringify(`%${zone}`)
        }`,
      ];
  }
  if (code !== "EINVAL" || !LINK_LOCAL.test(hostname)) return undefined;
  return [
    "unreachable",
    "change",
    "a link-local address needs an interface, as in fe80::1%eth0, in a URL [fe80::1%25eth0]",
  ];
}

/** fe80::/10, RFC 4291 §2.5.6. */
const LINK_LOCAL = /^fe[89ab][\da-f]:/i;
