// What of a URL is dialled, and who is to be let in there.

import { assertEquals } from "@std/assert";
import { parseServerUrl } from "../../src/client/server_url.ts";

for (
  const [url, scheme, hostname, port, path, address] of [
    ["mqtt://a", "mqtt", "a", 1883, "", "a:1883"],
    ["tcp://a:1", "mqtt", "a", 1, "", "a:1"],
    ["mqtts://a/", "mqtts", "a", 8883, "", "a:8883"],
    ["ssl://[::1]", "mqtts", "::1", 8883, "", "[::1]:8883"],
    ["tls://a:65535", "mqtts", "a", 65_535, "", "a:65535"],
    ["ws://a/mqtt?b=c", "ws", "a", 80, "/mqtt?b=c", "a:80"],
    ["wss://a", "wss", "a", 443, "/", "a:443"],
    ["mqtt+unix:///run/a%20b", "mqtt+unix", "", 0, "/run/a b", "/run/a b"],
    ["unix:///run/%3F%23", "mqtt+unix", "", 0, "/run/?#", "/run/?#"],
  ] as const
) {
  Deno.test(`${url} leads to ${address} by ${scheme}, without a user`, () => {
    const credentials = { username: undefined, password: undefined };
    const expected = { scheme, hostname, port, path, address, ...credentials };
    assertEquals(parseServerUrl(url), expected);
  });
}

Deno.test("A user name and a password stand percent-encoded in a URL, each with or without the other", () => {
  const credentialsOf = (url: string) => {
    const { username, password } = parseServerUrl(url);
    return [username, password === undefined ? undefined : new TextDecoder().decode(password)];
  };
  assertEquals(credentialsOf("mqtt://a%40b:c%2F%3A@host"), ["a@b", "c/:"]);
  assertEquals(credentialsOf("mqtt://a@host"), ["a", undefined]);
  assertEquals(credentialsOf("mqtt://:c@host"), [undefined, "c"]);
});
