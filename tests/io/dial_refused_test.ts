// What a client says when it is not the server that refuses: a socket without one, a name without
// a host, a runtime that does not permit it, or cannot do it.

import { assert, assertEquals } from "@std/assert";
import type { ConnectOptions, FaultCode, ServerWithOptions } from "../../mod.ts";
import { certificateAuthority, opensslTest } from "./certificates.ts";
import { assertVerdict } from "./dial_faults.ts";
import { withFolder } from "./folder.ts";

const CANNOT = "Cannot connect to {address}: ";
const NO_FILE = "no such file; check the path, and that the server is running";

/** What leads to no Unix socket, by what there is in its folder. */
const SOCKETS: readonly (readonly [
  what: string,
  path: string,
  prepare: (path: string) => Promise<void> | void,
  text: string,
  cause: string,
])[] = [
  ["where there is none", "a.sock", () => {}, NO_FILE, "NotFound"],
  ["below a file", "file/a.sock", writeFile, NO_FILE, "ENOTDIR"],
  [
    "that a server has left behind",
    "a.sock",
    leaveSocket,
    "nothing listens on this socket; check that the server is running",
    "ConnectionRefused",
  ],
  [
    "that is a file",
    "file",
    writeFile,
    "nothing listens on this socket; check that the server is running",
    "ConnectionRefused",
  ],
];

for (const [what, name, prepare, text, cause] of SOCKETS) {
  Deno.test(`A Unix socket ${what} is told of in one sentence`, async () => {
    await withFolder("mqtt5-socket-", async (folder) => {
      const path = `${folder}/${name}`;
      await prepare(`${folder}/${name.split("/")[0]}`);
      const verdict = {
        message: CANNOT + text,
        code: "refused",
        kind: "transient",
        cause,
      } as const;
      await assertVerdict(() => ({ server: `mqtt+unix://${path}`, address: path }), verdict);
    });
  });
}

async function writeFile(path: string): Promise<void> {
  await Deno.writeTextFile(path, "");
}

/** Its server would remove it, but does not find it any more. */
async function leaveSocket(path: string): Promise<void> {
  const listener = Deno.listen({ transport: "unix", path: `${path}.moved` });
  await Deno.rename(`${path}.moved`, path);
  listener.close();
}

opensslTest("A host that there is not is told of in one sentence, by both ways", async () => {
  // No label of a name may be so long: nobody needs to be asked.
  const host = `${"x".repeat(64)}.example`;
  const verdict = {
    message: `${CANNOT}no host "${host}"; check its name and your network`,
    code: "host not found",
    kind: "transient",
  } as const;
  const address = `${host}:8883`;
  await assertVerdict(() => ({ server: `mqtts://${host}`, address }), {
    ...verdict,
    cause: /^failed to lookup address information/,
  });
  const tls = { ...await (await certificateAuthority()).client() };
  await assertVerdict(() => ({ server: { url: `mqtts://${host}`, tls }, address }), {
    ...verdict,
    cause: "ENOTFOUND",
  });
});

/** What a client is given, and what it says of it. */
type Forbidden = readonly [server: ServerWithOptions, options: ConnectOptions, verdict: {
  readonly message: string;
  readonly code: FaultCode;
  /** The name of the cause; `null` for none. */
  readonly cause: string | null;
}];

/**
 * What clients say in a process that has no permission, after `prepare`: at their first attempt,
 * when they are to wait for the server, and when they were connected before.
 */
async function told(cases: readonly Forbidden[], prepare = ""): Promise<unknown> {
  const script = `
    ${prepare}
    const { connect } = await import(${JSON.stringify(new URL("../../mod.ts", import.meta.url))});
    const { serve } = await import(
      ${JSON.stringify(new URL("../../src/broker/mod.ts", import.meta.url))}
    );
    const said = ({ message, code, kind, cause }) =>
      ({ message, code, kind, cause: cause?.name ?? null });
    const told = [];
    for (const [server, options] of ${JSON.stringify(cases.map((each) => each.slice(0, 2)))}) {
      const first = await connect(server, options).catch(said);
      const waiting = await connect(server, { ...options, waitForServer: true }).catch(said);
      const broker = await serve({ listeners: [] });
      let servers = broker;
      const reconnect = { initialDelay: 1, maximumDelay: 1 };
      const client = await connect(() => servers, { ...options, reconnect });
      servers = server;
      await broker.shutDown();
      told.push([first, waiting, said(await client.closed)]);
    }
    console.log(JSON.stringify(told));
  `;
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--no-check", `--config=${config}`, "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  const { stdout, stderr } = await child.output();
  const text = new TextDecoder().decode(stdout);
  assert(text !== "", new TextDecoder().decode(stderr));
  return JSON.parse(text);
}

