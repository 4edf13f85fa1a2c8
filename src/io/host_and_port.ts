// A host and a port in one text, as in a URL.

/** `"127.0.0.1:1883"`, `"[::1]:1883"`. */
export function hostAndPort(hostname: string, port: number): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}
