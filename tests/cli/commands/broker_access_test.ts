// `broker` with users and rights from files: who is let in, what SIGHUP changes, and that nobody
// opens a broker to a network by accident.

import { assertEquals, assertMatch, assertRejects, assertStrictEquals } from "@std/assert";
import { connect, type ConnectOptions, RefusedError } from "../../../mod.ts";
import { passwordLine } from "../../../src/broker/mod.ts";
import { withFolder } from "../../io/folder.ts";
import { run, type Running, start } from "../run.ts";
import { optionsTest, recordOptions } from "../tested_options.ts";

const FEW = { iterations: 1000 };
const ALICE = await passwordLine("alice", "secret", FEW);
const BOB = await passwordLine("bob", "builder", FEW);

/** A broker by the files of a folder, with more options. */
async function withBroker(
  files: Readonly<Record<string, string>>,
  args: readonly string[],
  work: (broker: Running, url: string, folder: string) => Promise<void>,
): Promise<void> {
  await withFolder("mqtt5-access-", async (folder) => {
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    const words = ["broker", "--port", "0", ...args.map((word) => word.replace("@", `${folder}/`))];
    const broker = start(["--allow-net=127.0.0.1", `--allow-read=${folder}`], words);
    const [, url] = await broker.until(/listening on (mqtt:\S+)/);
    try {
      await work(broker, url!, folder);
    } finally {
      broker.kill("SIGINT");
      const { exitCode } = await broker.end();
      recordOptions(words, exitCode);
      assertStrictEquals(exitCode, 0);
    }
  });
}

/** The Reason Code with which a client is refused; 0 when it is let in. */
async function codeFor(url: string, options: ConnectOptions): Promise<number> {
  try {
    await using _ = await connect(url, options);
    return 0;
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    return error.reasonCode;
  }
}

Deno.test("broker --password-file lets its users in, and tells who is refused", async () => {
  const args = ["--password-file", "@passwords"];
  await withBroker({ passwords: `${ALICE}\n` }, args, async (broker, url) => {
    assertStrictEquals(await codeFor(url, { username: "alice", password: "secret" }), 0);
    assertStrictEquals(await codeFor(url, { username: "alice", password: "x" }), 0x86);
    await broker.until(/refused "\S+" from \S+ as "alice": Bad User Name or Password \(0x86\)\n/);
    assertStrictEquals(await codeFor(url, { username: "eve", password: "x" }), 0x86);
    assertStrictEquals(await codeFor(url, {}), 0x87);
  });
});

Deno.test("broker --allow-anonymous lets in clients without User Name beside its users", async () => {
  const args = ["--password-file", "@passwords", "--allow-anonymous"];
  await withBroker({ passwords: ALICE }, args, async (_broker, url) => {
    assertStrictEquals(await codeFor(url, {}), 0);
    assertStrictEquals(await codeFor(url, { username: "alice", password: "secret" }), 0);
    assertStrictEquals(await codeFor(url, { username: "alice", password: "x" }), 0x86);
  });
});

Deno.test("broker --acl-file says who may write and read what", async () => {
  const acl = "topic a\nuser alice\ntopic read b\n";
  await withBroker({ acl }, ["--acl-file", "@acl"], async (_broker, url) => {
    await using alice = await connect(url, { username: "alice", password: "any" });
    await using other = await connect(url);
    const messages = await alice.subscribe(["a", "b", "c"], { qos: 1 });
    assertEquals(messages.reasonCodes, [1, 1, 1]);
    await other.publish("a", "", { qos: 1 });
    const error = await assertRejects(() => other.publish("b", "", { qos: 1 }), RefusedError);
    assertStrictEquals(error.reasonCode, 0x87);
    assertStrictEquals(messages.waiting, 0);
  });
});

Deno.test("broker --acl-strict refuses a SUBSCRIBE that may bring nothing, and a Will", async () => {
  const args = ["--acl-file", "@acl", "--acl-strict"];
  await withBroker({ acl: "topic read a" }, args, async (_broker, url) => {
    await using client = await connect(url);
    await client.subscribe("a");
    await assertRejects(() => client.subscribe("b"), RefusedError);
    assertStrictEquals(await codeFor(url, { will: { topic: "a", payload: "" } }), 0x87);
  });
});

