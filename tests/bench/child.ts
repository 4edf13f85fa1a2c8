// A process that a benchmark starts. It is told and tells in lines, has as many file descriptors as the system lets it, and
// ends with the benchmark: when its standard input does, or when it is disposed of.

/** Raises the number of open files as far as it goes, then becomes the program. */
const RAISE = 'ulimit -n "$(ulimit -Hn)" 2>/dev/null; exec "$@"';

/** A process. */
export class Child implements AsyncDisposable {
  readonly #program: string;
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncGenerator<string>;

  /** Starts a program. */
  constructor(program: string, args: readonly string[]) {
    this.#program = program;
    this.#process = new Deno.Command("sh", {
      args: ["-c", RAISE, "sh", program, ...args],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#input = this.#process.stdin.getWriter();
    this.#lines = linesOf(this.#process.stdout);
  }

  /** The number that the system has given the process. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Tells it a line. */
  async tell(line: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${line}\n`));
  }

  /** The next line that it tells. After so many milliseconds without one it is given up, and its process ended. */
  async hear(patience = 60_000): Promise<string> {
    const timer = setTimeout(() => this.#end(), patience);
    const { value, done } = await this.#lines.next();
    clearTimeout(timer);
    if (done) throw new Error(`${this.#program} has ended, or has been given up`);
    return value;
  }

  /** Listens to no more of what it tells, and lets it tell. */
  async ignore(): Promise<void> {
    for await (const _ of this.#lines);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end();
    await this.#process.status;
    await this.#input.abort().catch(() => {});
    await this.ignore();
  }

  #end(): void {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
  }
}

/** The lines of a stream of text. */
export async function* linesOf(bytes: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const part of bytes.pipeThrough(new TextDecoderStream() as never)) {
    const lines = (rest + part).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}
