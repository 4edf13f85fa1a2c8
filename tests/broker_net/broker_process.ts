// The command `broker` in a process of its own, which a test may kill and start again. Nothing of it outlives the test.

const CLI = new URL("../../cli.ts", import.meta.url).pathname;

/** A broker that runs, or may be started again. Disposing it kills it. */
export class BrokerProcess implements AsyncDisposable {
  readonly #args: readonly string[];
  #child: Deno.ChildProcess | undefined;
  #errors: Promise<string> | undefined;
  #output: ReadableStreamDefaultReader<string> | undefined;
  #text = "";
  #urls: string[] = [];

  private constructor(args: readonly string[]) {
    this.#args = args;
  }

  /** Starts one that listens on a free port. */
  static async start(...args: readonly string[]): Promise<BrokerProcess> {
    const broker = new BrokerProcess(["--port", "0", ...args]);
    await broker.start();
    return broker;
  }

  /** Where it listens first, since its last start. */
  get url(): string {
    return this.#urls[0]!;
  }

  /** The port of 127.0.0.1 on which it listens first. */
  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Starts it, with another port than before. Resolves when it listens. */
  async start(): Promise<void> {
    const child = this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-prompt", "--allow-net=127.0.0.1", "--allow-read"],
        ...["--allow-write", CLI, "broker", ...this.#args],
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#errors = new Response(child.stderr).text();
    this.#output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#text = "";
    const [, url] = await this.until(/listening on (\S+)\n/);
    this.#urls = [url!];
  }

  /** Waits until it has printed something. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#text);
      if (found !== null) return found;
      const { value, done } = await this.#output!.read();
      if (done) {
        throw new Error(`The broker ended: ${this.#text}${await this.#errors}`);
      }
      this.#text += value;
    }
  }

  /** Sends it a signal, if it runs. */
  signal(signal: Deno.Signal): void {
    try {
      this.#child?.kill(signal);
    } catch {
      // It has ended already.
    }
  }

  /** Sends it a signal and waits for its end. Returns its exit code, and what it has printed. */
  async stop(
    signal: Deno.Signal,
  ): Promise<{ readonly code: number; readonly output: string; readonly errors: string }> {
    const child = this.#child!;
    this.signal(signal);
    for (;;) {
      const { value, done } = await this.#output!.read();
      if (done) break;
      this.#text += value;
    }
    this.#child = undefined;
    return { code: (await child.status).code, output: this.#text, errors: await this.#errors! };
  }

  /** Kills it, and starts it again. */
  async crash(): Promise<void> {
    await this.stop("SIGKILL");
    await this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child !== undefined) await this.stop("SIGKILL");
  }
}
