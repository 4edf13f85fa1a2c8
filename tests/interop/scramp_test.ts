// SCRAM against another's: scramp of PyPI, as server and as client, with both hashes.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { webCrypto } from "../../src/io/crypto.ts";
import { scramClient } from "../../src/session/scram/client.ts";
import {
  keysOf,
  preparedPassword,
  SCRAM_METHODS,
  type ScramMethod,
} from "../../src/session/scram/keys.ts";
import { parseClientFirst, preparedName } from "../../src/session/scram/messages.ts";
import { ScramServer } from "../../src/session/scram/server.ts";
import { PYTHON_PACKAGES } from "../runtimes/programs.ts";

/** Reads a message a line, says the next one a line. Its salt is its own. */
const SERVER = `
import json, sys, scramp
method, password = json.loads(sys.argv[1])
mechanism = scramp.ScramMechanism(method)
keys = mechanism.make_auth_info(password, iteration_count=5000)
server = mechanism.make_server(lambda user: (print(json.dumps(user), flush=True), keys)[1])
server.set_client_first(json.loads(input()))
print(json.dumps(server.get_server_first()), flush=True)
try:
    server.set_client_final(json.loads(input()))
except scramp.ScramException:
    pass
print(json.dumps(server.get_server_final()), flush=True)
`;

const CLIENT = `
import json, sys, scramp
method, username, password = json.loads(sys.argv[1])
client = scramp.ScramClient([method], username, password)
print(json.dumps(client.get_client_first()), flush=True)
client.set_server_first(json.loads(input()))
print(json.dumps(client.get_client_final()), flush=True)
client.set_server_final(json.loads(input()))
print(json.dumps("believes"), flush=True)
`;

const CONTEXT = { signal: new AbortController().signal };
const bytes = (text: string) => new TextEncoder().encode(text);

/** A Python that has scramp. */
function python(...args: string[]): Deno.Command {
  return new Deno.Command("python3", {
    args,
    env: { PYTHONPATH: PYTHON_PACKAGES },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  });
}

/** A program that is talked with by lines of JSON, until it ends. */
class Dialogue implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  #text = "";

  constructor(script: string, ...args: string[]) {
    this.#process = python("-c", script, JSON.stringify(args)).spawn();
    this.#lines = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#input = this.#process.stdin.getWriter();
  }

  async say(message: string): Promise<void> {
    await this.#input.write(bytes(`${JSON.stringify(message)}\n`));
  }

  async hear(): Promise<string> {
    while (!this.#text.includes("\n")) {
      const { value, done } = await this.#lines.read();
      if (done) throw new Error("Python has ended");
      this.#text += value;
    }
    const end = this.#text.indexOf("\n");
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 1);
    return JSON.parse(line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
    await this.#lines.cancel();
    await this.#process.status;
  }
}

const hasScramp = await new Deno.Command("python3", {
  args: ["-c", "import scramp"],
  env: { PYTHONPATH: PYTHON_PACKAGES },
  stderr: "null",
}).output().then(({ success }) => success, () => false);

function test(name: string, fn: () => Promise<void>): void {
  const skipped = hasScramp ? "" : " (skipped: Python and scramp are not installed)";
  Deno.test({ name: name + skipped, ignore: !hasScramp, fn });
}

/** Names and passwords that both ends have to prepare alike. */
const USERS = [
  ["user", "pencil"],
  ["a=b,c", "=,$:"],
  ["\u00AAé", "I\u00ADX \u2168 e\u0301"],
  ["\u05D0", "\u05D0 \u05D1"],
] as const;

for (const method of SCRAM_METHODS) {
  test(`${method}: scramp's server believes our client, and our client believes it`, async () => {
    for (const [username, password] of USERS) {
      await using server = new Dialogue(SERVER, method, password);
      const client = scramClient(webCrypto, method, { username, password })();
      await server.say(await client.start(CONTEXT) as string);
      assertStrictEquals(await server.hear(), preparedName(username));
      const proof = await client.next!(bytes(await server.hear()), CONTEXT);
      await server.say(proof as string);
      await client.done!(bytes(await server.hear()), CONTEXT);
    }
  });

  test(`${method}: scramp's server does not believe another password`, async () => {
    await using server = new Dialogue(SERVER, method, "pencil");
    const client = scramClient(webCrypto, method, { username: "user", password: "pen" })();
    await server.say(await client.start(CONTEXT) as string);
    await server.hear();
    await server.say(await client.next!(bytes(await server.hear()), CONTEXT) as string);
    const final = bytes(await server.hear());
    await assertRejects(
      async () => await client.done!(final, CONTEXT),
      Error,
      'the server says "invalid-proof"',
    );
  });

  test(`${method}: our server believes scramp's client, and scramp's client believes it`, async () => {
    for (const [username, password] of USERS) {
      await using client = new Dialogue(CLIENT, method, username, password);
      const first = parseClientFirst(await client.hear());
      assertStrictEquals(preparedName(first.username), preparedName(username));
      const server = new ScramServer(webCrypto, first, await keys(method, password));
      await client.say(server.first);
      const final = await server.final(webCrypto, server.proofOf(bytes(await client.hear())));
      await client.say(final!);
      assertEquals(await client.hear(), "believes");
    }
  });
}

async function keys(method: ScramMethod, password: string) {
  const salt = webCrypto.random(16);
  const setup = { password: preparedPassword(password), salt, iterations: 5000 };
  return await keysOf(webCrypto, method, setup);
}
