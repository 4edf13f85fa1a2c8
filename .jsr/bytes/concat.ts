// What JSR has under this name, from npm: a checkout needs the npm registry alone.
export { concat } from "npm:deno-std@1.4.0/bytes/concat.js";
