// Proxies byte by byte: what is said to one, what it may answer, in any pieces, and what is wrong
// with each other answer.

import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import {
  connectThroughProxy,
  lookUpHost,
  parseProxyUrl,
  ProxyError,
  type ProxyFault,
} from "../../src/io/proxy.ts";

import { bytesOf, hexOf } from "../hex.ts";
import { MemoryTransport } from "./memory_transport.ts";
import { type Conversation, converse, latin1 } from "./scripted_proxy.ts";

const NO_AUTHENTICATION = bytesOf("05 00");
const USER_AND_PASSWORD = bytesOf("05 02");
const CONNECTED = bytesOf("05 00 00 01 0a 00 00 01 04 38");

const SOCKS: Conversation = {
  url: "socks5h://proxy.example",
  answers: [NO_AUTHENTICATION, CONNECTED],
};
const SOCKS_USER: Conversation = {
  url: "socks5h://ann:s%C3%A9same@proxy.example",
  answers: [USER_AND_PASSWORD, bytesOf("01 00"), CONNECTED],
};
const HTTP: Conversation = {
  url: "http://proxy.example:3128",
  answers: [latin1("HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n")],
};

/** `"05 01 00"` of the bytes 5, 1 and 0. */
function hex(bytes: Uint8Array): string {
  return hexOf(bytes).toLowerCase().replaceAll(/..(?=.)/g, "$& ");
}

/** What the client says, each write in hexadecimal, to a proxy that connects. */
async function asked(conversation: Conversation): Promise<string[]> {
  return (await converse(conversation)).asked.map(hex);
}

/** The error with which it ends. */
async function failure(conversation: Conversation, why: ProxyFault): Promise<ProxyError> {
  const error = await assertRejects(() => converse(conversation), ProxyError);
  assertEquals(error.why, why, error.message);
  return error;
}

Deno.test("A SOCKS proxy is asked for a host by name", async () => {
  assertEquals(await asked({ ...SOCKS, port: 8883 }), [
    "05 01 00",
    `05 01 00 03 0e ${hex(latin1("broker.example"))} 22 b3`,
  ]);
});

Deno.test("A SOCKS proxy is told user and password before", async () => {
  assertEquals((await asked(SOCKS_USER)).slice(0, 2), [
    "05 02 00 02",
    "01 03 61 6e 6e 07 73 c3 a9 73 61 6d 65",
  ]);
});

Deno.test("A SOCKS proxy that wants no password is told none", async () => {
  const asks = await asked({ ...SOCKS, url: SOCKS_USER.url });
  assertEquals([asks.length, asks[0]], [2, "05 02 00 02"]);
});

const ADDRESSES = {
  "192.0.2.7": "01 c0 00 02 07",
  "2001:db8::1": "04 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01",
  "::": `04${" 00".repeat(16)}`,
  "1:2:3:4:5:6:7:8": "04 00 01 00 02 00 03 00 04 00 05 00 06 00 07 00 08",
  "::ffff:192.0.2.7": "04 00 00 00 00 00 00 00 00 00 00 ff ff c0 00 02 07",
  "192.0.2.256": `03 0b ${hex(latin1("192.0.2.256"))}`,
};
for (const [hostname, bytes] of Object.entries(ADDRESSES)) {
  Deno.test(`A SOCKS proxy is told ${hostname} in its bytes, and it is not looked up`, async () => {
    const lookUp = () => Promise.reject(new Error("looked up"));
    for (const url of hostname === "192.0.2.256" ? [SOCKS.url] : [SOCKS.url, "socks5://p"]) {
      assertEquals(
        (await asked({ ...SOCKS, url, hostname, lookUp }))[1],
        `05 01 00 ${bytes} 07 5b`,
      );
    }
  });
}

Deno.test("With socks5: a name is looked up here", async () => {
  const names: string[] = [];
  const lookUp = (name: string) => Promise.resolve(names.push(name) === 1 ? "192.0.2.7" : "?");
  const asks = await asked({ ...SOCKS, url: "socks5://proxy.example", lookUp });
  assertEquals(asks[1], "05 01 00 01 c0 00 02 07 07 5b");
  assertEquals(names, ["broker.example"]);
});

