// `pub` and `sub` beside mosquitto_pub and mosquitto_sub: the same arguments and the same messages
// make the same bytes and the same exit code.

import { assertEquals, assertGreater } from "@std/assert";
import { connect } from "../../../mod.ts";
import { publishOnce, take, textsUntil } from "../../interop/interop.ts";
import type { Mosquitto } from "../../io/mosquitto.ts";
import { Recorder } from "../recorder.ts";
import {
  end,
  receive,
  run,
  runBoth,
  sideBySideTest,
  SIDES,
  start,
  told,
  watch,
} from "./side_by_side.ts";

type Input = string | Uint8Array<ArrayBuffer>;

/** Arguments of `pub`, its standard input, and what is published. */
const PUBLISHED: readonly (readonly [args: string[], input: Input, messages: string[]])[] = [
  [["-t", "a", "-m", "grüß"], "", ['a 0 "grüß"']],
  [["-t", "a/b", "-m", "", "-q", "2"], "", ['a/b 2 ""']],
  [["-t", "a", "-m", "x", "-q", "1", "-r"], "", ['a 1 retained "x"']],
  [["-t", "a", "-n", "-r"], "", ['a 0 retained ""']],
  [["-t", "a", "-m", "x", "--repeat", "3", "-q", "1"], "", ['a 1 "x"', 'a 1 "x"', 'a 1 "x"']],
  [["-t", "a", "-s"], "one\n\ntwo\n", ['a 0 "one\\n\\ntwo\\n"']],
  [["-t", "a", "-s"], new Uint8Array([0, 0xff, 10]), ["a 0 00ff0a"]],
  [["-t", "a", "-l"], "one\n\ntwo", ['a 0 "one"', 'a 0 ""', 'a 0 "two"']],
  [["-t", "a", "-l"], "\n\n", ['a 0 ""', 'a 0 ""']],
  [["-t", "a", "-l", "-q", "1"], "a\r\nb\r\n", ['a 1 "a\\r"', 'a 1 "b\\r"']],
  [["-t", "a", "-l", "-q", "2"], new Uint8Array([0xff, 0xc3, 10, 0x20, 10]), [
    "a 2 ffc3",
    'a 2 " "',
  ]],
  [["-t", "a", "-l"], "", []],
  [["-t", "a", "-m", "x", "--quiet"], "", ['a 0 "x"']],
  // Who says good-bye leaves no Will.
  [["-t", "a", "-m", "x", "--will-topic", "w", "--will-payload", "y"], "", ['a 0 "x"']],
];

for (const [args, input, messages] of PUBLISHED) {
  const name = [...args, JSON.stringify(readable(input))].join(" ");
  sideBySideTest(`pub ${name} publishes what mosquitto_pub does`, async (server) => {
    await using watcher = await watch(server);
    for (const side of SIDES) {
      assertEquals(told(await run(server, side, "pub", args, { input })), [0, ""], side);
      assertEquals((await watcher.publishedBy(side)).messages, messages, side);
    }
  });
}

/** Input in the name of a test. */
function readable(input: Input): string {
  return typeof input === "string" ? input : input.toHex();
}

sideBySideTest("pub -f publishes the bytes of a file, as mosquitto_pub does", async (server) => {
  const file = await Deno.makeTempFile();
  const permissions = [`--allow-read=${file}`];
  await using watcher = await watch(server);
  for (const bytes of [new Uint8Array([0, 0xff, 13, 10]), new Uint8Array()]) {
    await Deno.writeFile(file, bytes);
    const shown = bytes.length === 0 ? '""' : bytes.toHex();
    for (const side of SIDES) {
      const args = ["-t", "a", "-f", file];
      assertEquals(told(await run(server, side, "pub", args, { permissions })), [0, ""], side);
      assertEquals((await watcher.publishedBy(side)).messages, [`a 0 ${shown}`], side);
    }
  }
  await Deno.remove(file);
  for (
    const { exitCode } of await runBoth(server, "pub", ["-t", "a", "-f", file], { permissions })
  ) {
    assertEquals(exitCode, 1);
  }
});

sideBySideTest(
  "pub --repeat-delay waits between messages, as mosquitto_pub does",
  async (server) => {
    for (const side of SIDES) {
      await using client = await connect(server.url);
      const messages = await client.subscribe("a");
      const args = ["-t", "a", "-m", "x", "--repeat", "3", "--repeat-delay", "0.1"];
      const running = run(server, side, "pub", args);
      await take(messages, 1);
      const begin = performance.now();
      await take(messages, 2);
      assertGreater(performance.now() - begin, 150, side);
      assertEquals((await running).exitCode, 0);
    }
  },
);

/** Arguments about the connection, and what Mosquitto has seen of them. */
const CONNECTIONS: readonly (readonly [args: string[], seen: string])[] = [
  [[], "(p5, c1, k60)."],
  [["-k", "33"], "(p5, c1, k33)."],
  [["-k", "65535", "-i", "a/b"], "(p5, c1, k65535)."],
  [["-c", "-x", "10", "-V", "mqttv5"], "(p5, c0, k60)."],
  [["-u", "me", "-P", "secret"], "(p5, c1, k60, u'me')."],
];

