// Which network a connection comes from, for limits per address: somebody with IPv6 has as many
// addresses as a network of 64 bits holds.

import { ipAddress } from "./ip_address.ts";

/**
 * The network of an address with a port: an IPv4 address, or the first 64 bits of an IPv6 address.
 * `undefined` for what is not reached by IP, such as `"unix"`.
 *
 * @internal
 */
export function networkOf(address: string): string | undefined {
  const [, bracketed, plain] = /^(?:\[([^\]%]+)(?:%[^\]]*)?\]|([^:]+)):\d+$/.exec(address) ?? [];
  const ip = bracketed ?? plain;
  const bytes = ip === undefined ? undefined : ipAddress(ip);
  if (bytes === undefined) return undefined;
  if (bytes.length === 4) return bytes.join(".");
  // An IPv4 address within IPv6: ::ffff:192.0.2.1
  const isMapped = bytes.subarray(0, 10).every((byte) => byte === 0) &&
    bytes[10] === 0xff && bytes[11] === 0xff;
  if (isMapped) return bytes.subarray(12).join(".");
  return Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
