// What `decode` does: explains packets given as hexadecimal digits or in binary.

import { explainPacket } from "../../packets/mod.ts";
import { byteCount } from "../../wire/field.ts";
import type { Context, Output } from "../context.ts";
import { Failure, usageFailure } from "../failure.ts";
import { unreadable } from "../files.ts";
import { isCapture } from "../inspect/pcapng.ts";
import { protocolVersionOption } from "../options/protocol_version.ts";
import { formatExplanation, formatHeading } from "../packets/format.ts";
import { wholeOf } from "../terminal/stdin.ts";
import { quoted } from "../terminal/text.ts";
import { type DecodeArguments, isCaptureName } from "./decode.ts";

/** How many packets are explained before the signal is checked. */
const PACKETS_AT_A_TIME = 256;

/** How many bytes of standard input decide whether it is digits or binary. */
const TELLING_BYTES = 4096;

/** Runs `decode`. */
export async function run(
  context: Context,
  { options, operands }: DecodeArguments,
): Promise<number> {
  const { stdout } = context;
  if (operands.some(isCaptureName)) return await decodeFile(context, options, operands);
  const fromInput = operands.length === 0 || operands[0] === "-";
  if (fromInput ? operands.length > 1 : options.raw) {
    throw usageFailure("Give the bytes either as HEX or on standard input, not both");
  }
  const bytes = fromInput ? await readInput(context, options) : bytesOfHex(operands.join(" "));
  if (fromInput && !options.hex && isCapture(bytes)) {
    return await decodeCapture(context, options, [bytes]);
  }
  if (bytes.length === 0) throw usageFailure("No bytes to decode; see decode --help");
  return await explainAll(bytes, stdout, options, context.signal);
}

async function decodeFile(
  context: Context,
  options: DecodeArguments["options"],
  operands: readonly string[],
): Promise<number> {
  const [path, ...others] = operands;
  if (others.length > 0 || options.raw || options.hex) {
    throw usageFailure("Expected one capture, without HEX, --raw and --hex");
  }
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path!);
  } catch (error) {
    throw new Failure(unreadable("", path!, error));
  }
  return await decodeCapture(context, options, file.readable);
}

/** Explains a capture as it is read: with it comes what is needed for that. */
async function decodeCapture(
  context: Context,
  options: DecodeArguments["options"],
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<number> {
  if (options["protocol-version"] !== undefined) {
    throw usageFailure("--protocol-version: a capture tells the version by its CONNECT");
  }
  const { explainCapture } = await import("../inspect/explain_capture.ts");
  return await explainCapture(context, options.full ?? false, chunks);
}

async function explainAll(
  bytes: Uint8Array,
  stdout: Output,
  options: DecodeArguments["options"],
  signal: AbortSignal,
): Promise<number> {
  const version = options["protocol-version"];
  let protocolVersion = version === undefined
    ? 5
    : protocolVersionOption("protocol-version", version);
  let count = 0;
  for (let offset = 0; offset < bytes.length;) {
    if (++count % PACKETS_AT_A_TIME === 0) {
      await new Promise((resolve) => setTimeout(resolve));
      signal.throwIfAborted();
    }
    const explanation = explainPacket(bytes.subarray(offset), { protocolVersion });
    protocolVersion = explanation.protocolVersion;
    const separator = offset > 0 ? "\n" : "";
    stdout.write(
      separator + formatHeading(explanation, stdout) +
        formatExplanation(explanation, stdout, options),
    );
    offset += explanation.bytes.length;
    if (explanation.fault === undefined) continue;
    const rest = bytes.length - offset;
    if (rest > 0) stdout.write(`  ${byteCount(rest)} after this packet: not decoded\n`);
    return 1;
  }
  return 0;
}

async function readInput(
  { stdin, signal }: Context,
  { raw, hex }: DecodeArguments["options"],
): Promise<Uint8Array> {
  if (stdin.isTerminal) {
    throw usageFailure("Expected bytes as HEX or on standard input; see decode --help");
  }
  const bytes = await wholeOf(stdin, signal);
  if (raw) return bytes;
  const latin1 = new TextDecoder("latin1");
  const beginning = latin1.decode(bytes.subarray(0, TELLING_BYTES));
  if (hex || strangerIn(beginning) === undefined) return bytesOfHex(latin1.decode(bytes));
  if (/[^\s\x20-\x7e]/.test(beginning)) return bytes;
  throw usageFailure(
    `Standard input contains ${
      quoted(strangerIn(beginning)!)
    }, which is not a hexadecimal digit; ` +
      "use --raw if it is binary",
  );
}

/** What people and programs write between bytes. */
const SEPARATORS = /[\s,:;'"[\](){}<>-]+/;

/** Before a group of digits. */
const PREFIX = /^0x/i;

/**
 * The bytes in groups of digits. A group that is one digit after `0x` is a byte, as in `{0x1,
 * 0x2}`.
 */
function bytesOfHex(text: string): Uint8Array {
  const stranger = strangerIn(text);
  if (stranger !== undefined) {
    throw usageFailure(`${quoted(stranger)} is not a hexadecimal digit; see decode --help`);
  }
  const digits = groupsOf(text).map((group) => {
    if (/^0x.$/i.test(group)) return `0${group.slice(2)}`;
    const digits = group.replace(PREFIX, "");
    if (digits.length % 2 === 0) return digits;
    throw usageFailure(`${quoted(group)} has an odd number of hexadecimal digits`);
  });
  return Uint8Array.fromHex(digits.join(""));
}

/** The first character that is not a digit, if there is one. */
function strangerIn(text: string): string | undefined {
  const digits = groupsOf(text).map((group) => group.replace(PREFIX, "")).join("");
  return digits.match(/[^0-9a-f]/iu)?.[0];
}

function groupsOf(text: string): string[] {
  return text.replaceAll(/\\x|0x/gi, " 0x").split(SEPARATORS).filter((group) => group !== "");
}
