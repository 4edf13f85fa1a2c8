// Password files: which line means what, who is let in, and what that costs.

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  type ClientInfo,
  passwordFile,
  type PasswordFileOptions,
  passwordLine,
} from "../../../src/broker/mod.ts";
import type { ConnectPacket } from "../../../src/packets/mod.ts";
import { bytesOfText } from "../client.ts";
import { World } from "../world.ts";

/** By mosquitto_passwd 2.0.11: alice, secret and bob, builder. */
const ALICE = "alice:$7$101$k2vuS01d/tC1hzmT$kOuVnXgMSlne/SmiYjBEhbJNKReDMyeaK9LXDdHMryHyAvrbGPx9" +
  "+wKX3/BHl5t2zMiv2z+zznHUzsmZgx2yGQ==";
const BOB =
  "bob:$6$Vt3Dv3G7JDTPI2cE$Gus2ax3p1WkF/nGtw+lOPiCrTia2ViT9eKS8gNnPAm9w48/zJINyWPrChaAqnRMu" +
  "JUdWux5q/MtIqP2WgLEtuA==";

/** What a password file says to a User Name and a password. */
async function answerTo(
  text: string,
  username?: string,
  password?: string | Uint8Array,
  options?: PasswordFileOptions,
): Promise<unknown> {
  const bytes = typeof password === "string" ? bytesOfText(password) : password;
  const credentials = { username, password: bytes };
  return await passwordFile(text, options)({} as ClientInfo, credentials, {} as ConnectPacket);
}

for (
  const [what, username, password, answer] of [
    ["a password with PBKDF2", "alice", "secret", true],
    ["another password with PBKDF2", "alice", "Secret", 0x86],
    ["a password with SHA-512", "bob", "builder", true],
    ["another password with SHA-512", "bob", "secret", 0x86],
    ["no password", "alice", undefined, 0x86],
    ["an empty password", "alice", "", 0x86],
    ["a user who does not exist", "eve", "secret", 0x86],
    ["a user whose name is one of an object's", "__proto__", "secret", 0x86],
    ["an empty User Name", "", "secret", 0x86],
    ["a User Name in other letters", "Alice", "secret", 0x86],
    ["no User Name", undefined, "secret", 0x87],
  ] as const
) {
  const verdict = answer === true ? "is let in" : `is refused with 0x${answer.toString(16)}`;
  Deno.test(`By the password file, a client with ${what} ${verdict}`, async () => {
    assertStrictEquals(await answerTo(`# users\n\n${ALICE}\r\n${BOB}`, username, password), answer);
  });
}

Deno.test("A client without User Name is let in where that is allowed, others are checked as ever", async () => {
  const options = { allowAnonymous: true };
  assertStrictEquals(await answerTo(ALICE, undefined, undefined, options), true);
  assertStrictEquals(await answerTo(ALICE, "alice", "x", options), 0x86);
  assertStrictEquals(await answerTo(ALICE, "eve", "x", options), 0x86);
});

Deno.test("An empty password file lets nobody in", async () => {
  assertStrictEquals(await answerTo("", "alice", "secret"), 0x86);
});

for (
  const password of ["wonderland", "", "with : and $ and # and ü", new Uint8Array([0, 255, 10])]
) {
  Deno.test(`passwordLine() makes a line that lets its user in: ${JSON.stringify(password)}`, async () => {
    const line = await passwordLine("white rabbit", password, { iterations: 1000 });
    assertMatch(line, /^white rabbit:\$7\$1000\$[\w+/]{16}\$[\w+/]{86}==$/);
    assertStrictEquals(await answerTo(line, "white rabbit", password), true);
    assertStrictEquals(await answerTo(line, "white rabbit", "other"), 0x86);
  });
}

Deno.test("passwordLine() hashes 100,000 times, each time with another salt", async () => {
  const lines = await Promise.all([passwordLine("a", "b"), passwordLine("a", "b")]);
  for (const line of lines) assert(line.startsWith("a:$7$100000$"));
  assert(lines[0] !== lines[1]);
});

