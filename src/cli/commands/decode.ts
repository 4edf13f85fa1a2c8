// `decode`: explains packets given as hexadecimal digits or as they are. Needs no permission.

import { command } from "../command.ts";
import type { OptionTable, ParsedArguments } from "../options/parse.ts";

const OPTIONS = {
  raw: { help: "standard input is the bytes themselves" },
  hex: { help: "standard input is hexadecimal digits" },
  full: { help: "show long values to their last byte" },
} as const satisfies OptionTable;

/** What it was given. */
export type DecodeArguments = ParsedArguments<typeof OPTIONS>;

/** The command `decode`. */
export const decode = command({
  name: "decode",
  about: `Explains the bytes of MQTT 5.0 packets, one packet after the other.

The bytes are hexadecimal digits, with white space, commas, colons, brackets or
0x between them (xxd -p prints such). Without HEX, or with -, they come from
standard input, as digits or as they are.`,
  usage: "[options] [HEX ...]",
  examples: ['decode "20 03 00 00 00"', "decode --raw < capture.bin"],
  exitCodes: "0; 1 for a broken packet, 2 for a wrong command line or wrong digits.",
  options: OPTIONS,
  permissions: () => ({}),
  load: () => import("./decode_run.ts"),
});