for (const [args, seen] of CONNECTIONS) {
  const name = ["pub", ...args].join(" ");
  sideBySideTest(`${name} connects as mosquitto_pub does`, async (server) => {
    await using watcher = await watch(server);
    for (const side of SIDES) {
      await run(server, side, "pub", ["-t", "a", "-m", "x", ...args]);
      const id = args.includes("-i") ? args[args.indexOf("-i") + 1]! : side;
      assertEquals((await watcher.publishedBy(id)).began, seen, side);
    }
  });
}

sideBySideTest("-L says server, user and topic, for each tool", async (server) => {
  const address = ["-L", `mqtt://me:secret@127.0.0.1:${server.port}/a/b`];
  await using watcher = await watch(server);
  for (const side of SIDES) {
    await run(server, side, "pub", ["-m", "x", "-r"], { address });
    const { messages, began } = await watcher.publishedBy(side);
    assertEquals([messages, began], [['a/b 0 retained "x"'], "(p5, c1, k60, u'me')."], side);
    assertEquals(
      told(await run(server, side, "sub", ["-C", "1", "-v"], { address })),
      [0, "a/b x\n"],
      side,
    );
    await watcher.publishedBy(side);
  }
});

/** Bytes that are no text. */
const BYTES = new Uint8Array([0, 0xff, 10, 0x41]);

/** Arguments of `sub`, beside the topics, its exit code and its output. */
const RECEIVED: readonly (readonly [args: string[], exitCode: number, stdout: string])[] = [
  [["-C", "6"], 0, "one\ntwo\nthree\n\0\xff\nA\nend\n"],
  [["-C", "6", "-v"], 0, "r/1 one\nr/2 two\nr/3 three\nr/4 (null)\nr/5 \0\xff\nA\nend end\n"],
  [["-C", "6", "-N"], 0, "onetwothree\0\xff\nAend"],
  [["-C", "6", "-v", "-N"], 0, "r/1 oner/2 twor/3 threer/5 \0\xff\nAend end"],
  [["-C", "2", "-v", "-F", "%p"], 0, "one\ntwo\n"],
  [["-C", "1"], 0, "one\n"],
  [["-v", "-v", "-C", "1"], 0, "r/1 one\n"],
  [
    ["-C", "5", "-F", "%t %q %r %l", "-q", "1"],
    0,
    "r/1 1 1 3\nr/2 1 1 3\nr/3 1 0 5\nr/4 1 0 0\nr/5 1 0 4\n",
  ],
  [["-C", "6", "-F", "%t %q", "-q", "2", "-N"], 0, "r/1 1r/2 1r/3 1r/4 1r/5 1end 2"],
  [["-C", "3", "-F", ""], 0, "\n\n\n"],
  [["-R", "-C", "4", "-v"], 0, "r/3 three\nr/4 (null)\nr/5 \0\xff\nA\nend end\n"],
  [["-T", "r/1", "-T", "+/3", "-C", "4", "-v"], 0, "r/2 two\nr/4 (null)\nr/5 \0\xff\nA\nend end\n"],
  [["--retained-only", "-v"], 0, "r/1 one\nr/2 two\n"],
  [["--retained-only", "-T", "r/1", "--quiet"], 0, "two\n"],
  [["-E", "-v"], 0, ""],
  [["-W", "1", "-C", "7", "-R", "-T", "r/+"], 27, "end\n"],
];

for (const [args, exitCode, stdout] of RECEIVED) {
  sideBySideTest(`sub ${args.join(" ")} prints what mosquitto_sub does`, async (server) => {
    await publishOnce(server, "r/1", "one", { retain: true });
    await publishOnce(server, "r/2", "two", { retain: true });
    const outcomes = await receive(server, ["-t", "r/+", "-t", "end", ...args], async (client) => {
      await client.publish("r/3", "three", { qos: 1 });
      await client.publish("r/4", "", { qos: 1 });
      await client.publish("r/5", BYTES, { qos: 1 });
      await client.publish("end", "end", { qos: 2 });
    });
    assertEquals(outcomes.map(told), [[exitCode, stdout], [exitCode, stdout]]);
  });
}

sideBySideTest("-D sets the same properties as with mosquitto's tools", async (server) => {
  const properties = [
    "payload-format-indicator 1",
    "content-type text/plain",
    "response-topic r/ö",
  ];
  properties.push("correlation-data c", "user-property n v", "user-property n w");
  const set = properties.flatMap((words) => ["-D", "publish", ...words.split(" ")]);
  const format = ["-F", "%t %q %r %l %x %C %R %D %F %P %S"];
  const identifier = ["-D", "subscribe", "subscription-identifier", "7"];
  const args = ["-t", "a", "-q", "2", "-C", "2", ...identifier, ...format];
  const outcomes = await receive(server, args, async () => {
    const message = ["-i", "publisher", "-t", "a", "-m", "grüß", "-q", "2", ...set];
    for (const side of SIDES) assertEquals(told(await run(server, side, "pub", message)), [0, ""]);
  });
  // A character stands for each byte.
  const line = "a 2 0 6 6772c3bcc39f text/plain r/\xc3\xb6 c 1 n:v n:w 7\n";
  assertEquals(outcomes.map(told), [[0, line + line], [0, line + line]]);
});

