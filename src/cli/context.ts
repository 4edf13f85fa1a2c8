// What a command is given and what it gives back. Commands know nothing of the process they run in.

/** Where a command writes text. */
export interface Output {
  /** Writes the text as it is. */
  write(text: string): void;
  /** Writes bytes, and resolves when they are out. Nothing else may be written meanwhile. */
  writeBytes(bytes: Uint8Array): Promise<void>;
  /** Shows a line below all that is written, until another takes its place, or `""` none. On a terminal alone. */
  status(line: string): void;
  /** Whether a person looks at it. */
  readonly isTerminal: boolean;
  /** Whether colours are welcome. */
  readonly colors: boolean;
  /** How many characters fit on a line. */
  readonly columns: number;
}

/** Where a command reads bytes. */
export interface Input {
  /** The bytes as they come. */
  readonly readable: ReadableStream<Uint8Array>;
  /** Whether a person would have to type them. */
  readonly isTerminal: boolean;
}

/** What a command may use. */
export interface Context {
  /** The arguments after the command's name. */
  readonly args: readonly string[];
  /** What `deno run` is given to run this program: a URL or a path. */
  readonly program: string;
  /** Standard input. */
  readonly stdin: Input;
  /** Data, and nothing else. */
  readonly stdout: Output;
  /** All that is for the person. */
  readonly stderr: Output;
  /** Aborts when the person wants to stop. Whoever asks for it has Ctrl-C no longer end the process at once. */
  readonly signal: AbortSignal;
}
