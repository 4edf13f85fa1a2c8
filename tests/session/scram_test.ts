// RFC 5802 and RFC 7677: the two halves against the RFC's own exchange, against each other, and
// against a peer that cheats.

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { webCrypto } from "../../src/io/crypto.ts";
import type { AuthenticationContext, Authenticator } from "../../src/session/authenticator.ts";
import { scramClient, type ScramCredentials } from "../../src/session/scram/client.ts";
import { isEqual } from "../../src/session/scram/cryptography.ts";
import {
  formatKeys,
  keysOf,
  parseKeys,
  preparedPassword,
  type ScramMethod,
} from "../../src/session/scram/keys.ts";
import { parseClientFirst } from "../../src/session/scram/messages.ts";
import { madeUpKeys, ScramServer } from "../../src/session/scram/server.ts";
import { fromBase64 } from "../../src/wire/base64.ts";

const CONTEXT: AuthenticationContext = { signal: new AbortController().signal };
const METHODS: readonly ScramMethod[] = ["SCRAM-SHA-256", "SCRAM-SHA-512"];

/** The exchange of RFC 7677, §3: the user is "user", the password "pencil". */
const CLIENT_FIRST = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const SERVER_FIRST =
  "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const CLIENT_FINAL = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0," +
  "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const SERVER_FINAL = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

/** Cryptography whose next random bytes are, in Base64, this. */
const withNonce = (nonce: string) => ({ ...webCrypto, random: () => fromBase64(nonce) });

const bytes = (text: string) => new TextEncoder().encode(text);

function client(
  credentials: Partial<ScramCredentials> = {},
  method: ScramMethod = "SCRAM-SHA-256",
): Authenticator {
  const crypto = withNonce("rOprNGfwEbeRWgbNEkqO");
  return scramClient(crypto, method, { username: "user", password: "pencil", ...credentials })();
}

/** A client that has sent its first message. */
function begun(credentials?: Partial<ScramCredentials>): Required<Authenticator> {
  const authenticator = client(credentials) as Required<Authenticator>;
  authenticator.start(CONTEXT);
  return authenticator;
}

/** What the server keeps. */
async function keys(method: ScramMethod, password: string, salt = "W22ZaJ0SNY7soEsUEjb6gQ==") {
  const { clientKey: _, ...keys } = await keysOf(webCrypto, method, {
    password: preparedPassword(password),
    salt: fromBase64(salt),
    iterations: 4096,
  });
  return keys;
}

Deno.test("SCRAM: the client says what RFC 7677 says, and believes its server", async () => {
  const authenticator = client() as Required<Authenticator>;
  assertStrictEquals(authenticator.method, "SCRAM-SHA-256");
  assertStrictEquals(authenticator.start(CONTEXT), CLIENT_FIRST);
  assertStrictEquals(await authenticator.next(bytes(SERVER_FIRST), CONTEXT), CLIENT_FINAL);
  await authenticator.done(bytes(SERVER_FINAL), CONTEXT);
});

Deno.test("SCRAM: the server's last message may come as a step of its own", async () => {
  const authenticator = begun();
  await authenticator.next(bytes(SERVER_FIRST), CONTEXT);
  assertStrictEquals(await authenticator.next(bytes(SERVER_FINAL), CONTEXT), undefined);
  await authenticator.done(undefined, CONTEXT);
});

for (const method of METHODS) {
  Deno.test(`${method}: the two halves agree on a password, and on no other`, async () => {
    for (const [password, isRight] of [["I\u00ADX\u2168", true], ["IXIX", true], ["x", false]]) {
      const authenticator = client({ username: "a=,\u00AA", password: String(password) }, method);
      const first = parseClientFirst(await authenticator.start(CONTEXT) as string);
      assertStrictEquals(first.username, "a=,a");
      const server = new ScramServer(webCrypto, first, await keys(method, "IXIX"));
      const answer = await authenticator.next!(bytes(server.first), CONTEXT) as string;
      const final = await server.final(webCrypto, server.proofOf(bytes(answer)));
      assertStrictEquals(final !== undefined, isRight);
      if (final !== undefined) await authenticator.done!(bytes(final), CONTEXT);
    }
  });

  Deno.test(`${method}: keys survive as a line of text`, async () => {
    const stored = await keys(method, "pencil");
    const line = formatKeys(stored);
    assert(line.startsWith(`${method}$4096:W22ZaJ0SNY7soEsUEjb6gQ==$`), line);
    assertEquals(parseKeys(line), stored);
    for (
      const wrong of [
        line.slice(1),
        line.replace("4096", "0"),
        line.replace("4096", "1000001"),
        line.replace(/.$/, ""),
        line.replace(/\$[^$]*$/, "$AAAA:AAAA"),
        line.replace("SCRAM-SHA-256", "SCRAM-SHA-512").replace("SHA-512$4096", "SHA-1$4096"),
        `${line} `,
        "",
      ]
    ) {
      if (wrong !== line) assertThrows(() => parseKeys(wrong), TypeError, "scramKeys()", wrong);
    }
  });
}

