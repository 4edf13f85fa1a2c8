/**
 * MQTT 5.0 from the command line.
 *
 * ```sh
 * deno run --allow-net jsr:@mqtt5/mqtt5/cli sub -v -t "home/#"
 * deno run --allow-net jsr:@mqtt5/mqtt5/cli pub -t home/lamp -m on
 * deno run jsr:@mqtt5/mqtt5/cli decode "20 03 00 00 00"
 * ```
 *
 * @module
 */

import { main } from "./src/cli/main.ts";
import { processContext } from "./src/cli/terminal/process.ts";

if (import.meta.main) {
  Deno.exit(await main(processContext(import.meta.filename ?? import.meta.url)));
}
