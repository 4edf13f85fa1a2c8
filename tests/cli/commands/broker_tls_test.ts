// The command `broker` over TLS: certificates of clients, and certificates of its own that are
// renewed while it runs.

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { connect } from "../../../mod.ts";
import { temporaryFolder } from "../../broker_net/broker_net.ts";
import {
  type Certificate,
  certificateAuthority,
  opensslTest,
  otherAuthority,
} from "../../io/certificates.ts";
import { type Running, start } from "../run.ts";
import { optionsTest } from "../tested_options.ts";

/** Files of a broker's certificate, its key and the authority of its clients. */
class Files {
  readonly folder: string;
  readonly names: readonly string[];

  constructor(folder: string) {
    this.folder = folder;
    this.names = ["--cert", this.path("cert"), "--key", this.path("key")];
  }

  path(name: string): string {
    return `${this.folder}/${name}.pem`;
  }

  async write({ cert, key }: Certificate, ca: string): Promise<void> {
    await Deno.writeTextFile(this.path("cert"), cert);
    await Deno.writeTextFile(this.path("key"), key);
    await Deno.writeTextFile(this.path("ca"), ca);
  }
}

/** A test with a broker that has TLS and these options beside. */
function tlsTest(
  name: string,
  test: (broker: Running, url: string, files: Files) => Promise<void>,
  options: readonly string[],
): void {
  opensslTest(name, async () => {
    await using folder = await temporaryFolder();
    const files = new Files(folder.path);
    const authority = await certificateAuthority();
    await files.write(await authority.server(), authority.cert);
    const given = options.map((word) => word === "CA" ? files.path("ca") : word);
    const args = ["broker", "--tls-port", "0", ...files.names, ...given];
    const broker = start(["--allow-net=127.0.0.1", "--allow-read"], args);
    const [, url] = await broker.until(/listening on (mqtts:\S+)/);
    await test(broker, url!, files);
    broker.kill("SIGINT");
    const { exitCode, stdout } = await broker.end();
    assertEquals(exitCode, 0);
    // Nothing is open that was not asked for.
    assertEquals(stdout.match(/listening/g)!.length, 1);
  });
}

tlsTest(
  "broker lets in who has a certificate of --cafile, by its Common Name, and nobody else",
  async (broker, url) => {
    const authority = await certificateAuthority();
    const { cert: ca } = authority;
    const own = await authority.client();
    const foreign = await (await otherAuthority()).client();
    await assertRejects(() => connect({ url, tls: { ca } }));
    await assertRejects(() => connect({ url, tls: { ca, ...foreign } }));
    const client = await connect({ url, tls: { ca, ...own } }, { clientId: "a" });
    await broker.until(/\+ "a" from 127\.0\.0\.1:\d+ as "device-7"\n/);
    await client.disconnect();
  },
  ["--cafile", "CA", "--require-certificate", "--use-identity-as-username"],
);

tlsTest(
  "broker with --cafile lets in who has no certificate, but nobody with a wrong one",
  async (_broker, url) => {
    const { cert: ca } = await certificateAuthority();
    const foreign = await (await otherAuthority()).client();
    await assertRejects(() => connect({ url, tls: { ca, ...foreign } }));
    await (await connect({ url, tls: { ca } })).disconnect();
  },
  ["--cafile", "CA"],
);

const hasHangup = Deno.build.os !== "windows";

if (hasHangup) {
  tlsTest(
    "SIGHUP has broker read its certificate again; a faulty one leaves it as it is",
    async (broker, url, files) => {
      const [authority, other] = [await certificateAuthority(), await otherAuthority()];
      const first = await connect({ url, tls: { ca: authority.cert } }, { reconnect: false });
      await Deno.writeTextFile(files.path("cert"), "nothing");
      broker.kill("SIGHUP");
      await broker.until(/\* kept the old certificate: cert has no certificate/);
      await Deno.remove(files.path("key"));
      broker.kill("SIGHUP");
      await broker.until(/\* kept the old certificate: Cannot read "\S+key\.pem"/);
      await (await connect({ url, tls: { ca: authority.cert } })).disconnect();
      await files.write(await other.server(), authority.cert);
      broker.kill("SIGHUP");
      await broker.until(/\* reloaded the certificate "\S+cert\.pem" for new connections\n/);
      await (await connect({ url, tls: { ca: other.cert } })).disconnect();
      await assertRejects(() => connect({ url, tls: { ca: authority.cert } }));
      const { reasonCode } = await first.publish("a", "b", { qos: 1 });
      assertEquals(reasonCode, 0x10);
      await first.disconnect();
    },
    [],
  );
}

Deno.test({
  name: "SIGHUP ends a broker without TLS, as it ends any program",
  ignore: !hasHangup,
  async fn() {
    const broker = start(["--allow-net=127.0.0.1"], ["broker", "--port", "0"]);
    await broker.until(/listening/);
    broker.kill("SIGHUP");
    const { exitCode, stderr } = await broker.end();
    assertMatch(String(exitCode), /^129$/);
    assertEquals(stderr, "");
  },
});

optionsTest(import.meta.url, opensslTest);