Deno.test("The system looks names up, and says when there is none", async () => {
  assertEquals(await lookUpHost("localhost"), "127.0.0.1");
  const error = await assertRejects(() => lookUpHost("a b"), ProxyError, "socks5h://");
  assertEquals(error.why, "not found");
});

Deno.test({
  name: "Deno's no to looking a name up says which permission it needs",
  permissions: { net: false },
  async fn() {
    const error = await assertRejects(() => lookUpHost("localhost"), ProxyError);
    assertEquals(error.why, "permission");
    assertMatch(error.message, /needs --allow-net=localhost, without a port/);
  },
});

Deno.test("A host name of 255 bytes goes to a SOCKS proxy, a longer one is an error", async () => {
  const asks = await asked({ ...SOCKS, hostname: "a".repeat(255) });
  assertEquals(asks[1]!.slice(0, 14), "05 01 00 03 ff");
  const long = { ...SOCKS, hostname: "a".repeat(256) };
  await assertRejects(() => converse(long), TypeError, "1 to 255 bytes, got 256");
});

Deno.test("An HTTP proxy is asked by CONNECT", async () => {
  const { asked } = await converse(HTTP);
  const lines = "CONNECT broker.example:1883 HTTP/1.1\r\nHost: broker.example:1883\r\n\r\n";
  assertEquals(asked, [latin1(lines)]);
});

Deno.test("An HTTP proxy is told user and password, and an IPv6 address in brackets", async () => {
  const url = "http://Aladdin:open%20sesame@proxy.example";
  const { asked } = await converse({ ...HTTP, url, hostname: "::1" });
  assertEquals(asked, [latin1([
    "CONNECT [::1]:1883 HTTP/1.1",
    "Host: [::1]:1883",
    // The example of RFC 7617 §2.
    "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
    "\r\n",
  ].join("\r\n"))]);
});

Deno.test("A user name in any script goes to an HTTP proxy in UTF-8", async () => {
  // The example of RFC 7617 §2.1.
  const { asked } = await converse({ ...HTTP, url: "http://test:123%C2%A3@proxy.example" });
  assertMatch(
    new TextDecoder().decode(asked[0]),
    /\r\nProxy-Authorization: Basic dGVzdDoxMjPCow==\r/,
  );
});

Deno.test("No host name brings lines of its own to an HTTP proxy", async () => {
  const evil = { ...HTTP, hostname: "a\r\nX: y" };
  await assertRejects(() => converse(evil), TypeError, String.raw`"a\r\nX: y" is not a host name`);
});

const ANSWERS: Readonly<Record<string, Conversation>> = {
  "a SOCKS proxy": SOCKS,
  "a SOCKS proxy with user and password": SOCKS_USER,
  "a SOCKS proxy that has an IPv6 address": {
    ...SOCKS,
    answers: [NO_AUTHENTICATION, bytesOf(`05 00 00 04${" 05".repeat(16)} 00 00`)],
  },
  "a SOCKS proxy that has a name": {
    ...SOCKS,
    answers: [NO_AUTHENTICATION, bytesOf("05 00 00 03 03 05 05 05 00 00")],
  },
  "a SOCKS proxy that has an empty name": {
    ...SOCKS,
    answers: [NO_AUTHENTICATION, bytesOf("05 00 00 03 00 00 00")],
  },
  "a SOCKS proxy that numbers its versions in its own way": {
    ...SOCKS_USER,
    answers: [USER_AND_PASSWORD, bytesOf("05 00"), CONNECTED],
  },
  "an HTTP proxy": HTTP,
  "an HTTP proxy of few words": { ...HTTP, answers: [latin1("HTTP/1.0 200\r\n\r\n")] },
  "an HTTP proxy without carriage returns": {
    ...HTTP,
    answers: [latin1("HTTP/1.1 299 \nA: b\n\n")],
  },
  "an HTTP proxy that counts bytes of a body that is none": {
    ...HTTP,
    answers: [latin1("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")],
  },
  "an HTTP proxy that says first that it is at it": {
    ...HTTP,
    answers: [latin1("HTTP/1.1 102 Processing\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")],
  },
};
for (const [name, conversation] of Object.entries(ANSWERS)) {
  Deno.test(`The answer of ${name} may be cut anywhere, and what follows it is left`, async () => {
    const behind = bytesOf("05 20 02");
    const last = conversation.answers.length - 1;
    const answers = conversation.answers.map((answer, index) => {
      return index === last ? Uint8Array.of(...answer, ...behind) : answer;
    });
    const longest = answers[last]!.length;
    for (let at = 0; at <= longest; at++) {
      const split = (answer: Uint8Array) => [answer.subarray(0, at), answer.subarray(at)];
      const { rest } = await converse({ ...conversation, answers, split });
      // What was not read with the answer is in the transport as it was.
      assertEquals(rest, behind.subarray(0, at >= longest - 3 ? at - longest + 3 : 3));
    }
    const split = (answer: Uint8Array) => Array.from(answer, (byte) => Uint8Array.of(byte));
    assertEquals((await converse({ ...conversation, answers, split })).rest, new Uint8Array(0));
  });

  Deno.test(`The end anywhere in the answer of ${name} is an error`, async () => {
    for (const [index, answer] of conversation.answers.entries()) {
      for (let length = 0; length < answer.length; length++) {
        const answers = [...conversation.answers.slice(0, index), answer.subarray(0, length)];
        const { message } = await failure({ ...conversation, answers, ends: true }, "closed");
        assertMatch(
          message,
          /^The proxy proxy\.example:\d+ closed the connection before it answered/,
        );
        assertMatch(message, /; check that it is a proxy for (SOCKS5|HTTP)$/);
      }
    }
  });
}

