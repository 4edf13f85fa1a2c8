// Wireshark's own reader of captures, for tests of ours.

/** Why there is no tshark, if there is none. */
export const noTshark: string | undefined = await new Deno.Command("tshark", {
  args: ["--version"],
  stdout: "null",
  stderr: "null",
}).output().then(() => undefined, () => "tshark is not installed");

/** The values of fields of every packet in a capture, or of those that a filter lets pass. */
export async function tshark(
  path: string,
  fields: readonly string[],
  filter = "",
): Promise<readonly (readonly string[])[]> {
  const { success, stdout, stderr } = await new Deno.Command("tshark", {
    args: [
      ...["-r", path, "-T", "fields", "-E", "separator=|"],
      ...["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"],
      ...filter === "" ? [] : ["-Y", filter],
      ...fields.flatMap((field) => ["-e", field]),
    ],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const lines = new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
  return lines.map((line) => line.split("|"));
}
