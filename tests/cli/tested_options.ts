// Which file tests which options of a command. Each of these files ends with `optionsTest()`, which
// holds the list against the options that commands have parsed while its tests ran;
// `options/covered_test.ts` holds it against the options that there are.

import { assertEquals } from "@std/assert";
import { longNames } from "../../src/cli/options/parse.ts";
import { COMMANDS } from "../../src/cli/registry.ts";

/** Options by the file that tests them. */
type Files = Readonly<Record<string, readonly string[]>>;

/**
 * The options that all commands have that connect to a server. The same code handles them in each,
 * so each of them must be parsed by one of these commands.
 */
const CONNECTION: Files = {
  "options/url_test.ts": ["host", "port", "url"],
  "ways_test.ts": [
    ...["unix", "proxy", "header"],
    ...["cafile", "capath", "cert", "key", "insecure", "tls-alpn", "tls-server-name"],
  ],
  "options/connection_test.ts": [
    ...["username", "client-id", "client-id-prefix", "keep-alive", "quiet"],
    ...["no-clean-start", "timeout", "connect-timeout", "protocol-version"],
    ...["session-expiry-interval", "receive-maximum", "maximum-packet-size", "topic-alias-maximum"],
    ...["request-response-information", "request-problem-information", "connect-user-property"],
    ...["authentication-method", "authentication-data"],
    ...["will-topic", "will-payload", "will-qos", "will-retain", "will-delay-interval"],
    ...["will-payload-format-indicator", "will-message-expiry-interval", "will-content-type"],
    ...["will-response-topic", "will-correlation-data", "will-user-property"],
    ...["disconnect-session-expiry-interval", "disconnect-reason-string"],
    ...["disconnect-user-property", "property"],
  ],
  "options/credentials_test.ts": ["password", "password-file", "password-env"],
  "scram_test.ts": ["auth-method"],
  "terminal/terminal_test.ts": ["ask-password"],
  "ending_test.ts": ["disconnect-with-will"],
  "lost_connection_test.ts": ["reconnect-attempts"],
  "options/file_test.ts": ["options"],
  "permissions_test.ts": ["print-permissions"],
  "packets/trace_test.ts": ["trace"],
  "options/help_test.ts": ["help"],
};

const PUBLISH = [
  ...["qos", "retain", "payload-format-indicator", "message-expiry-interval", "content-type"],
  ...["response-topic", "correlation-data", "topic-alias", "user-property"],
];
const PAYLOAD = ["message", "file", "stdin-file", "null-message"];
const OUTPUT = ["format", "json", "no-eol"];
/** How messages are shown on a terminal. */
const ESCAPING = { "terminal/escaping_test.ts": ["raw"] } as const;

/** The options of each command that connects to a server, beside those. */
const OWN: Readonly<Record<string, Files>> = {
  pub: {
    "commands/pub_test.ts": [
      ...["topic", ...PAYLOAD, "stdin-line", "topic-line", "json"],
      ...["timing", "repeat", "repeat-delay", "max-inflight", ...PUBLISH],
    ],
  },
  sub: {
    "commands/sub_test.ts": [
      ...["topic", "qos", "verbose", ...OUTPUT, "count", "exit-after-subscribe", "no-retained"],
      ...["retained-only", "remove-retained", "filter-out", "no-local", "retain-as-published"],
      ...["retain-handling", "subscription-identifier", "user-property", "max-inflight"],
      "filters-per-packet",
    ],
    "commands/sub_session_test.ts": ["unsubscribe", "unsubscribe-user-property"],
    ...ESCAPING,
  },
  request: {
    "commands/request_test.ts": [
      ...["topic", ...PAYLOAD, "verbose", ...OUTPUT, ...PUBLISH],
      ...["no-retained", "subscription-identifier", "subscribe-user-property", "max-inflight"],
    ],
    ...ESCAPING,
  },
  respond: {
    "commands/respond_test.ts": ["topic", ...PAYLOAD, "exec", "exec-timeout", "count", ...PUBLISH],
  },
  retained: { "commands/retained_test.ts": ["topic", "remove", "settle", ...OUTPUT], ...ESCAPING },
};