for (
  const [username, message] of [
    ["", "user name must not be empty"],
    ["a:b", 'user name "a:b" has a colon or a control character, which the file cannot hold'],
    ["a\nb", 'user name "a\\nb" has a colon or a control character, which the file cannot hold'],
    ["#a", 'user name "#a" begins with # or a space, or ends with a space'],
    [" a", 'user name " a" begins with # or a space, or ends with a space'],
    ["a ", 'user name "a " begins with # or a space, or ends with a space'],
    ["\ud800", 'user name "\\ud800" has a lone surrogate'],
    [1 as never, "username must be a string, got number"],
  ] as const
) {
  Deno.test(`passwordLine() refuses the user name ${JSON.stringify(username)}`, async () => {
    const error = await assertRejects(() => passwordLine(username, "x"), TypeError);
    assertStrictEquals(error.message, message);
  });
}

Deno.test("passwordLine() refuses what is out of range, or of another type", async () => {
  await assertRejects(() => passwordLine("a".repeat(65_536), "x"), RangeError, "got 65536");
  for (const iterations of [999, 10_000_001, 1000.5, NaN]) {
    const error = await assertRejects(() => passwordLine("a", "x", { iterations }), RangeError);
    assertStrictEquals(
      error.message,
      `iterations must be from 1000 to 10000000, got ${iterations}`,
    );
  }
  await assertRejects(() => passwordLine("a", 1 as never), TypeError, "password must be a string");
});

const SALT = "k2vuS01d/tC1hzmT";
const HASH = ALICE.slice(ALICE.lastIndexOf("$") + 1);

for (
  const [line, message] of [
    ["alice", "expected USER:PASSWORD-HASH, got no colon"],
    [":$7$101$a$b", "the user name is missing"],
    [
      "eve:secret",
      'the password of "eve" is not hashed; set it again with mqtt5 passwd or mosquitto_passwd',
    ],
    [
      "eve:",
      'the password of "eve" is not hashed; set it again with mqtt5 passwd or mosquitto_passwd',
    ],
    [
      "eve:$argon2id$v=19$m=47104,t=1,p=1$c2FsdA$aGFzaA",
      'the password of "eve" is hashed with argon2id, which is not supported; set it again with ' +
      "mqtt5 passwd, or mosquitto_passwd -H sha512-pbkdf2",
    ],
    [
      `eve:$7$0$${SALT}$${HASH}`,
      'the hash of the password of "eve" is not of the form $7$ITERATIONS$SALT$HASH',
    ],
    [
      `eve:$7$10000001$${SALT}$${HASH}`,
      'the hash of the password of "eve" is not of the form $7$ITERATIONS$SALT$HASH',
    ],
    [
      `eve:$7$101$${SALT}$${HASH.slice(4)}`,
      'the hash of the password of "eve" is not of the form $7$ITERATIONS$SALT$HASH',
    ],
    [
      `eve:$7$101$${SALT}$`,
      'the hash of the password of "eve" is not of the form $7$ITERATIONS$SALT$HASH',
    ],
    [
      `eve:$6$${SALT}!$${HASH}`,
      'the hash of the password of "eve" is not of the form $6$SALT$HASH',
    ],
    [ALICE, 'there is a line for "alice" before'],
  ] as const
) {
  Deno.test(`In a password file ${line.slice(0, 24)} is a fault at its line, which does not show the hash`, () => {
    const error = assertThrows(() => passwordFile(`${ALICE}\n#\n${line}\n`), TypeError);
    assertStrictEquals(error.message, `Line 3: ${message}`);
  });
}

Deno.test("passwordFile() takes text, a boolean and a number above 0", () => {
  assertThrows(() => passwordFile(1 as never), TypeError, "text must be a string, got number");
  assertThrows(() => passwordFile("", { allowAnonymous: 1 as never }), TypeError);
  assertThrows(() => passwordFile("", { concurrency: 0 }), RangeError, "concurrency");
});

