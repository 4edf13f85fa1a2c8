// What `broker` tells, and nobody reads: no connection waits for it, and what was left out is told.

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { connect, RefusedError } from "../../../mod.ts";
import type { Output } from "../../../src/cli/context.ts";
import { QueuedOutput } from "../../../src/cli/terminal/queued_output.ts";
import { numbers, temporaryFolder, withinPatience } from "../../broker_net/broker_net.ts";
import { Running, start } from "../run.ts";

/** An output of which somebody reads when it is let. */
class Gate {
  text = "";
  writes = 0;
  #gate = Promise.withResolvers<void>();
  readonly output: Output = {
    write: () => {
      throw new Error("It would have waited here");
    },
    writeBytes: async (bytes) => {
      this.writes++;
      await this.#gate.promise;
      this.text += new TextDecoder().decode(bytes);
    },
    status() {},
    isTerminal: false,
    colors: false,
    columns: 80,
  };

  open(): void {
    this.#gate.resolve();
  }

  break(): void {
    this.#gate.reject(new Error("Nobody reads any more"));
  }
}

Deno.test("QueuedOutput queues so much, counts the lines that it leaves out, and says so where they were", async () => {
  const gate = new Gate();
  const output = new QueuedOutput(gate.output);
  const line = `${"x".repeat(99_999)}\n`;
  output.write("first\n");
  for (const _ of numbers(5)) output.write(line);
  // It would fit, and would stand before what comes before it.
  output.write("seventh\n");
  gate.open();
  await output.flush(10_000);
  assertEquals(
    gate.text,
    `first\n${line}${line}… 4 lines omitted: the output was not read in time\n`,
  );
  output.write("again\n");
  await output.flush(10_000);
  assertEquals(gate.text.slice(-6), "again\n");
});

Deno.test("QueuedOutput writes all that came meanwhile at once, and a line of any length", async () => {
  const gate = new Gate();
  const output = new QueuedOutput(gate.output);
  const long = `${"x".repeat(1_000_000)}\n`;
  output.write(long);
  for (const number of numbers(100)) output.write(`${number}\n`);
  gate.open();
  await output.flush(10_000);
  assertEquals(gate.text, long + numbers(100).map((number) => `${number}\n`).join(""));
  assertEquals(gate.writes, 2);
});

Deno.test("QueuedOutput gives up in the end what nobody reads, and knows when nobody will", async () => {
  const gate = new Gate();
  const output = new QueuedOutput(gate.output);
  output.write("a\n");
  await output.flush(1);
  assertEquals(gate.text, "");
  gate.break();
  await output.closed;
  output.write("b\n");
  await output.flush(10_000);
  assertEquals([gate.text, gate.writes], ["", 1]);
});

/** Client Identifiers of so many characters, twice told of, fill a pipe and the queue. */
const NAME = "x".repeat(2000);

/** Hundreds of clients come, are served, and go, one after the other. */
async function serveMany(url: string): Promise<void> {
  for (const number of numbers(300)) {
    const client = await connect(url, { clientId: `${NAME}${number}`, reconnect: false });
    await client.publish("a", "b", { qos: 1 });
    await client.disconnect();
  }
}

/** Ends a broker as Ctrl-C does. */
async function endOf(broker: Running): Promise<string> {
  broker.kill("SIGINT");
  const { exitCode, stdout } = await broker.end();
  assertEquals(exitCode, 0);
  return stdout;
}

/** A test that ends, whoever waits for whom. */
function logTest(name: string, test: () => Promise<void>): void {
  Deno.test(name, () => withinPatience(test()));
}

logTest(
  "broker serves hundreds of clients while nobody reads what it tells, and says how much is missing",
  async () => {
    const broker = start(["--allow-net=127.0.0.1"], ["broker", "--port", "0"]);
    const [, url] = await broker.until(/listening on (mqtt:\S+)/);
    await serveMany(url!);
    await broker.until(/… \d+ lines omitted: the output was not read in time\n/);
    assertMatch(await endOf(broker), /\* shut down\n$/);
  },
);

logTest("broker --trace serves hundreds of clients while nobody reads its trace", async () => {
  const broker = start(["--allow-net=127.0.0.1"], ["broker", "--port", "0", "--trace"]);
  const [, url] = await broker.until(/listening on (mqtt:\S+)/);
  await serveMany(url!);
  await broker.untilTold(/… \d+ lines omitted: the output was not read in time\n/);
  await endOf(broker);
});

logTest("broker ends on Ctrl-C though nobody reads what it tells", async () => {
  const broker = start(["--allow-net=127.0.0.1"], ["broker", "--port", "0"]);
  const [, url] = await broker.until(/listening on (mqtt:\S+)/);
  await serveMany(url!);
  broker.kill("SIGINT");
  assertEquals(await broker.exitCode(), 0);
  await broker.end();
});

logTest(
  "broker tells in a line of its own what goes wrong with its file, and serves on",
  async () => {
    await using folder = await temporaryFolder();
    const cli = new URL("../../../cli.ts", import.meta.url).pathname;
    // No file may be larger than a megabyte or two: to a database that is as a full disk.
    const limited = `trap "" XFSZ; ulimit -f 2000; exec "$@"`;
    const broker = new Running(
      new Deno.Command("sh", {
        args: [
          ...[
            "-c",
            limited,
            "sh",
            Deno.execPath(),
            "run",
            "--quiet",
            "--no-prompt",
            "-N=127.0.0.1",
          ],
          ...["-R", "-W", cli, "broker", "--port", "0", "--file", `${folder.path}/broker.db`],
        ],
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn(),
    );
    const [, url] = await broker.until(/listening on (mqtt:\S+)/);
    await using client = await connect(url!, { reconnect: false });
    const error = await assertRejects(async () => {
      for (const topic of numbers(100)) {
        await client.publish(topic, new Uint8Array(100_000), { qos: 1, retain: true });
      }
    }, RefusedError);
    assertEquals(error.reasonCode, 0x97);
    await broker.until(/ ! the store: .+\n/);
    await client.publish("not/kept", "1", { qos: 1 });
    await client.disconnect();
    broker.kill("SIGINT");
    const { stderr } = await broker.end();
    assertEquals(stderr, "");
  },
);
