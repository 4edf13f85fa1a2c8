// The command line in a world in which no time passes, and that ends where a timer is asked for.

import { main } from "../../src/cli/main.ts";
import { processContext } from "../../src/cli/terminal/process.ts";

for (
  const name of [
    "setTimeout",
    "setInterval",
    "setImmediate",
    "clearTimeout",
    "clearInterval",
    "clearImmediate",
  ]
) {
  Object.defineProperty(globalThis, name, {
    value() {
      console.error(`${name} was asked for`);
      Deno.exit(99);
    },
  });
}
AbortSignal.timeout = () => new AbortController().signal;
Deno.exit(await main(processContext("cli.ts")));
