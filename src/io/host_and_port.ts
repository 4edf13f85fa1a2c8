// A host and a port in one text, as in a URL, and what a host's name says.

/** `"127.0.0.1:1883"`, `"[::1]:1883"`. */
export function hostAndPort(hostname: string, port: number): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

/** Whether a host is this machine itself, by its name or address, with brackets or without. */
export function isLoopbackHost(hostname: string): boolean {
  return /^(localhost|.+\.localhost|127(\.\d+){3}|\[?::1\]?)$/i.test(hostname);
}
