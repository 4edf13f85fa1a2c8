// `decode`: explains packets given as hexadecimal digits or as they are. Needs no permission.

import { concat } from "jsr:@std/bytes@^1/concat";
import { explainPacket } from "../packets/mod.ts";
import { type Context, type Input, usageFailure } from "./command.ts";
import { formatExplanation, formatHeading } from "./format.ts";
import { HELP, optionsHelp, type OptionTable, parseOptions } from "./options.ts";
import { byteCount, quoted } from "./text.ts";

const OPTIONS = {
  raw: { help: "standard input is the bytes themselves" },
  hex: { help: "standard input is hexadecimal digits" },
  full: { help: "show long values to their last byte" },
  ...HELP,
} as const satisfies OptionTable;

const HELP_TEXT = `Explains the bytes of MQTT 5.0 packets, one packet after the other.

Usage: decode [options] [HEX ...]

The bytes are hexadecimal digits, with white space, colons, commas or 0x wherever you
like. Without HEX, or with -, they come from standard input, as digits or as they are.

Options:
${optionsHelp(OPTIONS)}
Examples:
  decode "20 03 00 00 00"
  head -c 100 capture.bin | decode --raw

Exit code: 0; 1 when a packet is broken, 2 when the command line or the digits are.
`;

/** Runs `decode`. */
export async function decode({ args, stdin, stdout }: Context): Promise<number> {
  const { options, operands } = parseOptions(OPTIONS, args);
  if (options.help) {
    stdout.write(HELP_TEXT);
    return 0;
  }
  const bytes = operands.length === 0 || operands[0] === "-"
    ? await readInput(stdin, options)
    : bytesOfHex(operands.join(" "));
  if (bytes.length === 0) throw usageFailure("There are no bytes to decode; see decode --help");
  let exitCode = 0;
  for (let offset = 0; offset < bytes.length && exitCode === 0;) {
    const explanation = explainPacket(bytes.subarray(offset));
    if (offset > 0) stdout.write("\n");
    stdout.write(formatHeading(explanation, stdout));
    stdout.write(formatExplanation(explanation, stdout, options));
    offset += explanation.bytes.length;
    if (explanation.fault === undefined) continue;
    exitCode = 1;
    const rest = bytes.length - offset;
    if (rest > 0) stdout.write(`  ${byteCount(rest)} after this packet: not decoded\n`);
  }
  return exitCode;
}

async function readInput(
  stdin: Input,
  { raw, hex }: { readonly raw: boolean; readonly hex: boolean },
): Promise<Uint8Array> {
  if (raw && hex) throw usageFailure("--raw and --hex exclude each other");
  if (stdin.isTerminal) throw usageFailure("Give the bytes as HEX or on standard input");
  const bytes = concat(await Array.fromAsync(stdin.readable));
  if (raw) return bytes;
  const text = new TextDecoder("latin1").decode(bytes);
  return hex || isHex(text) ? bytesOfHex(text) : bytes;
}

/** What people and programs write between bytes. */
const SEPARATORS = /[\s:,]+|\b0x|\\x/gi;

function isHex(text: string): boolean {
  return /^[0-9a-f]*$/i.test(text.replaceAll(SEPARATORS, ""));
}

function bytesOfHex(text: string): Uint8Array {
  const digits = text.replaceAll(SEPARATORS, "");
  const stranger = digits.match(/[^0-9a-f]/iu)?.[0];
  if (stranger !== undefined) {
    throw usageFailure(`${quoted(stranger)} is no hexadecimal digit; see decode --help`);
  }
  if (digits.length % 2 !== 0) {
    throw usageFailure(`The number of hexadecimal digits is odd, ${digits.length}; a byte has two`);
  }
  return Uint8Array.fromHex(digits);
}
