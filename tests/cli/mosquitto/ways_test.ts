// The ways to a server by mosquitto's options, side by side with its tools: the same bytes and exit
// codes, and where they differ, how.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { publishOnce } from "../../interop/interop.ts";
import {
  certificateAuthority,
  certificateFiles,
  noOpenssl,
  otherAuthority,
  WRONG_HOST,
} from "../../io/certificates.ts";
import type { Mosquitto } from "../../io/mosquitto.ts";
import { everyListener, type MosquittoListener } from "../../io/mosquitto_listeners.ts";
import { startProxy } from "../../io/proxy_server.ts";
import { runBoth, sideBySideTest, told, type Tool } from "./side_by_side.ts";

type Name = "mqtts" | "mutual" | "unix" | "elsewhere";

/** The files that the options name. */
interface Files {
  readonly ca: string;
  readonly other: string;
  readonly cert: string;
  readonly key: string;
}

/**
 * How both tools are told of the server, and how each ends; theirs fails with one code or another.
 */
interface Way {
  readonly name: string;
  readonly listener: Name;
  readonly address: (port: string, files: Files) => readonly string[];
  readonly theirs: "works" | "fails";
  readonly ours: number;
}

const HOST = ["-h", "localhost", "-p"];

const WAYS: readonly Way[] = [
  {
    name: "--cafile",
    listener: "mqtts",
    address: (port, { ca }) => [...HOST, port, "--cafile", ca],
    ...{ theirs: "works", ours: 0 },
  },
  {
    name: "--cafile of another authority",
    listener: "mqtts",
    address: (port, { other }) => [...HOST, port, "--cafile", other],
    ...{ theirs: "fails", ours: 1 },
  },
  {
    name: "a file that is not there",
    listener: "mqtts",
    address: (port) => [...HOST, port, "--cafile", "/no/such"],
    // 2 stands for mistakes in the command line, with us.
    ...{ theirs: "fails", ours: 2 },
  },
  {
    name: "--cert and --key",
    listener: "mutual",
    address: (port, { ca, cert, key }) => [
      ...[...HOST, port, "--cafile", ca, "--cert", cert, "--key", key],
    ],
    ...{ theirs: "works", ours: 0 },
  },
  {
    name: "--cert without --key",
    listener: "mutual",
    address: (port, { ca, cert }) => [...HOST, port, "--cafile", ca, "--cert", cert],
    ...{ theirs: "fails", ours: 2 },
  },
  {
    name: "a certificate for another host",
    listener: "elsewhere",
    address: (port, { ca }) => [...HOST, port, "--cafile", ca],
    ...{ theirs: "fails", ours: 1 },
  },
  {
    name: "--insecure",
    listener: "elsewhere",
    address: (port, { ca }) => [...HOST, port, "--cafile", ca, "--insecure"],
    ...{ theirs: "works", ours: 0 },
  },
  {
    name: "--insecure with --cafile of another authority",
    listener: "elsewhere",
    address: (port, { other }) => [...HOST, port, "--cafile", other, "--insecure"],
    ...{ theirs: "fails", ours: 1 },
  },
  {
    name: "--tls-alpn",
    listener: "mqtts",
    address: (port, { ca }) => [...HOST, port, "--cafile", ca, "--tls-alpn", "mqtt"],
    ...{ theirs: "works", ours: 0 },
  },
];

/** What the tools do, and what they print where they reach the server. */
const WORK: readonly (readonly [tool: Tool, args: readonly string[], prints: string])[] = [
  ["pub", ["-t", "a", "-m", "x", "-q", "1"], ""],
  ["sub", ["-t", "kept", "-C", "1", "-v"], "kept here\n"],
];

async function listeners(): Promise<Record<Name, MosquittoListener>> {
  const { mqtts, mutual, unix } = await everyListener();
  const authority = await certificateAuthority();
  const certificate = await authority.server(WRONG_HOST);
  return { mqtts, mutual, unix, elsewhere: { protocol: "mqtts", certificate } };
}

