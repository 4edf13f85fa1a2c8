// The steps on the way to a server, as `connect` explains them and as `--trace` tells them: whole
// texts, for steps made here and for those to a Mosquitto.

import { assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import type { Output } from "../../../src/cli/context.ts";
import { formatStep, formatStepBriefly } from "../../../src/cli/packets/dial_steps.ts";
import type { DialStep } from "../../../src/io/dial.ts";
import { run } from "../run.ts";
import { waysTest } from "../ways.ts";

const OUTPUT: Output = {
  write() {},
  writeBytes: () => Promise.resolve(),
  status() {},
  isTerminal: false,
  colors: false,
  columns: 80,
};

const STEPS: readonly {
  readonly name: string;
  readonly step: DialStep;
  readonly whole: string;
  readonly brief: string;
}[] = [
  {
    name: "a connection",
    step: { type: "connected", to: "localhost:1883" },
    whole: "· TCP connection to localhost:1883\n\n",
    brief: "",
  },
  {
    name: "a Unix socket",
    step: { type: "connected", to: "/run/mqtt.sock" },
    whole: "· Unix socket /run/mqtt.sock\n\n",
    brief: "",
  },
  {
    name: "TLS of which all is known",
    step: {
      type: "tls",
      request: {
        serverName: "broker.example",
        ca: ["authority"],
        cert: "certificate",
        key: "key",
        alpn: ["mqtt", "x-amzn-mqtt-ca"],
        verifiesHost: true,
      },
      result: { alpnProtocol: "mqtt", version: "TLSv1.3", commonName: "bro\x1bker" },
    },
    whole: `· TLS handshake RFC 8446 §2
  server name (SNI)             "broker.example"                     RFC 6066 §3
  protocols offered (ALPN)      "mqtt", "x-amzn-mqtt-ca"           RFC 7301 §3.1
  protocol chosen               "mqtt", as offered                 RFC 7301 §3.2
  version                       TLSv1.3
  server's certificate          Common Name "bro\\u{1B}ker"
  client's certificate          sent if the server asks for it   RFC 8446 §4.4.2
  checked: chain                valid, and issued by an authority    RFC 5280 §6
                                that Deno trusts, or one in --cafile
                                or --capath
  checked: host name            the certificate is for               RFC 9525 §6
                                "broker.example"

`,
    brief: `· TLSv1.3 with broker.example, ALPN "mqtt", certificate of "bro\\u{1B}ker",
    chain and host name checked RFC 8446
`,
  },
  {
    name: "TLS of which little is known, and the host name is not checked",
    step: {
      type: "tls",
      request: {
        ...{ serverName: "192.0.2.1", ca: [], cert: undefined, key: undefined, alpn: [] },
        verifiesHost: false,
      },
      result: { alpnProtocol: undefined, version: undefined, commonName: undefined },
    },
    whole: `· TLS handshake RFC 8446 §2
  server name (SNI)             none: an IP address is not sent      RFC 6066 §3
  protocols offered (ALPN)      none; see --tls-alpn               RFC 7301 §3.1
  checked: chain                valid, and issued by an authority    RFC 5280 §6
                                that Deno trusts
  NOT checked: host name        --insecure: the certificate may be   RFC 9525 §6
                                for any host

`,
    brief: "· TLS with 192.0.2.1, chain checked, host name NOT checked RFC 8446\n",
  },
  {
    name: "a SOCKS proxy with credentials",
    step: {
      type: "proxy",
      proxy: {
        ...{ protocol: "socks5h", hostname: "p.example", port: 1080, address: "p.example:1080" },
        credentials: { username: "alice", password: "s3cret" },
      },
      target: "broker.example:1883",
    },
    whole: `· Proxy p.example:1080 RFC 1928
  SOCKS 5                       connection to broker.example:1883    RFC 1928 §4
  host name                     resolved by the proxy
  credentials                   user "alice", password not shown        RFC 1929

`,
    brief: "· Proxy p.example:1080 connected to broker.example:1883 RFC 1928\n",
  },
  {
    name: "an HTTP proxy",
    step: {
      type: "proxy",
      proxy: {
        ...{ protocol: "http", hostname: "p.example", port: 80, address: "p.example:80" },
        credentials: undefined,
      },
      target: "[::1]:1883",
    },
    whole: `· Proxy p.example:80 RFC 9110 §9.3.6
  CONNECT                       connection to [::1]:1883         RFC 9110 §9.3.6
  host name                     resolved by the proxy
  credentials                   none                                    RFC 7617

`,
    brief: "· Proxy p.example:80 connected to [::1]:1883 RFC 9110 §9.3.6\n",
  },
  {
    name: "a WebSocket that is refused, without what is secret",
    step: {
      type: "websocket",
      request: "GET /mqtt?token=s3cret&a=b HTTP/1.1\r\nHost: h\r\nCookie: s3cret",
      response: "HTTP/1.1 403 For\x1b[2Jbidden\r\nSet-Cookie: s3cret\r\nServer: x",
    },
    whole: `→ Client to Server: WebSocket request, 3 lines RFC 6455 §4.1
  GET /mqtt?token=(not shown)&a=b HTTP/1.1
                                path and query of the URL          RFC 6455 §4.1
  Host: h                       host and port of the URL           RFC 9110 §7.2
  Cookie: (not shown)           from --header

← Server to Client: WebSocket response, 3 lines RFC 6455 §4.2.2
  HTTP/1.1 403 For\\u{1B}[2Jbidden
                                the server refused the WebSocket    RFC 9110 §15
  Set-Cookie: (not shown)       not used by WebSocket
  Server: x                     not used by WebSocket

`,
    brief: `→ GET /mqtt?token=(not shown)&a=b HTTP/1.1, to open a WebSocket RFC 6455 §4.1
← HTTP/1.1 403 For\\u{1B}[2Jbidden RFC 6455 §4.2.2
`,
  },
];

for (const { name, step, whole, brief } of STEPS) {
  Deno.test(`explained: ${name}`, () => {
    assertEquals(formatStep(step, OUTPUT), whole);
    assertEquals(formatStepBriefly(step, OUTPUT), brief);
  });
}

/** What `connect` says of the way to Mosquitto by wss, before the CONNECT. */
const WAY_BY_WSS = `· TCP connection to localhost:PORT

· TLS handshake RFC 8446 §2
  server name (SNI)             "localhost"                          RFC 6066 §3
  protocols offered (ALPN)      none; see --tls-alpn               RFC 7301 §3.1
  checked: chain                valid, and issued by an authority    RFC 5280 §6
                                that Deno trusts, or one in --cafile
                                or --capath
  checked: host name            the certificate is for "localhost"   RFC 9525 §6

→ Client to Server: WebSocket request, 7 lines RFC 6455 §4.1
  GET /mqtt HTTP/1.1            path and query of the URL          RFC 6455 §4.1
  Host: localhost:PORT         host and port of the URL           RFC 9110 §7.2
  Upgrade: websocket            switch from HTTP to WebSocket      RFC 6455 §4.1
  Connection: Upgrade           Upgrade is for this hop only     RFC 9110 §7.6.1
  Sec-WebSocket-Key: KEY
                                random key                      RFC 6455 §11.3.1
  Sec-WebSocket-Version: 13     the only version                RFC 6455 §11.3.5
  Sec-WebSocket-Protocol: mqtt  the protocol inside: MQTT                     §6

← Server to Client: WebSocket response, 5 lines RFC 6455 §4.2.2
  HTTP/1.1 101 Switching Protocols
                                the WebSocket is open            RFC 6455 §4.2.2
  Upgrade: WebSocket            switched to WebSocket            RFC 6455 §4.2.2
  Connection: Upgrade           Upgrade is for this hop only     RFC 9110 §7.6.1
  Sec-WebSocket-Accept: KEY
                                derived from the key            RFC 6455 §11.3.3
  Sec-WebSocket-Protocol: mqtt  the protocol inside: MQTT                     §6

→ Client to Server: CONNECT, 15 bytes §3.1
`;

waysTest("connect explains TLS and the WebSocket to a Mosquitto, line by line", async (ways) => {
  const { mosquitto, folder, port } = ways;
  const cafile = ["--cafile", `${folder}/ca.pem`];
  const { exitCode, stdout, stderr } = await run(["connect", mosquitto.urls.wss, ...cafile]);
  assertEquals([exitCode, stderr], [0, ""]);
  const way = stdout.split("  Fixed header\n")[0]!
    .replaceAll(port("wss"), "PORT")
    .replaceAll(/(Sec-WebSocket-(Key|Accept)): [\w+/]+=+\n/g, "$1: KEY\n");
  assertEquals(way, WAY_BY_WSS);
});

waysTest(
  "connect tells version and name of a server that has asked for a certificate",
  async (ways) => {
    const { folder, port } = ways;
    const tls = ["--cert", `${folder}/client.pem`, "--key", `${folder}/client.key`];
    const args = ["-p", port("mutual"), "--cafile", `${folder}/ca.pem`, ...tls];
    const { exitCode, stdout } = await run(["connect", ...args]);
    assertEquals(exitCode, 0);
    assertMatch(
      stdout,
      /\n {2}version +TLSv1\.3\n {2}server's certificate +Common Name "server"\n/,
    );
    assertMatch(
      stdout,
      /\n {2}client's certificate +sent if the server asks for it +RFC 8446 §4\.4\.2\n/,
    );
  },
);

waysTest(
  "a trace has a line for each step before MQTT; without one nothing is told",
  async (ways) => {
    const { mosquitto, folder } = ways;
    const args = [mosquitto.urls.wss, "--cafile", `${folder}/ca.pem`];
    for (const command of [["pub", "-t", "a", "-m", "x"], ["sub", "-t", "a", "-E"]]) {
      const brief = await run([...command, ...args, "--trace"]);
      assertMatch(
        brief.stderr,
        /^· TLS with localhost, chain and host name checked RFC 8446\n→ GET \/mqtt HTTP\/1\.1, to open a WebSocket RFC 6455 §4\.1\n← HTTP\/1\.1 101 Switching Protocols RFC 6455 §4\.2\.2\n→ CONNECT, /,
      );
      const whole = await run([...command, ...args, "--trace=full"]);
      assertMatch(whole.stderr, /^· TCP connection [^]*\n· TLS handshake [^]*\n→ CONNECT, /);
      assertNotMatch(whole.stderr, /undefined/);
      assertEquals(await run([...command, ...args]), { exitCode: 0, stdout: "", stderr: "" });
    }
  },
);
