// Arguments that are not UTF-8: Deno replaces their bytes, so no command may send what came of them.

import { assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { freePort } from "../../io/mosquitto.ts";
import { run } from "../run.ts";

/** `caf\xe9` as Deno gives it to the program. */
const LATIN = "caf\u{FFFD}";

const REFUSED: readonly (readonly [args: readonly string[], says: RegExp])[] = [
  [
    ["pub", "-t", "a", "-m", LATIN],
    /^mqtt5: --message: expected UTF-8, but character 4 is not, or is U\+FFFD; [^\n]*\(-f\)[^\n]*\(-s\)\n$/,
  ],
  [
    ["pub", "-t", `a/${LATIN}`, "-n"],
    /^mqtt5: --topic: expected UTF-8, but character 6 is not, or is U\+FFFD\n$/,
  ],
  [["pub", `-nt${LATIN}`], /--topic: expected UTF-8/],
  [["pub", "-n", `mqtt://localhost/${LATIN}`], /^mqtt5: Argument 1: expected UTF-8/],
  [["pub", "-t", "a", "-f", LATIN], /--file: expected UTF-8[^\n]*; rename the file\n$/],
  [["pub", "-t", "a", "-n", `--content-type=${LATIN}`], /--content-type: expected UTF-8/],
  [
    ["pub", "-t", "a", "-n", "-D", "publish", "correlation-data", LATIN],
    /--correlation-data: expected UTF-8[^\n]*; [^\n]*hexadecimal digits after "hex:"\n$/,
  ],
  [["pub", "-t", "a", "-n", "-D", "publish", "user-property", "n", LATIN], /--user-property: /],
  [
    ["pub", "-t", "a", "-n", "--will-topic", "w", "--will-payload", LATIN],
    /--will-payload: .*hex:/,
  ],
  [["sub", "-t", LATIN], /--topic: expected UTF-8/],
  [["sub", "-t", "a", "-F", LATIN], /--format: expected UTF-8/],
  [["sub", "-t", "a", "-i", LATIN], /--client-id: expected UTF-8/],
  [["request", "-t", "a", "-m", LATIN], /--message: expected UTF-8/],
  [["request", "-t", "a", "-n", "-e", LATIN], /--response-topic: expected UTF-8/],
  [["respond", "-t", "a", "--exec", LATIN], /--exec: [^\n]*; put the command in a script\n$/],
  [["retained", "-t", LATIN], /--topic: expected UTF-8/],
  [["connect", "-u", LATIN], /--username: expected UTF-8/],
  [["broker", "-f", LATIN], /--file: expected UTF-8/],
  [
    ["decode", LATIN],
    /^mqtt5: Argument 1: expected UTF-8, but character 4 is not, or is U\+FFFD\n$/,
  ],
];

for (const [args, says] of REFUSED) {
  Deno.test(`${args.join(" ")} is refused, because it was not UTF-8`, async () => {
    // Nothing listens there: who connected all the same would end with 1.
    const port = args[0] === "decode" ? [] : ["-p", String(freePort())];
    const { exitCode, stdout, stderr } = await run([args[0]!, ...port, ...args.slice(1)]);
    assertEquals([exitCode, stdout], [2, ""], stderr);
    assertMatch(stderr, says);
  });
}

Deno.test("a password that is not UTF-8 is refused, and not shown", async () => {
  const { exitCode, stderr } = await run(["pub", "-t", "a", "-n", "-u", "a", "-P", LATIN]);
  assertEquals(exitCode, 2);
  assertMatch(
    stderr,
    /^mqtt5: --password: expected UTF-8, but character 4 is not, or is U\+FFFD; [^\n]*"hex:"\n$/,
  );
  assertNotMatch(stderr, /caf/);
});

Deno.test({
  name: "bytes of the shell that are not UTF-8 are refused, in arguments and in --password-env",
  ignore: Deno.build.os === "windows",
  async fn() {
    const cli = new URL("../../../cli.ts", import.meta.url).pathname;
    const deno = `"$1" run -q --no-prompt -NE ${cli} pub -p ${freePort()} -t a`;
    const cases: readonly (readonly [string, RegExp])[] = [
      [`${deno} -m "$(printf 'caf\\351')"`, /^mqtt5: --message: expected UTF-8, but character 4 /],
      [
        `X="$(printf 'caf\\351')" ${deno} -n -u a --password-env X`,
        /^mqtt5: --password-env: expected UTF-8 in "X"; [^\n]*\(--password-file\)\n$/,
      ],
    ];
    for (const [line, says] of cases) {
      const args = ["-c", line, "sh", Deno.execPath()];
      const { code, stderr } = await new Deno.Command("sh", { args }).output();
      const told = new TextDecoder().decode(stderr);
      assertEquals(code, 2, told);
      assertMatch(told, says);
      assertNotMatch(told, /caf/);
    }
  },
});
