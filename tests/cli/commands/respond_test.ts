// The command `respond` as a process: what it answers, with the help of a program too, and what it
// leaves unanswered.

import { assertEquals, assertLess, assertMatch, assertRejects } from "@std/assert";
import type { Client, Message } from "../../../mod.ts";
import { type Broker, serve } from "../../../src/broker/mod.ts";
import { bytesOf } from "../../hex.ts";
import { freePort } from "../../io/mosquitto.ts";
import { run, type Running } from "../run.ts";
import { begin, brokerTest, cli, fileWith } from "../server.ts";
import { optionsTest } from "../tested_options.ts";

/** Starts `respond`, and waits until it has subscribed. */
async function responding(
  broker: Broker,
  args: readonly string[],
  permissions: readonly string[] = [],
): Promise<Running & AsyncDisposable> {
  const respond = begin(broker, ["respond", "-d", "-t", "ask/#", ...args], { permissions });
  await respond.untilTold(/← SUBACK/);
  return respond;
}

/**
 * Asks questions in turn, and resolves to the answers. Each is asked when the one before is
 * answered.
 */
async function ask(
  client: Client,
  ...questions: readonly (string | Uint8Array)[]
): Promise<Message[]> {
  const answers: Message[] = [];
  const incoming = await client.subscribe("re", { qos: 2 });
  for (const question of questions) {
    const correlationData = bytesOf(`0A0${answers.length}`);
    await client.publish("ask/me", question, { responseTopic: "re", correlationData, qos: 1 });
    for await (const answer of incoming) {
      assertEquals(answer.correlationData, correlationData);
      answers.push(answer);
      break;
    }
  }
  await incoming.unsubscribe();
  return answers;
}

function texts(messages: readonly Message[]): string[] {
  return messages.map((message) => message.text());
}

Deno.test("request asks, respond answers with what was asked", async () => {
  await using broker = await serve({ port: 0 });
  await using respond = await responding(broker, ["-C", "2"]);
  for (const qos of ["0", "2"]) {
    const { exitCode, stdout, stderr } = await cli(broker, [
      ...["request", "-t", "ask/me", "-m", "héllo", "-q", qos, "-W", "10"],
    ]);
    assertEquals([exitCode, stdout, stderr], [0, "héllo\n", ""]);
  }
  // After two answers it has done what it was to do.
  const { exitCode, stdout, stderr } = await respond.end();
  assertEquals([exitCode, stdout], [0, ""]);
  assertMatch(stderr, /\nmqtt5: Responded to a request on ask\/me\n/);
});

brokerTest(
  "respond answers with a fixed text, and sends every property",
  async (broker, client) => {
    await using _ = await responding(broker, [
      ...["-m", "pong", "-q", "2", "--payload-format-indicator", "1", "--content-type", "t/p"],
      ...["--message-expiry-interval", "60", "--response-topic", "more", "--user-property", "a=b"],
      // The request's own is what the answer must carry, whatever is said here.
      ...["--correlation-data", "mine", "--topic-alias", "1", "-r"],
    ]);
    const [answer, again] = await ask(client, "ping", "ping");
    assertEquals([answer?.text(), answer?.qos, again?.text()], ["pong", 2, "pong"]);
    const { subscriptionIdentifiers: _identifiers, ...properties } = answer!.properties;
    assertEquals(properties, {
      payloadFormatIndicator: 1,
      messageExpiryInterval: 60,
      contentType: "t/p",
      responseTopic: "more",
      correlationData: bytesOf("0A00"),
      userProperties: [["a", "b"]],
    });
    assertEquals(broker.statistics.retained, 1);
  },
);

const FIXED: readonly [string, readonly string[], string][] = [
  ["a file", ["-f", "FILE"], "in a file"],
  ["nothing", ["-n"], ""],
];

for (const [name, args, answer] of FIXED) {
  brokerTest(`respond answers with ${name}`, async (broker, client) => {
    await using file = await fileWith("in a file");
    const words = args.map((word) => word === "FILE" ? file.path : word);
    await using _ = await responding(broker, words, [`--allow-read=${file.path}`]);
    assertEquals(texts(await ask(client, "x")), [answer]);
  });
}

