// The command `passwd`: one user's line changes, the rest of the file stays, and Mosquitto reads it.

import { assert, assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import type { ClientInfo } from "../../../src/broker/mod.ts";
import { passwordFile } from "../../../src/broker/mod.ts";
import type { ConnectPacket } from "../../../src/packets/mod.ts";
import { withFolder } from "../../io/folder.ts";
import { mosquittoPasswd, mosquittoPasswordTest, startMosquitto } from "../../io/mosquitto.ts";
import { connect } from "../../../mod.ts";
import { run, runProcess } from "../run.ts";
import { optionsTest } from "../tested_options.ts";

/** Runs `passwd` with a file that has this text, and gives its text afterwards. */
async function passwd(
  before: string | undefined,
  args: (file: string) => readonly string[],
  stdin = "secret\n",
): Promise<{ exitCode: number; stderr: string; after: string | undefined; left: string[] }> {
  return await withFolder("mqtt5-passwd-", async (folder) => {
    const file = `${folder}/passwords`;
    if (before !== undefined) await Deno.writeTextFile(file, before);
    const { exitCode, stderr } = await run(["passwd", ...args(file)], { stdin });
    const left = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
    const after = left.includes("passwords") ? await Deno.readTextFile(file) : undefined;
    return { exitCode, stderr: stderr.replaceAll(folder, ""), after, left };
  });
}

/** Whether a user is let in with a password. */
async function isLetIn(text: string, username: string, password: string): Promise<boolean> {
  const credentials = { username, password: new TextEncoder().encode(password) };
  return await passwordFile(text)({} as ClientInfo, credentials, {} as ConnectPacket) === true;
}

const OTHER = "bob:$7$101$k2vuS01d/tC1hzmT$kOuVnXgMSlne/SmiYjBEhbJNKReDMyeaK9LXDdHMryHyAvrbGPx9" +
  "+wKX3/BHl5t2zMiv2z+zznHUzsmZgx2yGQ==";

for (
  const [what, stdin, password] of [
    ["a line", "secret\n", "secret"],
    ["a line with CRLF", "secret\r\n", "secret"],
    ["text without an end of line", "secret", "secret"],
    ["the first of several lines", "sec ret\nother\n", "sec ret"],
  ] as const
) {
  Deno.test(`passwd takes the password from standard input: ${what}`, async () => {
    const { exitCode, stderr, after } = await passwd(undefined, (file) => [file, "alice"], stdin);
    assertEquals([exitCode, stderr], [0, ""]);
    assertMatch(after!, /^alice:\$7\$100000\$[^\n]+\n$/);
    assert(await isLetIn(after!, "alice", password));
  });
}

Deno.test("passwd --iterations says how often to hash", async () => {
  const { after } = await passwd(undefined, (file) => ["--iterations", "100001", file, "alice"]);
  assertMatch(after!, /^alice:\$7\$100001\$/);
});

Deno.test("passwd changes the line of its user and keeps all others as they are", async () => {
  const before = `# users\r\n\r\nalice:old\n${OTHER}\nno line at all\nalice:older\nlast:$x`;
  const { exitCode, after, left } = await passwd(before, (file) => [file, "alice"]);
  assertStrictEquals(exitCode, 0);
  const line = after!.split("\n")[2]!;
  assertEquals(after, before.replace("alice:old", line).replace("alice:older\n", ""));
  assert(await isLetIn(line, "alice", "secret"));
  assertEquals(left, ["passwords"]);
});

Deno.test("passwd adds a user at the end, on a line of its own", async () => {
  for (const end of ["", "\n"]) {
    const { after } = await passwd(`${OTHER}${end}`, (file) => [file, "alice"]);
    assertEquals(after!.split("\n").slice(0, 1), [OTHER]);
    assertMatch(after!.split("\n")[1]!, /^alice:/);
    assertStrictEquals(after!.split("\n").length, 3);
  }
});

Deno.test("passwd --delete removes a user and nothing else", async () => {
  const before = `#alice:x\nalice:a\n${OTHER}\nalice2:b\n`;
  const { exitCode, after } = await passwd(before, (file) => ["-D", file, "alice"]);
  assertEquals([exitCode, after], [0, `#alice:x\n${OTHER}\nalice2:b\n`]);
});

for (
  const [what, before, args, exitCode, message] of [
    [
      "a user to delete that there is none of",
      OTHER,
      ["-D", "F", "eve"],
      1,
      'There is no user "eve" in "/passwords"',
    ],
    [
      "a file to delete from that there is none of",
      undefined,
      ["-D", "F", "eve"],
      1,
      'There is no user "eve" in "/passwords"',
    ],
    ["no user", OTHER, ["F"], 2, "passwd takes a file and a user; see passwd --help"],
    [
      "a password on the command line",
      OTHER,
      ["F", "a", "b"],
      2,
      "passwd takes a file and a user; see passwd --help",
    ],
    ["an empty user", OTHER, ["F", ""], 2, "passwd: the user must not be empty"],
    [
      "a colon in the user",
      OTHER,
      ["F", "a:b"],
      2,
      'The user "a:b" cannot be in a password file: expected no colon, no ' +
      "control character, no # at the beginning and no space at either end",
    ],
    [
      "few iterations",
      OTHER,
      ["-I", "99999", "F", "a"],
      2,
      '--iterations: expected an integer from 100000 to 10000000, got "99999"',
    ],
    [
      "iterations to delete",
      OTHER,
      ["-I", "100000", "-D", "F", "a"],
      2,
      "--iterations cannot be combined with --delete",
    ],
  ] as const
) {
  Deno.test(`passwd refuses ${what}, and leaves the file as it is`, async () => {
    const told = await passwd(before, (file) => args.map((word) => word === "F" ? file : word));
    assertEquals([told.exitCode, told.stderr], [exitCode, `mqtt5: ${message}\n`]);
    assertEquals([told.after, told.left], [before, before === undefined ? [] : ["passwords"]]);
  });
}

for (const stdin of ["", "\n", "\r\n"]) {
  Deno.test(`passwd refuses an empty password: ${JSON.stringify(stdin)}`, async () => {
    const { exitCode, stderr, after } = await passwd(OTHER, (file) => [file, "a"], stdin);
    assertEquals([exitCode, stderr, after], [1, "mqtt5: The password is empty\n", OTHER]);
  });
}

Deno.test("passwd gives way to another one at work", async () => {
  await withFolder("mqtt5-passwd-", async (folder) => {
    await Deno.writeTextFile(`${folder}/p.new`, "");
    const { exitCode, stderr } = await run(["passwd", `${folder}/p`, "a"], { stdin: "b" });
    assertStrictEquals(exitCode, 1);
    assertMatch(stderr, /p\.new" exists: another mqtt5 passwd is at work, or was interrupted/);
    assertStrictEquals(await Deno.readTextFile(`${folder}/p.new`), "");
  });
});

Deno.test("passwd tells where a file cannot be written", async () => {
  const { exitCode, stderr } = await run(["passwd", "/nowhere/p", "a"], { stdin: "b" });
  assertEquals([exitCode, stderr], [
    1,
    'mqtt5: Cannot write "/nowhere/p.new": no such file or directory\n',
  ]);
});

if (Deno.build.os !== "windows") {
  Deno.test("A new password file is for its owner alone, another keeps its mode, also by a link", async () => {
    await withFolder("mqtt5-passwd-", async (folder) => {
      const file = `${folder}/passwords`;
      await run(["passwd", file, "alice"], { stdin: "a" });
      assertStrictEquals((await Deno.stat(file)).mode! & 0o777, 0o600);
      await run(["passwd", file, "bob"], { stdin: "a" });
      assertStrictEquals((await Deno.stat(file)).mode! & 0o777, 0o600);
      await Deno.chmod(file, 0o640);
      await Deno.symlink(file, `${folder}/link`);
      await run(["passwd", `${folder}/link`, "carol"], { stdin: "a" });
      const { mode, isFile } = await Deno.lstat(file);
      assertEquals([mode! & 0o777, isFile], [0o640, true]);
      assert((await Deno.lstat(`${folder}/link`)).isSymlink);
      assertStrictEquals((await Deno.readTextFile(file)).split("\n").length, 4);
    });
  });
}

Deno.test("passwd needs its file and the next version of it, and nothing else", async () => {
  await withFolder("mqtt5-passwd-", async (folder) => {
    const files = `${folder}/p,${folder}/p.new`;
    const permissions = [`--allow-read=${files}`, `--allow-write=${files}`];
    const told = await runProcess(permissions, ["passwd", `${folder}/p`, "a"], "b");
    assertEquals(told, { exitCode: 0, stdout: "", stderr: "" });
  });
});

Deno.test("passwd takes --options and --quiet, as every command does", async () => {
  await withFolder("mqtt5-passwd-", async (folder) => {
    await Deno.writeTextFile(`${folder}/options.json`, '{"iterations": 100002}');
    const args = ["passwd", "--options", `${folder}/options.json`, "--quiet", `${folder}/p`, "a"];
    assertStrictEquals((await run(args, { stdin: "b" })).exitCode, 0);
    assertMatch(await Deno.readTextFile(`${folder}/p`), /^a:\$7\$100002\$/);
  });
});

mosquittoPasswordTest(
  "passwd and mosquitto_passwd change each other's files, and Mosquitto takes them",
  async () => {
    await withFolder("mqtt5-passwd-", async (folder) => {
      const file = `${folder}/passwords`;
      await run(["passwd", file, "ours"], { stdin: "one" });
      await mosquittoPasswd("-b", file, "theirs", "two");
      await mosquittoPasswd("-b", file, "both", "old");
      await run(["passwd", file, "both"], { stdin: "new" });
      await run(["passwd", file, "gone"], { stdin: "three" });
      await mosquittoPasswd("-D", file, "gone");
      const text = await Deno.readTextFile(file);
      const users = { ours: "one", theirs: "two", both: "new" };
      assertEquals(text.trim().split("\n").map((line) => line.split(":")[0]), Object.keys(users));
      await using mosquitto = await startMosquitto({ configuration: [`password_file ${file}`] });
      for (const [username, password] of Object.entries(users)) {
        assert(await isLetIn(text, username, password), username);
        await using _ = await connect(mosquitto.url, { username, password });
      }
    });
  },
);

optionsTest(import.meta.url);
