// `decode`: explains packets given as hexadecimal digits or in binary. Needs no permission.

import { command } from "../command.ts";
import type { OptionTable, ParsedArguments } from "../options/parse.ts";

const OPTIONS = {
  raw: { choice: "input", help: "standard input is binary" },
  hex: { choice: "input", help: "standard input is hexadecimal digits" },
  full: { help: "show long values in full" },
} as const satisfies OptionTable;

/** What it was given. */
export type DecodeArguments = ParsedArguments<typeof OPTIONS>;

/** The command `decode`. */
export const decode = command({
  name: "decode",
  about: `Explains the bytes of MQTT 5.0 packets.

HEX is hexadecimal digits, as xxd -p prints them; white space, commas, colons,
brackets and 0x are ignored. Without HEX, or with -, the bytes are read from
standard input, as hexadecimal digits or binary.`,
  usage: "[options] [HEX ...]",
  examples: ['decode "20 03 00 00 00"', "decode --raw < capture.bin"],
  exitCodes: "0; 1 for a malformed packet; 2 for a wrong command line or digits.",
  options: OPTIONS,
  permissions: () => ({}),
  load: () => import("./decode_run.ts"),
});