brokerTest("respond -s answers with all of standard input", async (broker, client) => {
  await using respond = begin(broker, ["respond", "-d", "-t", "ask/+", "-t", "b", "-s"]);
  await respond.type("one\ntwo");
  await respond.endInput();
  await respond.untilTold(/← SUBACK/);
  assertEquals(texts(await ask(client, "x")), ["one\ntwo"]);
});

brokerTest(
  "respond --exec answers with the first line of what a program prints",
  async (broker, client) => {
    const program = `sh -c 'read a; echo "$MQTT_TOPIC: $a"; echo more' "one word"`;
    await using _ = await responding(broker, ["--exec", program], ["--allow-run=sh"]);
    assertEquals(texts(await ask(client, "x y\nz\n", "2\n")), ["ask/me: x y", "ask/me: 2"]);
  },
);

brokerTest(
  "respond --exec takes words in quotation marks for one, and no shell",
  async (broker, client) => {
    const program = `printf '%s|' "a b" c"d e"f '"' $HOME *`;
    await using _ = await responding(broker, ["--exec", program], ["--allow-run=printf"]);
    assertEquals(texts(await ask(client, "x")), ['a b|cd ef|"|$HOME|*|']);
  },
);

brokerTest(
  "respond --exec gives a program bytes as they are, one that reads none too",
  async (broker, client) => {
    const bytes = Uint8Array.from({ length: 200_000 }, (_, index) => index % 256);
    const program = `sh -c "od -An -tx1 -N3; exit"`;
    await using _ = await responding(broker, ["--exec", program], ["--allow-run=sh"]);
    assertEquals(texts(await ask(client, bytes, "\n\n")), [" 00 01 02", " 0a 0a"]);
  },
);

brokerTest(
  "respond goes on after a program that fails, and counts answers alone",
  async (broker, client) => {
    const program = `sh -c 'read a; echo "$a"; exit $a'`;
    await using respond = await responding(broker, ["--exec", program, "-C", "1"], [
      "--allow-run=sh",
    ]);
    await client.publish("ask/me", "3\n", { responseTopic: "re", qos: 1 });
    await respond.untilTold(
      /mqtt5: No response to a request on ask\/me: "sh" exited with code 3\n/,
    );
    assertEquals(texts(await ask(client, "0\n")), ["0"]);
    assertEquals((await respond.end()).exitCode, 0);
  },
);

brokerTest(
  "respond gives up a program that takes longer than --exec-timeout",
  async (broker, client) => {
    // The sleep is a child of the shell's, which keeps standard output open for longer than the
    // shell lives.
    const program = `sh -c 'read a; test "$a" = fast || sleep 4 2>&-; echo "$a"'`;
    const args = ["--exec", program, "--exec-timeout", "1"];
    await using respond = await responding(broker, args, ["--allow-run=sh"]);
    const before = performance.now();
    await client.publish("ask/me", "slow\n", { responseTopic: "re", qos: 1 });
    await respond.untilTold(
      /mqtt5: No response to a request on ask\/me: "sh" took longer than 1 s\n/,
    );
    assertLess(performance.now() - before, 3000);
    assertEquals(texts(await ask(client, "fast\n")), ["fast"]);
  },
);

brokerTest(
  "respond reports a message without Response Topic, and goes on",
  async (broker, client) => {
    await using respond = await responding(broker, ["-C", "1"]);
    await client.publish("ask/me", "x", { qos: 1 });
    await respond.untilTold(/mqtt5: Ignored a message on ask\/me: it has no Response Topic\n/);
    assertEquals(texts(await ask(client, "y")), ["y"]);
    assertEquals((await respond.end()).exitCode, 0);
  },
);