async function assertTold(cases: readonly Forbidden[], prepare?: string): Promise<void> {
  const expected = cases.map(([, , verdict]) => {
    const said = { ...verdict, kind: "configuration" };
    return [said, said, said];
  });
  assertEquals(await told(cases, prepare), expected);
}

function withoutPermission(address: string, needed: string, cause = "NotCapable"): Forbidden[2] {
  const text = `this program has no permission; run it with ${needed}`;
  return { message: `Cannot connect to ${address}: ${text}`, code: "permission", cause };
}

opensslTest(
  "What the runtime does not permit is told of with the flag that does, and ends the client",
  async () => {
    const tls = { ...await (await certificateAuthority()).client() };
    const net = (address: string, cause?: string) =>
      withoutPermission(address, `--allow-net=${address}`, cause);
    const path = "/run/mqtt.sock";
    await assertTold([
      [{ url: "mqtt://localhost" }, {}, net("localhost:1883")],
      [{ url: "mqtts://localhost" }, {}, net("localhost:8883")],
      [{ url: "ws://localhost/mqtt" }, {}, net("localhost:80")],
      [{ url: "wss://127.0.0.1:8084/mqtt" }, {}, net("127.0.0.1:8084")],
      // By the modules of Node; they look names up themselves.
      [{ url: "mqtts://127.0.0.1", tls }, {}, net("127.0.0.1:8883")],
      [{ url: "mqtts://localhost", tls }, {}, net("localhost:8883", "Error")],
      [{ url: "wss://localhost", tls }, {}, net("localhost:443", "Error")],
      [
        { url: `mqtt+unix://${path}` },
        {},
        withoutPermission(
          path,
          `--allow-read=${path} --allow-write=${path} --allow-net=unix:${path}`,
        ),
      ],
      [
        { url: "mqtt://broker.example", proxy: "socks5h://localhost:1080" },
        {},
        withoutPermission("broker.example:1883", "--allow-net=localhost:1080"),
      ],
      [
        { url: "mqtts://broker.example", tls, proxy: "http://127.0.0.1:3128" },
        {},
        withoutPermission("broker.example:8883", "--allow-net=127.0.0.1:3128"),
      ],
    ]);
  },
);

Deno.test("What a browser cannot do is told of by name, and ends the client", async () => {
  const unsupported = (address: string, text: string): Forbidden[2] => {
    return { message: `Cannot connect to ${address}: ${text}`, code: "unsupported", cause: null };
  };
  const reaches = (scheme: string) =>
    `a browser can only reach ws:// and wss:// servers, not ${scheme}://`;
  const path = "/run/mqtt.sock";
  const host = "broker.example";
  await assertTold([
    [{ url: `mqtt://${host}` }, {}, unsupported(`${host}:1883`, reaches("mqtt"))],
    [{ url: `mqtts://${host}` }, {}, unsupported(`${host}:8883`, reaches("mqtts"))],
    [{ url: `mqtt+unix://${path}` }, {}, unsupported(path, reaches("mqtt+unix"))],
    [
      { url: `wss://${host}`, tls: { serverName: "other.example" } },
      {},
      unsupported(`${host}:443`, "a browser decides about TLS itself; leave tls out"),
    ],
    [
      { url: `wss://${host}`, proxy: "http://127.0.0.1:3128" },
      {},
      unsupported(`${host}:443`, "a browser decides about proxies itself; leave proxy out"),
    ],
    [
      { url: `ws://${host}`, headers: { Authorization: "Bearer a" } },
      {},
      unsupported(
        `${host}:80`,
        "a browser sends no headers of ours; give a token in the URL or as password",
      ),
    ],
  ], "delete globalThis.Deno; delete globalThis.process;");
});
