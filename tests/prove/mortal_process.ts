// A process that an experiment kills and starts again, and that tells with each line it prints that
// it has gone on.

/** A process that runs, or may be started again. Disposing it kills it. */
export class MortalProcess implements AsyncDisposable {
  readonly #script: string;
  readonly #args: () => readonly string[];
  #child: Deno.ChildProcess | undefined;
  #errors = Promise.resolve("");
  #ended = Promise.resolve();
  #steps = 0;
  #isDisposed = false;
  #onStep: (() => void)[] = [];

  /** `args` is asked at each start. */
  constructor(script: string, args: () => readonly string[]) {
    this.#script = new URL(script, import.meta.url).pathname;
    this.#args = args;
    this.start();
  }

  /** Starts it; not after its end, when an experiment that has failed still goes on. */
  start(): void {
    if (this.#isDisposed) return;
    const child = this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-prompt", "--no-check", "--allow-all", this.#script]
        .concat(this.#args()),
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#steps = 0;
    this.#errors = new Response(child.stderr).text();
    this.#ended = this.#count(child.stdout);
  }

  /** Resolves when it has gone on by so many steps since its start, or has ended. */
  async steps(count: number): Promise<void> {
    let isEnded = false;
    const ended = this.#ended.then(() => isEnded = true);
    while (this.#steps < count && !isEnded) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onStep.push(resolve);
      await Promise.race([promise, ended]);
    }
  }

  /** Kills it and waits for its end. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    const { code, signal } = await child.status;
    await this.#ended;
    if (signal !== "SIGKILL") throw new Error(`It ended with ${code}: ${await this.#errors}`);
  }

  /** Waits for its end, which has to be a good one. */
  async end(): Promise<void> {
    const { code } = await this.#child!.status;
    this.#child = undefined;
    if (code !== 0) throw new Error(`It ended with ${code}: ${await this.#errors}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    try {
      await this.kill();
    } catch {
      // How it has ended matters no more.
    }
  }

  async #count(output: ReadableStream<Uint8Array>): Promise<void> {
    for await (const chunk of output) {
      this.#steps += chunk.filter((byte) => byte === 0x0a).length;
      for (const resolve of this.#onStep.splice(0)) resolve();
    }
  }
}
