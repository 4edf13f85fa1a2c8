/**
 * The library for pages, to be bundled into one file: all that `jsr:@mqtt5/mqtt5` exports, but
 * without TCP, TLS, Unix sockets and proxies, which no browser has.
 *
 * @example
 * ```ts
 * import { connect } from "jsr:@mqtt5/mqtt5/browser";
 *
 * async function main() {
 *   await using client = await connect("wss://broker.example/mqtt");
 *   const readings = await client.subscribe("home/+/temperature");
 *   for await (const message of readings) console.log(message.topic, message.text());
 * }
 * ```
 *
 * @module
 */

export * from "../mod.ts";
export { connect } from "./client/connect_in_browser.ts";
