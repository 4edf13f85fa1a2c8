// Where commands find their server and their topic: by `-h` and `-p`, or in a URL.

import { assertEquals, assertMatch } from "@std/assert";
import { Recorder } from "../recorder.ts";
import { run } from "../run.ts";
import { brokerTest, cliBare } from "../server.ts";
import { optionsTest } from "../tested_options.ts";

const PLACES: readonly [name: string, args: (port: number) => readonly string[]][] = [
  ["-h and -p", (port) => ["-h", "127.0.0.1", "-p", `${port}`, "-t", "a/b c"]],
  ["a URL, and -t", (port) => [`mqtt://127.0.0.1:${port}`, "-t", "a/b c"]],
  ["a URL with the topic", (port) => [`mqtt://127.0.0.1:${port}/a/b c`]],
  ["a URL with the topic in percent-escapes", (port) => [`mqtt://127.0.0.1:${port}/a%2Fb%20c`]],
  ["-L and the URL", (port) => ["-L", `mqtt://127.0.0.1:${port}/a/b%20c`]],
];

for (const [name, args] of PLACES) {
  brokerTest(`a server can be given by ${name}`, async (broker, client) => {
    const messages = await client.subscribe("a/b c");
    const net = [`--allow-net=127.0.0.1:${broker.port}`];
    const { exitCode } = await cliBare(net, ["pub", "-m", "x", "-q", "1", ...args(broker.port)]);
    assertEquals(exitCode, 0);
    for await (const message of messages) {
      assertEquals(message.text(), "x");
      break;
    }
  });
}

const FILTERS: readonly [inUrl: string, filters: readonly string[]][] = [
  ["home/#", ["t", "home/#"]],
  ["#", ["t", "#"]],
  ["+/%2B/a%2F%23", ["t", "+/+/a/#"]],
  ["$SYS/+", ["t", "$SYS/+"]],
  ["/leading/and//trailing/", ["t", "/leading/and//trailing/"]],
  ["what?not", ["t", "what?not"]],
  ["100%", ["t", "100%"]],
  ["gr%C3%BC%C3%9Fe/grüße", ["t", "grüße/grüße"]],
];

for (const [inUrl, filters] of FILTERS) {
  Deno.test(`a URL may end with a Topic Filter, beside that of -t: ${inUrl}`, async () => {
    await using server = new Recorder({ subscribe: () => "close" });
    const net = [`--allow-net=localhost:${server.port}`];
    await cliBare(net, [
      ...["sub", "-t", "t", "-E", "--reconnect-attempts", "0"],
      `mqtt://localhost:${server.port}/${inUrl}`,
    ]);
    const { subscriptions } = await server.first("subscribe");
    assertEquals(subscriptions.map(({ topicFilter }) => topicFilter), filters);
  });
}

const USAGE: readonly [string, readonly string[], RegExp][] = [
  ["a URL of another scheme", ["http://localhost"], /Unknown scheme http:.*expected mqtt:/],
  ["a host in the place of a URL", ["localhost"], /"localhost" is not the URL of a server/],
  ["an invalid port", ["mqtt://localhost:x/a"], /is not the URL of a server/],
  ["two URLs", ["mqtt://a/b", "-L", "mqtt://c/d"], /Expected one server URL/],
  ["a URL and a host", ["mqtt://a/b", "-h", "c"], /only once: as a URL, with --host/],
  ["a URL and a port", ["mqtt://a/b", "-p", "1"], /only once: as a URL, with --host/],
  ["port 0", ["-p", "0"], /--port: expected an integer from 1 to 65535/],
  ["an invalid host", ["-h", "a b"], /is no/],
];

for (const [what, args, says] of USAGE) {
  Deno.test(`${what} is refused with exit code 2, and nothing is sent`, async () => {
    const { exitCode, stdout, stderr } = await run(["sub", "-t", "a", ...args]);
    assertEquals([exitCode, stdout], [2, ""], stderr);
    assertMatch(stderr, /^mqtt5: [^\n]*\n$/);
    assertMatch(stderr, says);
  });
}

optionsTest(import.meta.url);
