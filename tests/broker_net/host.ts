// A broker in a process of its own, which tells how much memory it takes when it is asked by a line, and ends with its
// standard input. It may have as many files open as the system allows. Not a test: it is run by those of abuse.

import { serve, type ServeOptions } from "../../src/broker/mod.ts";

/** What the host tells. */
export interface Report {
  readonly statistics: {
    readonly clients: number;
    readonly sessions: number;
    readonly subscriptions: number;
    readonly retained: number;
    readonly dropped: number;
  };
  /** Bytes that are in use by JavaScript, on its heap and off it, when there is no garbage. */
  readonly used: number;
  /** Bytes that the process has of the system. */
  readonly resident: number;
  /** Why connections have ended, and how many for each reason. */
  readonly ended: Readonly<Record<string, number>>;
  /** The longest time in which nothing else could be done, in milliseconds, since the report before. */
  readonly longestTurn: number;
}

/** Where a turn of the event loop is timed from. */
const TURN = 10;

/** Options of a broker that can be written down. */
export type HostOptions = Pick<ServeOptions, "limits" | "protocol">;

/** A host that runs. Disposing it ends it. */
export class Host implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #rest = "";
  /** Where it listens. */
  port = 0;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#writer = child.stdin.getWriter();
    this.#reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Starts a broker. It may have `files` files open, by default as many as the system allows. */
  static async start(options: HostOptions = {}, files?: number): Promise<Host> {
    const child = spawn(import.meta.url, [JSON.stringify(options)], files);
    const host = new Host(child);
    host.port = Number(await host.#line());
    return host;
  }

  /** The same as a URL. */
  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** Asks how it is. */
  report(): Promise<Report> {
    return this.#ask("after collecting garbage");
  }

  /** Asks until something holds, which is not about memory; then how it is. */
  async until(condition: (report: Report) => boolean): Promise<Report> {
    while (!condition(await this.#ask("as it is"))) {
      await new Promise((resolve) => setTimeout(resolve, TURN));
    }
    return await this.report();
  }

  /** Asks until all is forgotten and no more bytes are in use than these; for connections that have just ended it takes time. */
  async untilBack(bytes: number): Promise<void> {
    for (;;) {
      const { statistics, used } = await this.report();
      const { clients, sessions, subscriptions } = statistics;
      if (clients + sessions + subscriptions === 0 && used <= bytes) return;
      await new Promise((resolve) => setTimeout(resolve, 10 * TURN));
    }
  }

  async #ask(how: string): Promise<Report> {
    await this.#writer.write(new TextEncoder().encode(`${how}\n`));
    return JSON.parse(await this.#line());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close();
    await this.#reader.cancel();
    const { success } = await this.#child.status;
    if (!success) throw new Error("The host failed");
  }

  async #line(): Promise<string> {
    while (!this.#rest.includes("\n")) {
      const { value, done } = await this.#reader.read();
      if (done) throw new Error("The host has ended");
      this.#rest += value;
    }
    const line = this.#rest.slice(0, this.#rest.indexOf("\n"));
    this.#rest = this.#rest.slice(line.length + 1);
    return line;
  }
}

/** Runs a script that may use the network and may have so many files open, by default as many as the system allows. */
export function spawn(script: string, args: readonly string[], files?: number): Deno.ChildProcess {
  const options = [
    "run",
    "--quiet",
    "--no-prompt",
    "--allow-net=127.0.0.1",
    "--v8-flags=--expose-gc",
  ];
  return new Deno.Command("sh", {
    args: [
      ...["-c", `ulimit -n ${files ?? '"$(ulimit -Hn)"'}; exec "$@"`, "sh"],
      ...[Deno.execPath(), ...options, new URL(script).pathname, ...args],
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

/** How many files a process may have open. */
export async function mostOpenFiles(): Promise<number> {
  const { stdout } = await new Deno.Command("sh", { args: ["-c", "ulimit -Hn"] }).output();
  const text = new TextDecoder().decode(stdout).trim();
  return text === "unlimited" ? Infinity : Number(text);
}

async function host(options: HostOptions): Promise<void> {
  const ended: Record<string, number> = {};
  const broker = await serve({
    port: 0,
    ...options,
    onDisconnect: (_, why) => void (ended[why] = (ended[why] ?? 0) + 1),
  });
  console.log(broker.port);
  let longestTurn = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longestTurn = Math.max(longestTurn, now - last - TURN);
    last = now;
  }, TURN);
  const { gc } = globalThis as unknown as { gc: () => void };
  for await (const how of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const turn = longestTurn;
    // What has no owner any more is told so in a turn of its own.
    for (let count = how.startsWith("after") ? 3 : 0; count > 0; count--) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    const { heapUsed, external, rss } = Deno.memoryUsage();
    const report: Report = {
      statistics: broker.statistics,
      used: heapUsed + external,
      resident: rss,
      ended,
      longestTurn: turn,
    };
    console.log(JSON.stringify(report));
    last = performance.now();
    longestTurn = 0;
  }
  clearInterval(timer);
  await broker.shutDown();
}

if (import.meta.main) await host(JSON.parse(Deno.args[0]!));
