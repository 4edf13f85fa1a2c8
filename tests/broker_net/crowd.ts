// Many clients in a process of their own, which connect, subscribe to one topic, and wait: until the process ends. Not a
// test: it is run by those of abuse.

import { connectTcp } from "../../src/io/tcp.ts";
import { bytesOf } from "../hex.ts";
import { text, whole } from "../build.ts";
import { spawn } from "./host.ts";

/** So many connect at the same time. */
const AT_ONCE = 100;

/** A crowd that is there. Disposing it ends all its connections at once. */
export class Crowd implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #reader: ReadableStreamDefaultReader<string>;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** So many clients, once all of them are there. */
  static async gather({ port }: { readonly port: number }, count: number): Promise<Crowd> {
    const crowd = new Crowd(spawn(import.meta.url, [String(port), String(count)]));
    await crowd.line();
    return crowd;
  }

  /** Waits until each of them has got a message. */
  async line(): Promise<void> {
    const { done } = await this.#reader.read();
    if (done) throw new Error("The crowd has ended");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.stdin.close();
    await this.#reader.cancel();
    await this.#child.status;
  }
}

async function crowd(port: number, count: number): Promise<void> {
  const { signal } = new AbortController();
  const heard: Promise<void>[] = [];
  const subscribe = bytesOf(whole("82", "0001 00", text("crowd"), "00"));
  const join = async (name: string) => {
    const transport = await connectTcp({ hostname: "127.0.0.1", port, signal });
    const connect = bytesOf(whole("10", "00044D515454 05 02 0000 00", text(name)));
    // CONNACK is of some bytes, and comes in one; so do the others.
    for (const bytes of [connect, subscribe]) {
      await transport.write(bytes);
      if (await transport.read() === undefined) throw new Error("There is no answer");
    }
    heard.push(transport.read().then(() => {}));
  };
  for (let index = 0; index < count; index += AT_ONCE) {
    const names = Array.from(
      { length: Math.min(AT_ONCE, count - index) },
      (_, at) => `${index + at}`,
    );
    await Promise.all(names.map(join));
  }
  console.log("there");
  await Promise.all(heard);
  console.log("heard");
  await new Promise(() => setInterval(() => {}, 60_000));
}

if (import.meta.main) await crowd(Number(Deno.args[0]), Number(Deno.args[1]));
