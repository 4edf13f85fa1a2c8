// Prints received messages on standard output.

import type { Message } from "../../client/mod.ts";
import type { Output } from "../context.ts";
import { usageFailure } from "../failure.ts";
import type { OUTPUT } from "../options/output.ts";
import type { AnyValues, OptionValues } from "../options/parse.ts";
import { propertiesOf, SUBSCRIBE_NAMES } from "../options/properties.ts";
import { ByteBuffer } from "./byte_buffer.ts";
import { type MessageFormat, messageFormat } from "./format.ts";
import { messageToJson } from "./json.ts";

const SPACE = new Uint8Array([0x20]);
const EOL = new Uint8Array([0x0a]);

const payloadOnly: MessageFormat = ({ payload }, out) => out.received(payload);

function json(identifier: number | undefined): MessageFormat {
  return (message, out) => out.receivedJson(messageToJson(message, new Date(), identifier));
}

/** Prints topic and payload. */
export function verbose({ topic, payload }: Message, out: ByteBuffer): void {
  out.receivedText(topic);
  out.bytes(SPACE);
  if (payload.length > 0) out.received(payload);
  else out.text("(null)");
}

/** How many bytes are gathered before they are written. */
const ENOUGH = 65_536;

/** Prints messages. */
export class Printer {
  readonly #output: Output;
  readonly #makeBuffer: () => ByteBuffer;
  #buffer: ByteBuffer;
  /** A buffer that is not in use. */
  #spare: ByteBuffer | undefined;
  #writing: Promise<void> = Promise.resolve();
  readonly #format: MessageFormat;
  readonly #endsLines: boolean;

  /**
   * @throws {Failure} when options conflict, or the format is invalid
   */
  constructor(
    output: Output,
    options: OptionValues<typeof OUTPUT> & AnyValues,
    otherwise: MessageFormat = payloadOnly,
  ) {
    const { verbose: isVerbose, format, json: isJson, raw: isRaw } = options;
    if (isJson && isVerbose) throw usageFailure("--verbose and --json cannot be used together");
    this.#output = output;
    // Escaped JSON has the same value, so --raw does not matter.
    const isEscaping = output.isTerminal && (isJson || !isRaw);
    this.#makeBuffer = () => new ByteBuffer(isEscaping);
    this.#buffer = this.#makeBuffer();
    this.#endsLines = !options["no-eol"];
    const [identifier] = propertiesOf(SUBSCRIBE_NAMES, options).subscriptionIdentifiers ?? [];
    this.#format = isJson
      ? json(identifier)
      : format !== undefined
      ? messageFormat(format, identifier)
      : isVerbose
      ? verbose
      : otherwise;
  }

  /** Whether it is time to {@linkcode Printer.flush}. */
  get isFull(): boolean {
    return this.#buffer.length >= ENOUGH;
  }

  /** Adds a message. */
  print(message: Message): void {
    // As with mosquitto's tools, an empty payload prints no line, and with -N not even "(null)".
    const isPlain = this.#format === payloadOnly || this.#format === verbose && !this.#endsLines;
    if (isPlain && message.payload.length === 0) return;
    this.#format(message, this.#buffer);
    if (this.#endsLines) this.#buffer.bytes(EOL);
  }

  /** Writes what was added, after earlier writes. Resolves when it is written. */
  async flush(): Promise<void> {
    const taken = this.#buffer;
    this.#buffer = this.#spare ?? this.#makeBuffer();
    this.#spare = undefined;
    this.#writing = this.#writing.then(() => this.#output.writeBytes(taken.view()));
    await this.#writing;
    taken.clear();
    this.#spare = taken;
  }
}
