// What the tests of the broker over real connections share: a broker for each test, on a free port, and a limit to how long
// a test may take. Nothing waits for time to pass where it can wait for something to happen.

import type { Message } from "../../mod.ts";
import { type Broker, serve, type ServeOptions } from "../../src/broker/mod.ts";
import { withinPatience } from "../interop/interop.ts";

export { numbers, once, QUICKLY, take, textsOf, textsUntil, until } from "../interop/interop.ts";
export { withinPatience } from "../interop/interop.ts";

/** A test with a broker of its own. */
export function brokerTest(
  name: string,
  test: (broker: Broker) => Promise<void>,
  options: ServeOptions = {},
): void {
  Deno.test(
    name,
    () => withServer(test, { ...options.listeners === undefined && { port: 0 }, ...options }),
  );
}

/** Does something with a broker that is there as long as that. */
export async function withServer(
  test: (broker: Broker) => Promise<void>,
  options: ServeOptions,
): Promise<void> {
  await using broker = await serve(options);
  await withinPatience(test(broker));
}

/** Acknowledges and reads a stream up to `"end"`, and calls `onRead` each time that there is more. */
export async function readToEnd(
  stream: AsyncIterable<Message>,
  onRead: () => void,
): Promise<string[]> {
  const texts: string[] = [];
  for await (const message of stream) {
    const text = message.text();
    message.ack();
    if (text === "end") break;
    texts.push(text);
    onRead();
  }
  return texts;
}

/** A folder that is there as long as the test. */
export async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "mqtt5-broker-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Whether a program can be run here. */
export async function isInstalled(program: string, ...args: string[]): Promise<boolean> {
  try {
    await new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output();
    return true;
  } catch {
    return false;
  }
}