/** A test with listeners of every kind; without openssl there are none. */
function waysTest(name: string, test: (server: Mosquitto<Name>) => Promise<void>): void {
  if (noOpenssl === undefined) sideBySideTest(name, test, { listeners: LISTENERS! });
  else Deno.test({ name: `${name} (skipped: ${noOpenssl})`, ignore: true, fn() {} });
}

const LISTENERS = noOpenssl === undefined ? await listeners() : undefined;

waysTest("TLS by mosquitto's options, side by side", async (server) => {
  const authority = await certificateAuthority();
  await using client = await certificateFiles(await authority.client());
  await using ca = await certificateFiles({ cert: authority.cert, key: "" });
  await using other = await certificateFiles({ cert: (await otherAuthority()).cert, key: "" });
  const files = { ca: ca.cert, other: other.cert, cert: client.cert, key: client.key };
  const permissions = [`--allow-read=${Object.values(files).join(",")},/no/such`];
  await publishOnce(server, "kept", "here", { retain: true });
  for (const { name, listener, address, theirs, ours } of WAYS) {
    const port = server.ports[listener];
    const options = {
      address: address(String(port), files),
      permissions: [...permissions, `--allow-net=localhost:${port}`],
    };
    for (const [tool, args, prints] of WORK) {
      const [other, own] = await runBoth({ port }, tool, [...args], options);
      const what = `${tool} ${name}: ${own.stderr}`;
      const outcome = other.exitCode === 0 ? "works" : "fails";
      assertEquals([outcome, other.stdout], [theirs, theirs === "works" ? prints : ""], what);
      assertEquals(told(own), [ours, ours === 0 ? prints : ""], what);
    }
  }
});

waysTest("--unix, side by side", async (server) => {
  const path = server.urls.unix.replace("mqtt+unix://", "");
  await publishOnce(server, "kept", "here", { retain: true });
  const leave = ["read", "write"].map((kind) => `--allow-${kind}=${path}`);
  const options = {
    address: ["--unix", path],
    permissions: [...leave, `--allow-net=unix:${path}`],
  };
  for (const [tool, args, prints] of WORK) {
    const outcomes = await runBoth(server, tool, [...args], options);
    assertEquals(outcomes.map(told), [[0, prints], [0, prints]], tool);
  }
});

waysTest("--proxy, side by side", async (server) => {
  const credentials = { username: "alice", password: "secret" };
  await using proxy = startProxy({ protocol: "socks5h", credentials });
  await publishOnce(server, "kept", "here", { retain: true });
  const options = {
    address: [...HOST, String(server.port), "--proxy", proxy.url],
    permissions: [`--allow-net=127.0.0.1:${proxy.port}`],
  };
  for (const [tool, args, prints] of WORK) {
    const outcomes = await runBoth(server, tool, [...args], options);
    assertEquals(outcomes.map(told), [[0, prints], [0, prints]], outcomes[1].stderr);
  }
  assertEquals(proxy.requests, Array(4).fill(`localhost:${server.port}`));
});

waysTest("ours takes every escape in the user and the password of a proxy", async (server) => {
  const credentials = { username: "al:ice", password: "p@ss%" };
  await using proxy = startProxy({ protocol: "socks5h", credentials });
  const options = {
    address: [...HOST, String(server.port), "--proxy", proxy.url],
    permissions: [`--allow-net=127.0.0.1:${proxy.port}`],
  };
  const [theirs, ours] = await runBoth(server, "pub", ["-t", "a", "-m", "x"], options);
  assert(theirs.exitCode !== 0);
  assertEquals(told(ours), [0, ""], ours.stderr);
});

waysTest(
  "any option for TLS means TLS with ours, those for authorities with theirs",
  async (server) => {
    const port = server.ports.mqtts;
    const options = {
      address: [...HOST, String(port), "--insecure"],
      permissions: [`--allow-net=localhost:${port}`],
    };
    const [theirs, ours] = await runBoth({ port }, "pub", ["-t", "a", "-m", "x"], options);
    assert(theirs.exitCode !== 0);
    assertMatch(theirs.stderr, /connection was lost/i);
    assertEquals(ours.exitCode, 1);
    assertMatch(ours.stderr, /give the authority's certificate as --cafile\n$/);
  },
);
