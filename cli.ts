/**
 * MQTT 5.0 from the command line.
 *
 * ```sh
 * deno run --allow-net jsr:@mqtt5/mqtt5/cli connect mqtt://127.0.0.1:1883
 * deno run jsr:@mqtt5/mqtt5/cli decode "20 03 00 00 00"
 * ```
 *
 * @module
 */

import { main } from "./src/cli/main.ts";
import { processContext } from "./src/cli/process.ts";

if (import.meta.main) Deno.exit(await main(processContext()));
