// What JSR has under this name, from npm: a checkout needs the npm registry alone.
export { parseArgs } from "npm:deno-std@1.4.0/cli/parse_args.js";