/** The options of the command `broker`. */
const BROKER: Files = {
  "commands/broker_test.ts": [
    ...["host", "port", "ws-port", "tls-port", "unix", "ws-path", "allow-origin", "file"],
    ...["maximum-packet-size", "maximum-qos", "session-expiry-interval", "trace", "cert", "key"],
    ...["quiet", "options", "accept-protocol-versions"],
  ],
  "commands/broker_page_test.ts": ["page"],
  "commands/broker_access_test.ts": ["password-file", "acl-file", "acl-strict", "allow-anonymous"],
  "commands/broker_limits_test.ts": [
    ...["connections-per-address", "messages-per-second", "bytes-per-second", "login-delay"],
  ],
  "commands/broker_tls_test.ts": ["cafile", "require-certificate", "use-identity-as-username"],
  "permissions_test.ts": ["print-permissions", "wss-port"],
  "options/help_test.ts": ["help"],
};

/** The options of the command `inspect`. */
const INSPECT: Files = {
  "commands/inspect_test.ts": [
    ...["listen", "json", "full", "write", "show-password", "allow-origin"],
    ...["host", "port", "url", "quiet", "options"],
  ],
  "commands/inspect_ways_test.ts": [
    ...["cert", "key", "client-cert", "client-key", "cafile", "capath", "insecure"],
    ...["tls-alpn", "tls-server-name", "unix", "proxy", "header"],
  ],
  "commands/inspect_page_test.ts": ["page"],
  "permissions_test.ts": ["print-permissions"],
  "options/help_test.ts": ["help"],
};

/** The options of the command `passwd`. */
const PASSWD: Files = {
  "commands/passwd_test.ts": ["delete", "iterations", "options", "quiet"],
  "permissions_test.ts": ["print-permissions"],
  "options/help_test.ts": ["help"],
};

/** The options that are tested, of each command whose list is complete. */
export const TESTED: Readonly<Record<string, Files>> = {
  ...Object.fromEntries(
    Object.entries(OWN).map(([command, own]) => [command, { ...CONNECTION, ...own }]),
  ),
  broker: BROKER,
  inspect: INSPECT,
  passwd: PASSWD,
};

const TABLES = new Map(
  await Promise.all(
    [...COMMANDS].map(async ([name, { load }]) => [name, (await load()).options] as const),
  ),
);

/** What has been parsed in this file, as `"pub --topic"`. */
const parsed = new Set<string>();

/** The exit code of a command line that was refused. */
const REFUSED = 2;

/** Notes the options of a command that has run. Those of a refused command line do not count. */
export function recordOptions([command = "", ...args]: readonly string[], exitCode: number): void {
  const table = TABLES.get(command);
  if (table === undefined || exitCode === REFUSED) return;
  for (const argument of longNames(table, args)) {
    if (argument === "--") break;
    parsed.add(`${command} ${argument.replace(/=.*$/s, "")}`);
  }
  // It becomes the option of the property that it names.
  if (args.some((argument) => /^(-D|--property)$/.test(argument))) {
    parsed.add(`${command} --property`);
  }
}

/**
 * The last test of a file: commands have parsed all the options that it is to test.
 *
 * @param file the `import.meta.url` of the file
 * @param register registers the test; skips it where the tests that it sums up are skipped
 */
export function optionsTest(
  file: string,
  register: (name: string, fn: () => Promise<void>) => void = Deno.test,
): void {
  const name = file.slice(new URL(".", import.meta.url).href.length);
  register("every option that this file is to test has been parsed", () => {
    const shared = (CONNECTION[name] ?? []).filter((option) =>
      !Object.keys(OWN).some((command) => parsed.has(`${command} --${option}`))
    );
    const own = Object.entries({ ...OWN, broker: BROKER, inspect: INSPECT, passwd: PASSWD })
      .flatMap((
        [command, files],
      ) => (files[name] ?? []).map((option) => `${command} --${option}`));
    assertEquals([...shared, ...own.filter((option) => !parsed.has(option))], []);
    return Promise.resolve();
  });
}