for (
  const [what, message, says] of [
    ["is missing", undefined, "is missing"],
    ["is no UTF-8", "\xFF", "is not UTF-8"],
    ["begins with a byte order mark", `\uFEFF${SERVER_FIRST}`, "malformed"],
    ["is too long", `${SERVER_FIRST},x=${"x".repeat(1000)}`, "expected at most 1024"],
    ["has another nonce", SERVER_FIRST.replace("rO", "rP"), "does not continue"],
    ["has no nonce of its own", "r=rOprNGfwEbeRWgbNEkqO,s=AAAA,i=4096", "does not continue"],
    ["has a nonce with controls", SERVER_FIRST.replace("%", "\x01"), "nonce is malformed"],
    ["has no salt", SERVER_FIRST.replace(/s=[^,]*/, "s="), "malformed"],
    ["has a salt that is not Base64", SERVER_FIRST.replace("W22", "!22"), "malformed"],
    ["wants too few iterations", SERVER_FIRST.replace("4096", "4095"), "from 4096 to 1000000"],
    ["wants too many iterations", SERVER_FIRST.replace("4096", "1000001"), "from 4096 to 1000000"],
    ["wants no number of iterations", SERVER_FIRST.replace("4096", "x"), "malformed"],
    ["demands an extension", `m=x,${SERVER_FIRST}`, "malformed"],
  ] as const
) {
  Deno.test(`SCRAM: a client refuses a server whose first message ${what}`, async () => {
    const data = message === undefined
      ? undefined
      : message === "\xFF"
      ? Uint8Array.of(0xff)
      : bytes(message);
    const authenticator = begun();
    await assertRejects(async () => await authenticator.next(data, CONTEXT), Error, says);
    // It is not to be had by a second try.
    await assertRejects(async () => await authenticator.next(bytes(SERVER_FIRST), CONTEXT), Error);
    await assertRejects(async () => await authenticator.done(bytes(SERVER_FINAL), CONTEXT), Error);
  });
}

for (
  const [what, data, says] of [
    ["proves nothing", undefined, "last message is missing"],
    ["proves something else", bytes(SERVER_FINAL.replace("6rri", "6rrj")), "has not proven"],
    ["says an error", bytes("e=other-error"), 'the server says "other-error"'],
    ["says nonsense", bytes("hello"), "malformed"],
    ["proves a part", bytes("v=6rri"), "has not proven"],
    ["proves more", bytes(SERVER_FINAL.replace("95G4=", "95G4A")), "has not proven"],
  ] as const
) {
  Deno.test(`SCRAM: a client does not believe a server that ${what}`, async () => {
    const authenticator = begun();
    await authenticator.next(bytes(SERVER_FIRST), CONTEXT);
    await assertRejects(async () => await authenticator.done(data, CONTEXT), Error, says);
  });
}

Deno.test("SCRAM: a client does not believe a server that accepts it without a proof", async () => {
  const says = "has not proven that it knows the password";
  await assertRejects(async () => await begun().done(undefined, CONTEXT), Error, says);
  await assertRejects(async () => await begun().done(bytes(SERVER_FINAL), CONTEXT), Error, says);
});

Deno.test("SCRAM: values that differ in one place, or in their length, are not equal", () => {
  const value = Uint8Array.of(1, 2, 3, 0);
  assert(isEqual(value, value.slice()));
  assert(isEqual(new Uint8Array(0), new Uint8Array(0)));
  for (const place of value.keys()) assert(!isEqual(value, value.with(place, 9)), String(place));
  assert(!isEqual(value, value.subarray(0, 3)));
  assert(!isEqual(value.subarray(0, 3), value));
});

