// The permission to listen, asked for beforehand: in Deno, Node's modules find out too late that it
// is missing, where nobody can catch what they throw.

import type { Where } from "./listen.ts";
import { hostAndPort } from "./host_and_port.ts";
import { builtinModule, isDeno } from "./runtime.ts";

/**
 * Makes sure that Node's modules may listen. Resolves to the address to listen at.
 *
 * Rejects with what Deno throws when it may not.
 */
export async function mayListen({ hostname, port }: Where): Promise<string> {
  if (!isDeno) return hostname;
  const address = builtinModule("node:net")!.isIP(hostname) === 0
    ? resolve({ hostname, port })
    : hostname;
  const host = hostAndPort(address, port);
  const { state } = await Deno.permissions.request({ name: "net", host });
  if (state === "granted") return address;
  throw new Deno.errors.NotCapable(
    `Requires net access to "${host}", run again with the --allow-net flag`,
  );
}

/** The address that Deno finds for a name when it listens there. */
function resolve(where: Where): string {
  const listener = Deno.listen(where);
  listener.close();
  return listener.addr.hostname;
}