Deno.test("For a user who does not exist the same is computed as for one of those who do", async () => {
  const asked: string[] = [];
  const { deriveBits } = crypto.subtle;
  crypto.subtle.deriveBits = (algorithm, key, length) => {
    const { iterations, salt } = algorithm as Pbkdf2Params;
    asked.push(`${iterations} ${new Uint8Array(salt as ArrayBuffer)}`);
    return deriveBits.call(crypto.subtle, algorithm, key, length);
  };
  try {
    assertStrictEquals(await answerTo(ALICE, "alice", "wrong"), 0x86);
    assertStrictEquals(await answerTo(ALICE, "eve", "wrong"), 0x86);
    assertStrictEquals(asked.length, 2);
    assertStrictEquals(asked[0], asked[1]);
    // Of several kinds of lines, the same name meets the same one each time, and each is met.
    const users = `${ALICE}\n${ALICE.replace("alice:$7$101", "carol:$7$102")}`;
    const check = passwordFile(users);
    const kinds = new Set<string>();
    for (const name of ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"]) {
      const of = async () => {
        asked.length = 0;
        const credentials = { username: name, password: undefined };
        await check({} as ClientInfo, credentials, {} as ConnectPacket);
        return asked.join();
      };
      const first = await of();
      assertStrictEquals(await of(), first);
      kinds.add(first.slice(0, 3));
    }
    assertEquals([...kinds].sort(), ["101", "102"]);
  } finally {
    crypto.subtle.deriveBits = deriveBits;
  }
});

Deno.test("So many passwords are checked at the same time, and beyond 256 that wait clients are refused", async () => {
  let [now, most] = [0, 0];
  const { deriveBits } = crypto.subtle;
  crypto.subtle.deriveBits = async (...args) => {
    most = Math.max(most, ++now);
    const bits = await deriveBits.apply(crypto.subtle, args);
    now--;
    return bits;
  };
  try {
    const check = passwordFile(ALICE, { concurrency: 3 });
    const credentials = { username: "alice", password: bytesOfText("secret") };
    const answers = await Promise.all(
      Array.from({ length: 262 }, () => check({} as ClientInfo, credentials, {} as ConnectPacket)),
    );
    assertEquals(answers, [...Array(259).fill(true), 0x89, 0x89, 0x89]);
    assertStrictEquals(most, 3);
    assertStrictEquals(await check({} as ClientInfo, credentials, {} as ConnectPacket), true);
  } finally {
    crypto.subtle.deriveBits = deriveBits;
  }
});

Deno.test("A password that waits for its check is a copy: the bytes it came in are used again", async () => {
  const check = passwordFile(ALICE, { concurrency: 1 });
  const password = bytesOfText("secret");
  const credentials = { username: "alice", password };
  const answers = [1, 2].map(() => check({} as ClientInfo, credentials, {} as ConnectPacket));
  password.fill(0);
  assertEquals(await Promise.all(answers), [true, true]);
});

Deno.test("A broker with a password file lets in its users, each with a session of its own", async () => {
  const pending: unknown[] = [];
  const check = passwordFile(`${ALICE}\n${BOB}`);
  await using world = new World({
    authenticate(...args) {
      const answer = check(...args);
      pending.push(answer);
      return answer;
    },
  });
  const ask = async (username: string, password: string) => {
    const client = await world.ask("c", { username, password: bytesOfText(password) });
    await Promise.all(pending);
    await world.settle();
    return client;
  };
  (await ask("alice", "wrong")).expectRefusal(0x86);
  const alice = await ask("alice", "secret");
  assertStrictEquals(alice.expect("connack").reasonCode, 0x00);
  (await ask("bob", "builder")).expectRefusal(0x87);
  (await world.ask("d")).expectRefusal(0x87);
});