if (Deno.build.os !== "windows") {
  Deno.test("SIGHUP has broker read both files again; a faulty one keeps the old, and says its line", async () => {
    const files = {
      passwords: `${ALICE}\n${BOB}\n`,
      acl: "user alice\ntopic a\ntopic read b\n",
    };
    const args = ["--password-file", "@passwords", "--acl-file", "@acl"];
    await withBroker(files, args, async (broker, url, folder) => {
      const options = { username: "alice", password: "secret", reconnect: false } as const;
      const alice = await connect(url, options);
      const bob = await connect(url, { username: "bob", password: "builder", reconnect: false });
      const messages = await alice.subscribe("#");
      await alice.publish("a", "before", { qos: 1 });

      await Deno.writeTextFile(`${folder}/passwords`, `${ALICE}\neve:plain\n`);
      await Deno.writeTextFile(`${folder}/acl`, "topics a\n");
      broker.kill("SIGHUP");
      await broker.until(
        /\* kept the old passwords: "\S+passwords", line 2: the password of "eve" is not hashed; /,
      );
      await broker.until(
        /\* kept the old access control list: "\S+acl", line 1: expected user, topic, pattern /,
      );
      await alice.publish("a", "", { qos: 1 });
      assertStrictEquals(await codeFor(url, { username: "bob", password: "builder" }), 0);

      await Deno.writeTextFile(`${folder}/passwords`, `${ALICE}\n`);
      await Deno.writeTextFile(`${folder}/acl`, "user alice\ntopic b\ntopic write a\n");
      broker.kill("SIGHUP");
      await broker.until(/\* reloaded the passwords "\S+passwords"\n/);
      await broker.until(/\* reloaded the access control list "\S+acl"\n/);
      // Who is gone from the file is disconnected; who is there as before stays.
      assertStrictEquals((await bob.closed)?.reasonCode, 0x98);
      assertStrictEquals(await codeFor(url, { username: "bob", password: "builder" }), 0x86);
      await alice.publish("a", "unread", { qos: 1 });
      await alice.publish("b", "after", { qos: 1 });
      await assertRejects(() => alice.publish("c", "", { qos: 1 }), RefusedError);
      const texts: string[] = [];
      for await (const message of messages.read({ limit: 3 })) texts.push(message.text());
      assertEquals(texts, ["before", "", "after"]);

      await Deno.writeTextFile(`${folder}/passwords`, await passwordLine("alice", "new", FEW));
      broker.kill("SIGHUP");
      assertStrictEquals((await alice.closed)?.reasonCode, 0x98);
      assertStrictEquals(await codeFor(url, options), 0x86);
      assertStrictEquals(await codeFor(url, { username: "alice", password: "new" }), 0);
    });
  });
}

for (
  const [what, args] of [
    ["all addresses", ["-h", "0.0.0.0"]],
    ["all addresses, by WebSocket", ["-h", "::", "--ws-port", "0"]],
    ["an address of a network", ["-h", "192.0.2.1", "-p", "0"]],
    ["a name", ["-h", "broker.example"]],
    ["a network with TLS", ["-h", "::", "--tls-port", "0", "--cert", "c", "--key", "k"]],
  ] as const
) {
  Deno.test(`broker does not let in everybody on ${what} unless that is said`, async () => {
    const { exitCode, stderr } = await run(["broker", ...args]);
    assertStrictEquals(exitCode, 2);
    assertMatch(
      stderr,
      /^mqtt5: Listening on "\S+" would let in everybody who can reach it: give --password-file FILE, or --allow-anonymous if that is meant\n$/,
    );
    for (const more of [["--allow-anonymous"], ["--password-file", "p"]]) {
      const permitted = await run(["broker", ...args, ...more, "--print-permissions"]);
      assertStrictEquals(permitted.exitCode, 0);
    }
  });
}

for (
  const args of [
    [],
    ["-h", "localhost"],
    ["-h", "127.0.0.2"],
    ["-h", "[::1]"],
    ["--unix", "/run/x"],
    [
      "-h",
      "::",
      ...["--tls-port", "0", "--cert", "c", "--key", "k"],
      "--cafile",
      "a",
      "--require-certificate",
    ],
  ]
) {
  Deno.test(`broker ${args.join(" ")} needs neither a password file nor --allow-anonymous`, async () => {
    assertStrictEquals((await run(["broker", ...args, "--print-permissions"])).exitCode, 0);
  });
}

for (
  const [args, message] of [
    [["--acl-strict"], "--acl-strict needs --acl-file"],
    [["--password-file", "/nowhere"], 'Cannot read "/nowhere": no such file or directory'],
    [["--acl-file", "/nowhere"], 'Cannot read "/nowhere": no such file or directory'],
  ] as const
) {
  Deno.test(`broker ${args.join(" ")} does not start`, async () => {
    const { exitCode, stderr } = await run(["broker", "-p", "0", ...args]);
    assertEquals([exitCode, stderr], [args.length === 1 ? 2 : 1, `mqtt5: ${message}\n`]);
  });
}

Deno.test("broker does not start with a faulty file, and says its line", async () => {
  await withFolder("mqtt5-access-", async (folder) => {
    await Deno.writeTextFile(`${folder}/p`, "#\nalice:$argon2id$v=19$x\n");
    const { exitCode, stderr } = await run(["broker", "-p", "0", "--password-file", `${folder}/p`]);
    assertStrictEquals(exitCode, 1);
    assertMatch(
      stderr,
      /^mqtt5: "\S+\/p", line 2: the password of "alice" is hashed with argon2id, /,
    );
  });
});

optionsTest(import.meta.url);
