// `decode`: explains packets given as hexadecimal digits or in binary. Needs no permission.

import { command } from "../command.ts";
import type { OptionTable, ParsedArguments } from "../options/parse.ts";

const OPTIONS = {
  raw: { choice: "input", help: "standard input is binary" },
  hex: { choice: "input", help: "standard input is hexadecimal digits" },
  full: { help: "show long values in full" },
  "protocol-version": {
    short: "V",
    value: "5|311|31",
    help: "version of MQTT; a CONNECT tells its own",
  },
} as const satisfies OptionTable;

/** What it was given. */
export type DecodeArguments = ParsedArguments<typeof OPTIONS>;

/** The command `decode`. */
export const decode = command({
  name: "decode",
  about: `Explains the bytes of MQTT 5.0, 3.1.1 and 3.1 packets.

HEX is hexadecimal digits, as xxd -p prints them; white space, commas, colons,
brackets and 0x are ignored. Without HEX, or with -, the bytes are read from
standard input, as hexadecimal digits or binary. FILE.pcapng is a capture that
inspect --write has recorded; --help=all shows how to decode others.`,
  usage: "[options] [HEX ... | FILE.pcapng]",
  examples: ['decode "20 03 00 00 00"', "decode --raw < packets.bin"],
  notes: `Captures of other programs are read by tshark, which comes with Wireshark. This
decodes what one end of one TCP connection, the first, has said:
  tshark -r FILE -q -z follow,tcp,raw,0 | grep '^[0-9a-f]' | mqtt5 decode
The other end's lines are indented: grep '^[[:space:]]'. TLS has to be decrypted
by Wireshark first.
`,
  exitCodes: "0; 1 for a malformed packet or, in a capture, a broken rule; 2 usage.",
  options: OPTIONS,
  permissions: ({ operands }) => ({ read: operands.filter(isCaptureName) }),
  load: () => import("./decode_run.ts"),
});

/** Whether an operand names a capture. */
export function isCaptureName(operand: string): boolean {
  return operand.toLowerCase().endsWith(".pcapng");
}
