// What is refused, by the command line or by the server, beside mosquitto's tools: the exit codes
// that scripts go by.

import { assertEquals } from "@std/assert";
import { serve } from "../../../src/broker/mod.ts";
import { run, runBoth, sideBySideTest, told, type Tool, watch } from "./side_by_side.ts";

/** Mistakes in a command line. */
const MISTAKES: readonly (readonly [tool: Tool, args: string[]])[] = [
  ["pub", ["-t", "a"]],
  ["pub", ["-m", "x"]],
  ["pub", ["-t", "a/#", "-m", "x"]],
  ["pub", ["-t", "a", "-m", "x", "-n"]],
  ["pub", ["-t", "a", "-m", "x", "-m", "y"]],
  ["pub", ["-t", "a", "-m", "x", "-q", "3"]],
  ["pub", ["-t", "a", "-m", "x", "-k", "65536"]],
  ["pub", ["-t", "a", "-m", "x", "-x", "4294967296"]],
  ["pub", ["-t", "a", "-m", "x", "-i", "a", "-I", "b"]],
  ["pub", ["-t", "a", "-m", "x", "--repeat", "0"]],
  ["pub", ["-t", "a", "-m", "x", "--repeat-delay", "-1"]],
  ["pub", ["-t", "a", "-m", "x", "--will-payload", "y"]],
  ["pub", ["-t", "a", "-m", "x", "--will-topic", "w", "--will-qos", "3"]],
  ["pub", ["-t", "a", "-m", "x", "--nothing"]],
  ["pub", ["-t", "a", "-m"]],
  ["sub", ["-C", "1"]],
  ["sub", ["-t", "a/#/b"]],
  ["sub", ["-t", "a", "-T", "a/#/b"]],
  ["sub", ["-t", "a", "-U", "a/#/b"]],
  ["sub", ["-t", "a", "-C", "0"]],
  ["sub", ["-t", "a", "-W", "soon"]],
  ["sub", ["-t", "a", "-R", "--retained-only"]],
  ["rr", ["-t", "a", "-e", "b"]],
  ["rr", ["-e", "b", "-m", "x"]],
  ["rr", ["-t", "a", "-e", "b/#", "-m", "x"]],
];

for (const [tool, args] of MISTAKES) {
  sideBySideTest(`${tool} ${args.join(" ")} is a mistake, with either tool`, async (server) => {
    const [theirs, ours] = await runBoth(server, tool, args);
    assertEquals(theirs.exitCode, 1);
    // 2 stands for nothing else: a script can tell its own mistakes from failures of the network,
    // which are 1.
    assertEquals(told(ours), [2, ""]);
  });
}

sideBySideTest("A session for ever needs a name, with either tool", async (server) => {
  for (const args of [["-c"], ["-x", "-1"]]) {
    const all = ["-t", "a", "-m", "x", ...args];
    const outcomes = await runBoth(server, "pub", all, { isNameless: true });
    assertEquals(outcomes.map(({ exitCode }) => exitCode), [1, 2]);
  }
});

/** The least that each tool takes. */
const LEAST: readonly (readonly [tool: Tool, args: string[]])[] = [
  ["pub", ["-t", "a", "-m", "x"]],
  ["sub", ["-t", "a"]],
  ["rr", ["-t", "a", "-e", "b", "-m", "x"]],
];

sideBySideTest("A server that is not there is 1, with either tool", async (server) => {
  await server.stop("SIGTERM");
  for (const [tool, args] of LEAST) {
    const outcomes = await runBoth(server, tool, args);
    assertEquals(outcomes.map(told), [[1, ""], [1, ""]], tool);
  }
});

sideBySideTest(
  "A client without the right password ends with the Reason Code of the CONNACK, with either tool",
  async (server) => {
    for (const [tool, args] of LEAST) {
      for (
        const who of [[], ["-u", "alice"], ["-u", "alice", "-P", "wrong"], [
          "-u",
          "bob",
          "-P",
          "secret",
        ]]
      ) {
        const outcomes = await runBoth(server, tool, [...args, ...who]);
        // Mosquitto has 0x87, Not authorized, for all of them.
        assertEquals(outcomes.map(told), [[135, ""], [135, ""]], `${tool} ${who.join(" ")}`);
      }
    }
    const url = `mqtt://alice:wrong@127.0.0.1:${server.port}/a`;
    const outcomes = await runBoth(server, "pub", ["-m", "x"], { address: ["-L", url] });
    assertEquals(outcomes.map(told), [[135, ""], [135, ""]]);
    const right = ["-t", "a", "-m", "x", "-u", "alice", "-P", "secret"];
    assertEquals((await runBoth(server, "pub", right)).map(told), [[0, ""], [0, ""]]);
  },
  { users: { alice: "secret" } },
);