Deno.test("respond --exec checks that it can run the program before it connects", async () => {
  await using file = await fileWith("#!/bin/sh\n");
  const ran = `${file.path}.ran`;
  await Deno.writeTextFile(file.path, `#!/bin/sh\ntouch ${ran}\n`);
  await Deno.chmod(file.path, 0o600);
  const cases = [
    {
      program: "no-such-program",
      permissions: ["--allow-run"],
      says: /"no-such-program": not found in PATH; [^\n]* for a shell give --exec "sh -c '…'"\n/,
    },
    {
      program: "/no/such/program",
      permissions: ["--allow-run"],
      says: /"\/no\/such\/program": no such file or directory\n/,
    },
    { program: file.path, permissions: ["--allow-run"], says: /": it is not an executable file\n/ },
    { program: "sh", permissions: [], says: /"sh": permission denied; [^\n]*--allow-run=sh\n/ },
  ];
  for (const { program, permissions, says } of cases) {
    // Nothing listens there: who tried to connect would say so.
    const server = { port: freePort() };
    const args = ["respond", "-t", "ask", "--exec", program];
    const { exitCode, stderr } = await cli(server, args, { permissions });
    assertEquals(exitCode, 1, stderr);
    assertMatch(stderr, /^mqtt5: Cannot run [^\n]*\n$/);
    assertMatch(stderr, says);
  }
  await Deno.chmod(file.path, 0o700);
  const { stderr } = await cli(
    { port: freePort() },
    ["respond", "-t", "ask", "--exec", file.path],
    { permissions: ["--allow-run"] },
  );
  assertMatch(stderr, /^mqtt5: Cannot connect to /);
  await assertRejects(() => Deno.stat(ran), Deno.errors.NotFound);
});

Deno.test("respond says that there is no shell where a command is written for one", async () => {
  const told = async (exec: string) => {
    const args = ["respond", "-t", "ask", "--exec", exec];
    return (await cli({ port: freePort() }, args, { permissions: ["--allow-run"] })).stderr;
  };
  for (const [exec, what] of [["echo a | cat", "|"], ["echo $HOME", "$HOME"], ["echo > a", ">"]]) {
    const note = `mqtt5: There is no shell: "echo" gets "${what}" as it is; for a shell give ` +
      `--exec "sh -c '…'"\n`;
    assertEquals((await told(exec!)).slice(0, note.length), note);
  }
  for (const exec of ["sh -c 'echo $HOME | cat'", "echo a|b c&d=$"]) {
    assertMatch(await told(exec), /^mqtt5: Cannot connect to /);
  }
});

Deno.test("the help of respond says that --exec is not a shell, and how to have one", async () => {
  assertMatch((await run(["respond", "--help"])).stdout, /for a shell: "sh -c '…'"/);
  assertMatch((await run(["respond", "--help=all"])).stdout, /There is no shell, so \$, \*/);
});

const USAGE: readonly [string, readonly string[], RegExp][] = [
  ["no filter", [], /No Topic Filter: give --topic/],
  ["an invalid filter", ["-t", "a#"], /Topic Filter "a#"/],
  ["two payloads", ["-t", "a", "-m", "b", "-n"], /--message and --null-message/],
  [
    "a payload and a program",
    ["-t", "a", "-m", "b", "--exec", "c"],
    /--message and --exec cannot be used together/,
  ],
  ["an empty program", ["-t", "a", "--exec", " "], /--exec: expected a command/],
  ["an open quotation mark", ["-t", "a", "--exec", "echo 'a"], /a quotation mark is not closed/],
  ["a time for no program", ["-t", "a", "--exec-timeout", "1"], /needs --exec/],
  ["no answer", ["-t", "a", "-C", "0"], /--count: expected an integer/],
];

for (const [what, args, says] of USAGE) {
  Deno.test(`respond refuses ${what} with exit code 2, and sends nothing`, async () => {
    // Nothing listens there: who connected all the same would end with 1.
    const { exitCode, stdout, stderr } = await run(["respond", "-p", String(freePort()), ...args]);
    assertEquals([exitCode, stdout], [2, ""], stderr);
    assertMatch(stderr, /^mqtt5: [^\n]*\n$/);
    assertMatch(stderr, says);
  });
}

brokerTest(
  "respond goes on when an answer may not go where it is wanted, and does not end with 0",
  async (broker, client) => {
    await using responder = begin(broker, ["respond", "-t", "ask", "-q", "1", "-C", "3", "-d"]);
    await responder.untilTold(/SUBACK/);
    const answers = (await client.subscribe("answers/#"))[Symbol.asyncIterator]();
    for (const responseTopic of ["secret/a", "secret/b", "answers/c"]) {
      await client.publish("ask", "?", { qos: 1, responseTopic });
    }
    assertEquals((await answers.next()).value!.topic, "answers/c");
    const { exitCode, stderr } = await responder.end();
    assertEquals(exitCode, 0x87);
    assertMatch(stderr, /mqtt5: The server refused to publish to "secret\/a": 0x87 Not authorized/);
  },
  { authorizePublish: (_, { topic }) => !topic.startsWith("secret") },
);

optionsTest(import.meta.url);
