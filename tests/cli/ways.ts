// Every way to a server, for tests of commands: a Mosquitto with all its listeners, the files that
// TLS wants, and proxies. Nothing of it outlives the test.

import { withinPatience } from "../interop/interop.ts";
import { type Certificate, certificateAuthority, WRONG_HOST } from "../io/certificates.ts";
import { withFolder } from "../io/folder.ts";
import { type Mosquitto, mosquittoTlsTest, startMosquitto } from "../io/mosquitto.ts";
import { everyListener } from "../io/mosquitto_listeners.ts";

/**
 * What the listeners of the Mosquitto are called; `elsewhere` has a certificate for another host.
 */
export type ListenerName = "mqtts" | "mutual" | "ws" | "wss" | "unix" | "elsewhere";

/** A Mosquitto with all its listeners, and files for its clients. */
export interface Ways {
  readonly mosquitto: Mosquitto<ListenerName>;
  /** The port of a listener, as a word of a command line. */
  readonly port: (name: ListenerName) => string;
  /** The path of the Unix socket. */
  readonly socket: string;
  /**
   * A folder with `ca.pem`, `client.pem`, `client.key`, `other.key`, and `authorities`, a folder.
   */
  readonly folder: string;
}

/** A test with all ways to a Mosquitto. */
export function waysTest(name: string, test: (ways: Ways) => Promise<void>): void {
  mosquittoTlsTest(name, () =>
    withFolder("mqtt5-ways-", async (folder) => {
      const authority = await certificateAuthority();
      const elsewhere = {
        protocol: "mqtts",
        certificate: await authority.server(WRONG_HOST),
      } as const;
      const listeners = { ...await everyListener(), elsewhere };
      await writeFiles(folder, authority.cert, await authority.client(), elsewhere.certificate);
      await using mosquitto = await startMosquitto({ listeners });
      const { ports, urls } = mosquitto;
      const socket = urls.unix.replace("mqtt+unix://", "");
      const port = (name: ListenerName) => String(ports[name]);
      await withinPatience(test({ mosquitto, port, socket, folder }));
    }));
}

async function writeFiles(
  folder: string,
  authority: string,
  client: Certificate,
  other: Certificate,
): Promise<void> {
  await Deno.mkdir(`${folder}/authorities`);
  const files = {
    "ca.pem": authority,
    "client.pem": client.cert,
    "client.key": client.key,
    "other.key": other.key,
    "authorities/ca.crt": authority,
    // It lies where certificates lie, and is none.
    "authorities/key.pem": client.key,
    "authorities/readme": "authorities",
  };
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${folder}/${name}`, text);
  }
  await Deno.symlink(`${folder}/authorities/ca.crt`, `${folder}/authorities/0a1b2c3d.0`);
}
