// IP addresses as text and as bytes.

/** The 4 or 16 bytes of an IP address, IPv6 without brackets; `undefined` when it is not one. */
export function ipAddress(text: string): Uint8Array | undefined {
  return text.includes(":") ? ipv6(text) : ipv4(text);
}

function ipv4(text: string): Uint8Array | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return undefined;
  const bytes = text.split(".").map(Number);
  return bytes.every((byte) => byte <= 255) ? Uint8Array.from(bytes) : undefined;
}

function ipv6(text: string): Uint8Array | undefined {
  if (!URL.canParse(`http://[${text}]`)) return undefined;
  // A URL has it in its shortest form, with an IPv4 address within it in hexadecimal, too.
  const shortest = new URL(`http://[${text}]`).hostname.slice(1, -1);
  const [front = [], back = []] = shortest.split("::").map((part) => {
    return part === "" ? [] : part.split(":").map((group) => parseInt(group, 16));
  });
  const zeros = new Array<number>(8 - front.length - back.length).fill(0);
  const groups = [...front, ...zeros, ...back];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}