Deno.test("SCRAM: a client takes iterations within bounds of its own", async () => {
  const few = begun({ minimumIterations: 5000 });
  await assertRejects(
    async () => await few.next(bytes(SERVER_FIRST), CONTEXT),
    Error,
    "asks for 4096 iterations, expected from 5000 to 1000000",
  );
  const weak = begun({ minimumIterations: 1 });
  assert(await weak.next(bytes(SERVER_FIRST.replace("4096", "1")), CONTEXT));
  const exact = begun({ minimumIterations: 4096, maximumIterations: 4096 });
  assertStrictEquals(await exact.next(bytes(SERVER_FIRST), CONTEXT), CLIENT_FINAL);
  for (const minimumIterations of [0, NaN, 2_000_000]) {
    assertThrows(() => client({ minimumIterations }), RangeError, "minimumIterations");
  }
});

Deno.test("SCRAM: a client refuses a user name or a password before anything is sent", () => {
  assertThrows(() => client({ username: "" }), TypeError, "SCRAM needs a user name");
  assertThrows(() => client({ username: "\u00AD" }), TypeError, "SCRAM needs a user name");
  assertThrows(() => client({ username: "\x07" }), TypeError, "user name has the character U+0007");
  assertThrows(() => client({ password: "\x07" }), TypeError, "password has the character U+0007");
  assertThrows(() => client({ password: Uint8Array.of(0xff) }), TypeError, "password is not UTF-8");
  assertThrows(() => client({ username: 1 as unknown as string }), TypeError, "got number");
  assertThrows(() => client({ password: 1 as unknown as string }), TypeError, "got number");
});

for (
  const [what, message, says] of [
    ["asks for channel binding", "p=tls-unique,,n=user,r=abc", "channel binding"],
    ["would be somebody else", "n,a=admin,n=user,r=abc", "act for somebody else"],
    ["has no header", "n=user,r=abc", "malformed"],
    ["demands an extension", "n,,m=x,n=user,r=abc", "malformed"],
    ["has no name", "n,,n=,r=abc", "malformed"],
    ["has no nonce", "n,,n=user", "malformed"],
    ["has a nonce with a space", "n,,n=user,r=a b", "nonce is malformed"],
    ["has a name with a bad escape", "n,,n=us=3der,r=abc", "user name is malformed"],
  ] as const
) {
  Deno.test(`SCRAM: a server refuses a client that ${what}`, () => {
    assertThrows(() => parseClientFirst(message), Error, says);
  });
}

Deno.test("SCRAM: a server takes a client that knows channel binding, or names itself twice", () => {
  assertStrictEquals(parseClientFirst("y,,n=user,r=abc").gs2Header, "y,,");
  assertStrictEquals(parseClientFirst("n,a=us=2Cer,n=us=2Cer,r=abc,x=y").username, "us,er");
});

Deno.test("SCRAM: a server takes the last message of its own exchange alone", async () => {
  const stored = await keys("SCRAM-SHA-256", "pencil");
  const server = new ScramServer(webCrypto, parseClientFirst(CLIENT_FIRST), stored);
  const authenticator = begun();
  const right = await authenticator.next(bytes(server.first), CONTEXT) as string;
  assert(server.proofOf(bytes(right)));
  for (
    const [wrong, says] of [
      [CLIENT_FINAL, "another nonce"],
      [right.replace("biws", "eSws"), "another nonce or channel binding"],
      [right.replace(/p=.*/, "p=AAAA"), "proof is malformed"],
      [right.replace(/,p=.*/, ""), "malformed"],
      [`${right}!`, "malformed"],
    ] as const
  ) {
    assertThrows(() => server.proofOf(bytes(wrong)), Error, says);
  }
});

Deno.test("SCRAM: a user who does not exist has the same salt each time, and no password", async () => {
  const secret = bytes("secret");
  const made = (username: string, secret: Uint8Array) =>
    madeUpKeys(webCrypto, "SCRAM-SHA-256", { secret, username, iterations: 4096 });
  const [one, again, other] = [
    await made("a", secret),
    await made("a", secret),
    await made("b", secret),
  ];
  assertEquals(one, again);
  assertStrictEquals(one.salt.length, 16);
  assert(String(one.salt) !== String(other.salt));
  assert(String(one.salt) !== String((await made("a", bytes("else"))).salt));
});
