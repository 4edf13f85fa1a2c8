// Mosquitto's command line clients, as processes. Nothing of them outlives the test.

import type { Broker, ServeOptions } from "../../src/broker/mod.ts";
import { brokerTest, isInstalled } from "./broker_net.ts";

/** A client as a program. */
type Program = "mosquitto_pub" | "mosquitto_sub" | "mosquitto_rr";

const missing: Program[] = [];
for (const program of ["mosquitto_pub", "mosquitto_sub", "mosquitto_rr"] as const) {
  if (!await isInstalled(program, "--help")) missing.push(program);
}

/** A test with a broker that needs Mosquitto's clients; without them it is skipped, and its name says why. */
export function mosquittoClientTest(
  name: string,
  test: (broker: Broker) => Promise<void>,
  options: ServeOptions = {},
): void {
  if (missing.length === 0) return brokerTest(name, test, options);
  const why = `${missing.join(" and ")} cannot be found`;
  Deno.test({ name: `${name} (skipped: ${why})`, ignore: true, fn() {} });
}

/** A program that runs. Disposing it kills it. */
export interface Running extends AsyncDisposable {
  /** The next line that it prints; `undefined` when it prints no more. */
  line(): Promise<string | undefined>;
  /** The next lines that it prints. */
  lines(count: number): Promise<(string | undefined)[]>;
  /** Sends it a signal. */
  signal(signal: Deno.Signal): void;
  /** How it has ended by itself. */
  end(): Promise<{ readonly code: number; readonly errors: string }>;
}

/** Starts a client of MQTT 5.0 that connects to the first listener of a broker. */
export function start(program: Program, { port }: { port: number }, ...args: string[]): Running {
  return startRaw(program, "-V", "mqttv5", "-h", "127.0.0.1", "-p", String(port), ...args);
}

/** Starts a client. */
export function startRaw(program: Program, ...args: string[]): Running {
  const child = new Deno.Command(program, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  const line = async () => {
    while (!rest.includes("\n")) {
      const { value, done } = await output.read();
      if (done) return undefined;
      rest += value;
    }
    const line = rest.slice(0, rest.indexOf("\n"));
    rest = rest.slice(line.length + 1);
    return line;
  };
  return {
    line,
    async lines(count) {
      const lines: (string | undefined)[] = [];
      while (lines.length < count) lines.push(await line());
      return lines;
    },
    signal: (signal) => child.kill(signal),
    end: async () => ({ code: (await child.status).code, errors: await errors }),
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await output.cancel();
      await Promise.all([child.status, errors]);
    },
  };
}

/** Runs a client of MQTT 5.0 to its end, which must be a good one. Returns what it prints. */
export async function run(
  program: Program,
  broker: { port: number },
  ...args: string[]
): Promise<string> {
  await using running = start(program, broker, ...args);
  let output = "";
  for (let line = await running.line(); line !== undefined; line = await running.line()) {
    output += `${line}\n`;
  }
  const { code, errors } = await running.end();
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${code}: ${errors}`);
  return output;
}