sideBySideTest(
  "sub -c goes on with a session, and -U ends a subscription of it, as with mosquitto_sub",
  async (server) => {
    await Promise.all(SIDES.map(async (side) => {
      const sub = (...args: string[]) => run(server, side, "sub", ["-c", "-v", ...args]);
      const [mine, other] = [`${side}/mine`, `${side}/other`];
      assertEquals(told(await sub("-t", mine, "-E")), [0, ""], side);
      await publishOnce(server, mine, "1");
      assertEquals(told(await sub("-t", mine, "-C", "1")), [0, `${mine} 1\n`], side);
      assertEquals(told(await sub("-t", other, "-U", mine, "-E")), [0, ""], side);
      await publishOnce(server, mine, "2");
      await publishOnce(server, other, "3");
      assertEquals(told(await sub("-t", other, "-C", "1")), [0, `${other} 3\n`], side);
    }));
  },
  // At QoS 1 mosquitto_sub -C ends without an acknowledgement at times, and has the message again
  // the next time.
  { configuration: ["queue_qos0_messages true"] },
);

sideBySideTest("sub -U prints what comes before the subscription has ended", async () => {
  for (const side of SIDES) {
    await using server = new Recorder({
      connect: () => ({ type: "connack", sessionPresent: true }),
      unsubscribe: ({ packetId }) => [
        {
          type: "publish",
          topic: "old",
          payload: new TextEncoder().encode("kept"),
          qos: 1,
          packetId: 1,
        },
        { type: "unsuback", packetId, reasonCodes: [0x00] },
      ],
    });
    const args = ["-c", "-q", "1", "-t", "new", "-U", "old", "-C", "1"];
    assertEquals(told(await run(server, side, "sub", [...args, "-W", "1"])), [0, "kept\n"], side);
  }
});

sideBySideTest("-x says how long a session lives, as with mosquitto_sub", async (server) => {
  await Promise.all(SIDES.map(async (side) => {
    const args = ["-t", side, "-q", "1", "-F", "%p %r"];
    assertEquals(told(await run(server, side, "sub", [...args, "-x", "60", "-E"])), [0, ""], side);
    await publishOnce(server, side, "kept");
    const ends = [...args, "-c", "-x", "0", "-C", "1"];
    assertEquals(told(await run(server, side, "sub", ends)), [0, "kept 0\n"], side);
    await publishOnce(server, side, "lost");
    await publishOnce(server, side, "retained", { retain: true });
    assertEquals(told(await run(server, side, "sub", ends)), [0, "retained 1\n"], side);
  }));
});

/** Arguments for a Will, and what becomes of it. */
const WILLS: readonly (readonly [args: string[], message: string])[] = [
  [["--will-payload", "bye"], 'w 0 "bye"'],
  [["--will-qos", "2", "--will-retain"], 'w 2 retained ""'],
];

for (const [args, message] of WILLS) {
  sideBySideTest(`sub with ${args.join(" ")} leaves a Will when it is killed`, async (server) => {
    await using watcher = await watch(server);
    for (const side of SIDES) {
      const child = start(server, side, "sub", ["-t", "none", "--will-topic", "w", ...args]);
      await watcher.untilLogged(new RegExp(`: ${side} 0 none`));
      child.kill("SIGKILL");
      await end(child);
      await watcher.untilPublished(message);
      assertEquals((await watcher.publishedBy(side)).messages, [message], side);
    }
  });
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  sideBySideTest(`sub ends well on ${signal}, as mosquitto_sub does`, async (server) => {
    await using watcher = await watch(server);
    for (const side of SIDES) {
      const child = start(server, side, "sub", ["-t", "a"]);
      await watcher.untilLogged(new RegExp(`: ${side} 0 a`));
      child.kill(signal);
      assertEquals(told(await end(child)), [0, ""], side);
    }
  });
}

sideBySideTest("sub --remove-retained removes what mosquitto_sub does", async (server) => {
  await Promise.all(SIDES.map(async (side) => {
    for (const name of ["1", "2", "3"]) {
      await publishOnce(server, `${side}/${name}`, name, { retain: true });
    }
    const args = ["-t", `${side}/+`, "-T", `${side}/2`, "--remove-retained", "-v", "-W", "1"];
    const outcome = await run(server, side, "sub", args);
    const lines = [`${side}/1 1`, `${side}/3 3`, `${side}/1 (null)`, `${side}/3 (null)`, ""];
    assertEquals(told(outcome), [27, lines.join("\n")], side);
    assertEquals(await retainedAt(server, side), ["2"], side);
  }));
});

/** The payloads of all retained messages in a topic. */
async function retainedAt(server: Mosquitto, topic: string): Promise<string[]> {
  await using client = await connect(server.url);
  const messages = await client.subscribe(`${topic}/+`);
  await client.publish(`${topic}/end`, "end");
  return await textsUntil(messages, "end");
}
