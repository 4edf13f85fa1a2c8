// Zones of IPv6 addresses (RFC 4007 §11): `fe80::1%eth0` is fe80::1 on the link of the interface
// eth0. Only this machine knows its zones: a socket and our messages have them, a peer never.

/** A URL without its zone, and the zone with its `%`; `""` if there is none. */
export interface ZoneInUrl {
  readonly url: string;
  readonly zone: string;
}

/**
 * An IPv6 address with a zone as the host of a URL: `%25eth0` (RFC 6874), and also `%eth0`, which
 * people paste.
 */
const IN_URL =
  /^([a-z][a-z\d+.-]*:\/\/(?:[^/?#]*@)?\[[\da-f:.]+)%(?:25(?=.))?((?:[\w.~-]|%[\da-f]{2})+)\]/i;

/** Takes the zone out of a URL, which `URL` does not parse with one. */
export function takeZone(url: string): ZoneInUrl {
  const [whole, start, zone] = IN_URL.exec(url) ?? [];
  if (whole === undefined) return { url, zone: "" };
  try {
    const text = `%${decodeURIComponent(zone!)}`;
    return { url: `${start}]${url.slice(whole.length)}`, zone: text };
  } catch {
    // With its zone the URL is refused.
    return { url, zone: "" };
  }
}

/** Adds a zone to a host in brackets. */
export function withZone(bracketed: string, zone: string): string {
  return zone === "" ? bracketed : bracketed.replace(/\]$/, `${zone}]`);
}

/** Whether a host has a zone. */
export function hasZone(hostname: string): boolean {
  return hostname.includes("%");
}

/** A host, or a host and a port, without a zone: what a peer may be told. */
export function withoutZone(host: string): string {
  return host.replace(/%[^\]]*/, "");
}

/** A host, or a host and a port, with its zone escaped for a URL (RFC 6874). */
export function zoneEscaped(host: string): string {
  return host.replace(/%([^\]]*)/, (_, zone: string) => `%25${encodeURIComponent(zone)}`);
}