Deno.test("What the transport throws is passed on", async () => {
  const [client, proxy] = MemoryTransport.pair();
  const destination = { hostname: "a", port: 1 };
  const connecting = connectThroughProxy(parseProxyUrl(SOCKS.url), client, destination);
  await proxy.read();
  proxy.cut(new RangeError("The network is down"));
  await assertRejects(() => connecting, RangeError, "The network is down");
});

const REPLIES = [
  [1, "unreachable", /could not connect to broker\.example:1883: general failure/],
  [2, "refused", /does not allow connections to broker\.example:1883/],
  [3, "unreachable", /: network unreachable/],
  [4, "unreachable", /: host unreachable/],
  [5, "unreachable", /: connection refused/],
  [6, "unreachable", /TTL expired/],
  [7, "refused", /does not support the command CONNECT/],
  [8, "refused", /does not support addresses of the type of broker/],
  [9, "refused", /did not connect to broker\.example:1883 \(reply 9\)/],
  [255, "refused", /\(reply 255\)/],
] as const;
for (const [reply, why, message] of REPLIES) {
  Deno.test(`Reply ${reply} of a SOCKS proxy is an error, however little follows`, async () => {
    for (const more of ["", " 00 01 00 00 00 00 00 00"]) {
      const answers = [NO_AUTHENTICATION, bytesOf(`05 ${hex(Uint8Array.of(reply))}${more}`)];
      const error = await failure({ ...SOCKS, answers }, why);
      assertMatch(error.message, message);
      assertEquals(error.status, reply);
    }
  });
}

Deno.test("A SOCKS proxy without IPv6 may do with the name", async () => {
  const answers = [NO_AUTHENTICATION, bytesOf("05 08")];
  const lookUp = () => Promise.resolve("2001:db8::1");
  const { message } = await failure({ url: "socks5://p", answers, lookUp }, "refused");
  assertMatch(message, /: 2001:db8::1 is IPv6; with socks5h:\/\/ the proxy looks the name up/);
});

type Wrong = readonly [what: string, Conversation, ProxyFault, RegExp];
const socks = (...answers: string[]) => ({
  ...SOCKS,
  answers: answers.map((answer) => bytesOf(answer)),
});
const socksUser = (...answers: string[]) => ({
  ...SOCKS_USER,
  answers: answers.map((answer) => bytesOf(answer)),
});
const http = (answer: string) => ({ ...HTTP, answers: [latin1(answer)] });
const httpUser = (answer: string) => ({ ...http(answer), url: "http://u:secret@proxy.example" });

