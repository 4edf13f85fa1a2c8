// The same features at HiveMQ Community Edition, for machines with Java and Maven:
// deno task interop:hivemq. Maven keeps what it has fetched where it always does; all else is in a
// temporary folder, and goes with it.

import { processContext } from "../../src/cli/terminal/process.ts";
import { freePort } from "../io/mosquitto.ts";
import { main as tryAt } from "./any_broker.ts";

/** The version of `com.hivemq:hivemq-community-edition-embedded`. */
const VERSION = "2025.5";

const MAIN = new URL("HiveMq.java", import.meta.url).pathname;

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>interop</groupId>
  <artifactId>hivemq</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>com.hivemq</groupId>
      <artifactId>hivemq-community-edition-embedded</artifactId>
      <version>${VERSION}</version>
    </dependency>
  </dependencies>
</project>
`;

if (import.meta.main) Deno.exit(await main());

async function main(): Promise<number> {
  for (const [program, argument] of [["java", "-version"], ["mvn", "-version"]] as const) {
    if (await isInstalled(program, argument)) continue;
    console.error(`${program} is not installed: HiveMQ needs Java 17 or later, and Maven`);
    return 1;
  }
  const folder = await Deno.makeTempDir({ prefix: "mqtt5-hivemq-" });
  try {
    console.error(`HiveMQ Community Edition ${VERSION}, from Maven`);
    await using server = await start(folder, await classPath(folder));
    const context = processContext("tests/interop/hivemq.ts");
    return await tryAt(Object.create(context, { args: { value: [server.url] } }));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The archives that HiveMQ consists of. */
async function classPath(folder: string): Promise<string> {
  await Deno.writeTextFile(`${folder}/pom.xml`, POM);
  const { success, stdout } = await new Deno.Command("mvn", {
    args: ["-q", "-B", "dependency:build-classpath", `-Dmdep.outputFile=${folder}/classpath`],
    cwd: folder,
    stdout: "piped",
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`Maven failed: ${new TextDecoder().decode(stdout)}`);
  return await Deno.readTextFile(`${folder}/classpath`);
}

/** Resolves when HiveMQ takes connections. */
async function start(
  folder: string,
  classPath: string,
): Promise<{ readonly url: string } & AsyncDisposable> {
  const port = freePort();
  const child = new Deno.Command("java", {
    args: ["-cp", classPath, MAIN, folder, String(port)],
    cwd: folder,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const output = child.stdout.pipeThrough(new TextDecoderStream());
  let text = "";
  for await (const part of output.values({ preventCancel: true })) {
    text += part;
    if (text.includes("HiveMQ takes connections")) break;
  }
  // What it tells from now on is for nobody.
  const rest = output.pipeTo(new WritableStream());
  if (!text.includes("HiveMQ takes connections")) {
    await child.status;
    throw new Error(`HiveMQ ended before it took a connection:\n${text}`);
  }
  return {
    url: `mqtt://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      await rest;
      await child.status;
    },
  };
}

async function isInstalled(program: string, argument: string): Promise<boolean> {
  try {
    await new Deno.Command(program, { args: [argument], stdout: "null", stderr: "null" }).output();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
