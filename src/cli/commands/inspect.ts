// `inspect`: relays connections to a server, and shows every packet of both ends.

import { usesTls } from "../../io/destination.ts";
import type { ListenOptions } from "../../io/listen.ts";
import { command } from "../command.ts";
import { usageFailure } from "../failure.ts";
import { PAGE, pageAddress } from "../inspect/page_address.ts";
import { SERVER_NOTES } from "../options/help.ts";
import { isSecure, isWebSocket, listenersOf, netOf } from "../options/listeners.ts";
import type { OptionTable, ParsedArguments } from "../options/parse.ts";
import {
  SERVER_OPTIONS,
  serverOf,
  serverPermissions,
  type ServerPlace,
  TLS_OPTIONS,
} from "../options/server.ts";
import type { Permissions } from "../permissions.ts";

const { cert: _, key: __, ...TLS_WITHOUT_CERTIFICATE } = TLS_OPTIONS;

const OPTIONS = {
  "listen": {
    short: "l",
    value: "URL",
    many: true,
    help: "listen here; by default on port 1884",
  },
  "cert": { value: "FILE", isFile: true, help: "certificate for an mqtts --listen, PEM" },
  "key": { value: "FILE", isFile: true, help: "private key of the certificate, PEM" },
  "allow-origin": {
    value: "ORIGIN",
    many: true,
    help: "accept pages of this origin; * for all",
    group: "WebSocket",
  },
  ...PAGE,
  "json": { choice: "format", help: "print each packet as a line of JSON" },
  "full": { choice: "format", help: "explain every byte" },
  "write": {
    short: "w",
    value: "FILE.pcapng",
    isFile: true,
    help: "record a capture for Wireshark; decode reads it, too",
  },
  "show-password": { help: "show the Password and Authentication Data" },
  ...SERVER_OPTIONS,
  ...TLS_WITHOUT_CERTIFICATE,
  "client-cert": {
    value: "FILE",
    isFile: true,
    help: "client certificate for the server, PEM",
    group: "TLS",
  },
  "client-key": {
    value: "FILE",
    isFile: true,
    help: "private key of --client-cert, PEM",
    group: "TLS",
  },
} as const satisfies OptionTable;

/** What it was given. */
export type InspectArguments = ParsedArguments<typeof OPTIONS>;

/** The command `inspect`. */
export const inspect = command({
  name: "inspect",
  about: `Relays connections to a server, unchanged, and shows every packet of both ends
with the rules that it breaks. For any client and any server.`,
  usage: "[options] [mqtt[s]://HOST[:PORT]]",
  examples: [
    "inspect --page mqtt://192.168.1.5",
    "inspect --listen 1884 --write device.pcapng mqtts://broker.hivemq.com",
  ],
  exitCodes: "0 after Ctrl-C; 1 if it cannot listen; 2 for a wrong command line.",
  notes: `--listen takes a port, or a URL with one: mqtt://, mqtts://, ws:// or wss://.
The Password and Authentication Data are shown as *, in captures too. MQTT 3.1.1
is decoded, not judged. In JSON, bytes are text, or { "base64": … }.
With --page, nothing is printed unless --json or --full asks for it.
A slow reader delays nobody: what it has no time for is omitted and counted.

${SERVER_NOTES}`,
  options: OPTIONS,
  permissions: (given) => inspectPermissions(given),
  load: () => import("./inspect_run.ts"),
});

/**
 * The server that the command line names.
 *
 * @throws {Failure} when an option is wrong
 */
export function inspectedServer({ options, operands }: InspectArguments): ServerPlace {
  const { "client-cert": cert, "client-key": key } = options;
  const { server } = serverOf({ ...options, cert: undefined, key: undefined }, operands, false);
  if ((cert === undefined) !== (key === undefined)) {
    throw usageFailure("--client-cert and --client-key must be given together");
  }
  if (cert !== undefined && !usesTls(server.at)) {
    throw usageFailure("--client-cert needs a server with an mqtts:// or wss:// URL");
  }
  if (server.at.username !== undefined || server.at.password !== undefined) {
    throw usageFailure("A relay sends no user and password of its own: remove them from the URL");
  }
  return { ...server, given: { ...server.given, cert, key } };
}

/**
 * Where to listen, without certificates. Refuses options that would do nothing, or are missing.
 *
 * @throws {Failure} when an option is wrong
 */
export function inspectListeners({ options }: InspectArguments): readonly ListenOptions[] {
  const { cert, key, "allow-origin": origins } = options;
  const places = listenersOf(options.listen, origins);
  if (origins.length > 0 && !places.some(isWebSocket)) {
    throw usageFailure("--allow-origin needs --listen with ws:// or wss://");
  }
  const isNeeded = places.some(isSecure);
  if (isNeeded && (cert === undefined || key === undefined)) {
    throw usageFailure("--listen with mqtts:// or wss:// needs --cert and --key");
  }
  if (!isNeeded && (cert ?? key) !== undefined) {
    throw usageFailure(
      "--cert and --key need --listen with mqtts:// or wss://; for the server give --client-cert",
    );
  }
  return places;
}

function inspectPermissions(given: InspectArguments): Permissions {
  const { options } = given;
  const { net = [], read = [], write = [] } = serverPermissions(inspectedServer(given));
  const files = [options.cert, options.key].filter((path) => path !== undefined);
  const page = pageAddress(options.page);
  const listeners = [...inspectListeners(given), ...page === undefined ? [] : [page]];
  return {
    net: [...listeners.flatMap(netOf), ...net],
    read: [...read, ...files],
    write: [...write, ...options.write === undefined ? [] : [options.write]],
  };
}