const WRONG: readonly Wrong[] = [
  ["SOCKS: a user wanted", socks("05 ff"), "credentials", /socks5h:\/\/user:password@proxy/],
  ["SOCKS: a user wanted, unasked", socks("05 02"), "credentials", /wants a user name and a pass/],
  ["SOCKS: no user wanted", socksUser("05 ff"), "credentials", /accepts neither a user name/],
  ["SOCKS: another method", socks("05 01"), "not a proxy", /chose method 1 of authentication/],
  ["SOCKS: user refused", socksUser("05 02", "01 01"), "credentials", /does not accept the user/],
  ["SOCKS: odd version of authentication", socksUser("05 02", "02 00"), "not a proxy", /malformed/],
  ["SOCKS: version 4", socks("00 5b"), "not a proxy", /speaks version 4/],
  ["SOCKS: version 6", socks("06 00"), "not a proxy", /is not a SOCKS5 proxy: its answer is malf/],
  ["SOCKS: version 4 later", socks("05 00", "04 00"), "not a proxy", /speaks version 4/],
  [
    "SOCKS: HTTP",
    { ...SOCKS, answers: [latin1("HTTP/1.1 400")] },
    "not a proxy",
    /it is http:\/\//,
  ],
  ["SOCKS: address type 2", socks("05 00", "05 00 00 02 00 00"), "not a proxy", /malformed/],
  [
    "HTTP: 407",
    http("HTTP/1.1 407 Auth\r\n\r\n"),
    "credentials",
    /http:\/\/user:password@proxy\S* \(407 A/,
  ],
  [
    "HTTP: 407 with a user",
    httpUser("HTTP/1.1 407 No\r\n\r\n"),
    "credentials",
    /does not accept the user/,
  ],
  [
    "HTTP: 407 for NTLM",
    http("HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\nproxy-authenticate: NTLM\r\n\r\n"),
    "credentials",
    /by negotiate or ntlm; only Basic is supported/,
  ],
  [
    "HTTP: 407 for Basic or NTLM",
    http(
      'HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\nProxy-Authenticate: Basic realm="x"\r\n\r\n',
    ),
    "credentials",
    /wants a user name and a password/,
  ],
  [
    "HTTP: 403",
    http("HTTP/1.1 403 Forbidden\r\n\r\n"),
    "refused",
    /allow a connection to broker\.example:1883: 403 Forb/,
  ],
  ["HTTP: 302", http("HTTP/1.1 302 Found\r\n\r\n"), "refused", /302 Found/],
  [
    "HTTP: 502",
    http("HTTP/1.1 502 Bad Gateway\r\n\r\n"),
    "unreachable",
    /could not connect to broker\.example:1883: 502 Bad/,
  ],
  ["HTTP: 503, no reason", http("HTTP/1.0 503\r\n\r\n"), "unreachable", /: 503$/],
  [
    "HTTP: 405",
    http("HTTP/1.1 405 Not Allowed\r\n\r\n"),
    "not a proxy",
    /405 Not Allowed as a web server/,
  ],
  [
    "HTTP: 501",
    http("HTTP/1.1 501 Unsupported\r\n\r\n"),
    "not a proxy",
    /501 Unsupported as a web/,
  ],
  ["HTTP: 101", http("HTTP/1.1 101 Switching\r\n\r\n"), "not a proxy", /malformed/],
  ["HTTP: 99", http("HTTP/1.1 099 ?\r\n\r\n"), "not a proxy", /malformed/],
  ["HTTP: four digits", http("HTTP/1.1 2000 OK\r\n\r\n"), "not a proxy", /malformed/],
  ["HTTP: no status", http("HTTP/1.1 OK\r\n\r\n"), "not a proxy", /malformed/],
  ["HTTP: version 2", http("HTTP/2 200 OK\r\n\r\n"), "not a proxy", /is not HTTP/],
  [
    "HTTP: a mail server",
    http("220 mail"),
    "not a proxy",
    /is not an HTTP proxy: its answer is not/,
  ],
  ["HTTP: SOCKS", http("\x05\xff"), "not a proxy", /perhaps it is socks5h:\/\/proxy\.example:3128/],
];
for (const [what, conversation, why, message] of WRONG) {
  Deno.test(`What is wrong is said at once, though more might come: ${what}`, async () => {
    const error = await failure(conversation, why);
    assertMatch(error.message, message);
    assert(!error.message.includes("secret"), error.message);
    assertEquals(error.status, Number(/^HTTP: ([2345]\d\d)/.exec(what)?.[1] ?? NaN) || undefined);
  });
}

Deno.test("An HTTP proxy may say so much before it answers, and not more", async () => {
  const head = (more: number) => `HTTP/1.1 200 OK\r\nA: ${"a".repeat(more)}\r\n\r\n`;
  const least = head(0).length;
  assertEquals((await converse(http(head(16_384 - least)))).rest.length, 0);
  const { message } = await failure(http(head(16_385 - least)), "not a proxy");
  assertMatch(message, /the head of its answer does not end/);
  await failure(http("HTTP/1.1 100 Continue\r\n\r\n".repeat(700)), "not a proxy");
});

Deno.test("What an HTTP proxy says is shown without controls and not at length", async () => {
  const reason = `\x1b[2J\x9b${"no ".repeat(1000)}`;
  const { message } = await failure(http(`HTTP/1.1 403 ${reason}\r\n\r\n`), "refused");
  assertMatch(message, /: 403 \?\[2J\?no no [no ]+$/);
  assert(message.length < 250, message);
});

Deno.test("The URL of a proxy has a scheme, perhaps a user, a host, perhaps a port", () => {
  assertEquals(parseProxyUrl("SOCKS5://a%40b:c%3Ad%2F@Proxy.Example:99"), {
    protocol: "socks5",
    hostname: "proxy.example",
    port: 99,
    address: "proxy.example:99",
    credentials: { username: "a@b", password: "c:d/" },
  });
  assertEquals(parseProxyUrl("socks5h://[::1]").hostname, "::1");
  assertEquals(parseProxyUrl("socks5h://[::1]").address, "[::1]:1080");
  assertEquals(parseProxyUrl("http://bücher.example/").hostname, "xn--bcher-kva.example");
  assertEquals(parseProxyUrl("http://p:80").port, 80);
  assertEquals(["socks5", "socks5h", "http"].map((s) => parseProxyUrl(`${s}://p`).port), [
    ...[1080, 1080, 1080],
  ]);
  assertEquals(parseProxyUrl("socks5://ann@p").credentials, { username: "ann", password: "" });
  assertEquals(parseProxyUrl("socks5://p").credentials, undefined);
});

const MISTAKES: readonly (readonly [url: string, message: string])[] = [
  ["", "Expected the URL of a proxy; write it as socks5://127.0.0.1:1080"],
  ["proxy:1080", "Expected the URL of a proxy"],
  ["socks4://u:secret@p", "socks4:// is not a proxy scheme; use socks5://"],
  ["https://u:secret@p", "https:// is not a proxy scheme"],
  ["socks5://u:secret@", "no valid host and port"],
  ["socks5://u:secret@p:99999", "no valid host and port"],
  ["socks5://u:secret@p:x", "no valid host and port"],
  ["socks5://u:secret@p:0", "port of the proxy must be from 1 to 65535"],
  ["socks5://u:sec/ret@p", "no valid host and port"],
  ["socks5://p/x", "must end after the port"],
  ["http://p?x", "must end after the port"],
  ["http://u:secret@p#x", "must end after the port"],
  ["http://u:secret@a%20b", "host of the proxy is not valid"],
  ["http://u:secret%zz@p", "write %25"],
  ["http://:secret@p", "a password and no user name"],
  ["http://a%3Ab:secret@p", "must not contain a colon"],
  ["http://a:secret%0a@p", "must not contain control characters"],
  [`socks5://a:secret${"%C3%A9".repeat(125)}@p`, "longer than 255 bytes"],
];
Deno.test("What is not the URL of a proxy is said, and never what may be a password", () => {
  for (const [url, message] of MISTAKES) {
    const error = assertThrows(() => parseProxyUrl(url), TypeError, message, url);
    assert(!/sec|ret@/.test(error.message), error.message);
  }
  assert(parseProxyUrl(`socks5://a:${"%C3%A9".repeat(127)}b@p`));
  assert(parseProxyUrl(`http://a:${"%C3%A9".repeat(200)}@p`));
});