for (const reasonCode of [0x80, 0x86, 0x8a, 0x97] as const) {
  sideBySideTest(`A CONNACK with ${reasonCode} is the exit code, with either tool`, async () => {
    await using broker = await serve({ port: 0, authenticate: () => reasonCode });
    for (const [tool, args] of LEAST) {
      const outcomes = await runBoth({ port: broker.port }, tool, args);
      assertEquals(outcomes.map(told), [[reasonCode, ""], [reasonCode, ""]], tool);
    }
  });
}

for (
  const [args, reasonCode, configuration] of [
    [[], 0x80, "allow_zero_length_clientid false"],
    [["--will-topic", "w", "--will-retain"], 0x9a, "retain_available false"],
  ] as const
) {
  sideBySideTest(`With ${configuration} Mosquitto refuses either tool the same`, async (server) => {
    const all = ["-t", "a", "-m", "x", ...args];
    const outcomes = await runBoth(server, "pub", all, { isNameless: true });
    assertEquals(outcomes.map(told), [[reasonCode, ""], [reasonCode, ""]]);
  }, { configuration: [configuration] });
}

/** Arguments by which something is published that nobody may. */
const DENIED: readonly (readonly [args: string[], input: string])[] = [
  [["-m", "x", "-q", "1"], ""],
  [["-m", "x", "-q", "2"], ""],
  [["-m", "x", "-q", "1", "--repeat", "2"], ""],
  [["-l", "-q", "1"], "one\ntwo\n"],
];

sideBySideTest(
  "A PUBLISH that is refused ends pub with its Reason Code, and mosquitto_pub with 0",
  async (server) => {
    for (const [args, input] of DENIED) {
      const [theirs, ours] = await runBoth(server, "pub", ["-t", "no", ...args], { input });
      assertEquals(told(theirs), [0, ""]);
      // Who publishes wants it published: a script that goes on is wrong.
      assertEquals(told(ours), [135, ""], args.join(" "));
    }
    // At QoS 0 nobody learns of it.
    const unknown = await runBoth(server, "pub", ["-t", "no", "-m", "x"]);
    assertEquals(unknown.map(told), [[0, ""], [0, ""]]);
    const granted = await runBoth(server, "pub", ["-t", "yes", "-m", "x", "-q", "1"]);
    assertEquals(granted.map(told), [[0, ""], [0, ""]]);
  },
  { access: ["topic readwrite yes"] },
);

sideBySideTest(
  "A request that is refused ends request at once, and mosquitto_rr when its time is out",
  async (server) => {
    const args = ["-t", "no", "-e", "yes", "-m", "x", "-q", "1", "-W", "1"];
    const outcomes = await runBoth(server, "rr", args);
    assertEquals(outcomes.map(told), [[27, ""], [135, ""]]);
  },
  { access: ["topic readwrite yes"] },
);

sideBySideTest(
  "A subscription that is refused ends sub with its Reason Code, and mosquitto_sub with 0",
  async (server) => {
    for (const args of [["-t", "no"], ["-t", "no", "-t", "neither"], ["-t", "no", "-E"]]) {
      const outcomes = await runBoth(server, "sub", args);
      assertEquals(outcomes.map(told), [[0, ""], [135, ""]], args.join(" "));
    }
    // Of several, mosquitto_sub goes on with those that are granted; nobody would know what is
    // missing.
    const partly = await runBoth(server, "sub", ["-t", "yes", "-t", "no", "-E"]);
    assertEquals(partly.map(told), [[0, ""], [135, ""]]);
    const granted = await runBoth(server, "sub", ["-t", "yes", "-E"]);
    assertEquals(granted.map(told), [[0, ""], [0, ""]]);
    const unheard = await runBoth(server, "rr", ["-t", "a", "-e", "no", "-m", "x"]);
    assertEquals(unheard.map(told), [[0, ""], [135, ""]]);
  },
  { maySubscribe: ["yes"] },
);

for (
  const [args, configuration, theirs] of [
    [["-m", "x".repeat(200), "-q", "1"], "max_packet_size 100", []],
    [["-m", "x", "-q", "2"], "max_qos 1", []],
    // It is published, but not retained.
    [["-m", "x", "-r"], "retain_available false", ['a 0 "x"']],
  ] as const
) {
  sideBySideTest(`With ${configuration} pub fails, where mosquitto_pub says 0`, async (server) => {
    await using watcher = await watch(server);
    assertEquals(told(await run(server, "theirs", "pub", ["-t", "a", ...args])), [0, ""]);
    assertEquals((await watcher.publishedBy("theirs")).messages, theirs);
    assertEquals(told(await run(server, "ours", "pub", ["-t", "a", ...args])), [1, ""]);
    assertEquals((await watcher.publishedBy("ours")).messages, []);
  }, { configuration: [configuration] });
}
