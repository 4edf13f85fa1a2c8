// The page in Chromium, as people have it: the command that serves it is a process of its own, and
// what it prints is the link that is opened.

import { assertEquals } from "@std/assert";
import { startMosquitto } from "../../io/mosquitto.ts";
import { bytesOf } from "../../hex.ts";
import { beginBare } from "../server.ts";
import { assertAccessible, picture } from "./accessibility.ts";
import { Chromium, type Page, type View } from "./chromium.ts";

/** The page, and what it shows. */
export class PageScene implements AsyncDisposable {
  /** The page in Chromium. */
  readonly page: Page;
  readonly #origin: string;
  readonly #port: string;
  readonly #stack: AsyncDisposableStack;

  private constructor(page: Page, origin: string, port: string, stack: AsyncDisposableStack) {
    this.page = page;
    this.#origin = origin;
    this.#port = port;
    this.#stack = stack;
  }

  /** Starts everything, and opens the link that `inspect` prints. */
  static async start(): Promise<PageScene> {
    await using stack = new AsyncDisposableStack();
    const mosquitto = stack.use(await startMosquitto());
    const args = ["inspect", "--listen", "0", "--page", "127.0.0.1:0", mosquitto.url];
    const inspect = stack.use(beginBare(["--allow-net"], args));
    const [, port] = await inspect.untilTold(/mqtt:\/\/127\.0\.0\.1:(\d+) is relayed to /);
    const [link] = await inspect.untilTold(/http:\S+/);
    const chromium = stack.use(await Chromium.start());
    const page = await chromium.open(link);
    return new PageScene(page, new URL(link).origin, port!, stack.move());
  }

  /** Publishes with Mosquitto's own tool, by way of the relay. */
  async publish(clientId: string, topic: string, ...args: readonly string[]): Promise<void> {
    const { success, stderr } = await new Deno.Command("mosquitto_pub", {
      args: ["-p", this.#port, "-V", "5", "-i", clientId, "-t", topic, ...args],
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
  }

  /** Subscribes with Mosquitto's own tool until it is disposed. */
  subscribe(clientId: string, topicFilter: string): AsyncDisposable {
    const tool = new Deno.Command("mosquitto_sub", {
      args: ["-p", this.#port, "-V", "5", "-i", clientId, "-t", topicFilter, "-q", "2"],
      stdout: "null",
      stderr: "null",
    }).spawn();
    return {
      async [Symbol.asyncDispose]() {
        tool.kill("SIGTERM");
        await tool.status;
      },
    };
  }

  /** Sends bytes in hexadecimal as they are, and reads until the server closes. */
  async send(hex: string): Promise<void> {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(this.#port) });
    await connection.write(bytesOf(hex));
    const buffer = new Uint8Array(1024);
    while (await connection.read(buffer) !== null);
  }

  /** Holds the page as it is shown now to be accessible. */
  assertAccessible(name: string, view: View = {}): Promise<void> {
    return assertAccessible(this.page, name, view);
  }

  /** Nothing was asked for from elsewhere, and neither the page nor the browser complained. */
  assertQuiet(): void {
    const { requests, complaints } = this.page;
    const elsewhere = requests.filter((url) => !url.startsWith(`${this.#origin}/`));
    assertEquals(elsewhere.filter((url) => !url.startsWith("data:")), []);
    assertEquals(complaints, []);
  }

  /** Takes a picture, if somebody wants to look at it. */
  picture(name: string): Promise<void> {
    return picture(this.page, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** Steps of which each needs those before it: after one that has failed, no other is taken. */
export function stepsOf(
  t: Deno.TestContext,
): (name: string, fn: () => void | Promise<void>) => Promise<void> {
  let isOver = false;
  return async (name, fn) => {
    isOver ||= !await t.step({ name, fn, ignore: isOver });
  };
}
