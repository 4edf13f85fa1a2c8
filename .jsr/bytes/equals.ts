// What JSR has under this name, from npm: a checkout needs the npm registry alone.
export { equals } from "npm:deno-std@1.4.0/bytes/equals.js";
