// What a command works with: arguments and streams. It knows nothing of the process it runs in.

/** Where a command writes text. */
export interface Output {
  /** Writes text. */
  write(text: string): void;
  /** Writes bytes. Nothing else may be written until this resolves. */
  writeBytes(bytes: Uint8Array): Promise<void>;
  /**
   * On a terminal, keeps a status line below the output; the next call replaces it, `""` removes
   * it.
   */
  status(line: string): void;
  /** Whether it is a terminal. */
  readonly isTerminal: boolean;
  /** Whether to use colours. */
  readonly colors: boolean;
  /** How many characters fit on a line. */
  readonly columns: number;
}

/** Where a command reads bytes. */
export interface Input {
  /** The bytes as they arrive. */
  readonly readable: ReadableStream<Uint8Array>;
  /** Whether it is a terminal. */
  readonly isTerminal: boolean;
}

/** The arguments and streams of a command. */
export interface Context {
  /** The arguments after the command's name. */
  readonly args: readonly string[];
  /** The URL or path with which `deno run` runs this program. */
  readonly program: string;
  /** Standard input. */
  readonly stdin: Input;
  /** Standard output: data, and nothing else. */
  readonly stdout: Output;
  /** Standard error: everything addressed to the person. */
  readonly stderr: Output;
  /** Aborts on Ctrl-C. Once it has been read, Ctrl-C no longer ends the process by itself. */
  readonly signal: AbortSignal;
}
