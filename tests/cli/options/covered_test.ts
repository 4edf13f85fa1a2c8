// No option of `pub`, `sub`, `request`, `respond`, `retained` and `broker` is without a test: the
// lists here say where each is tested, and that it stands there is looked up. An option that is
// added fails this test until it has one.

import { assert, assertEquals } from "@std/assert";
import { COMMANDS } from "../../../src/cli/registry.ts";

/** The options that several commands have, by the file with their tests. */
const CONNECTION: Readonly<Record<string, readonly string[]>> = {
  "url_test.ts": ["host", "port", "url"],
  "../ways_test.ts": [
    ...["unix", "proxy", "header"],
    ...["cafile", "capath", "cert", "key", "insecure", "tls-alpn", "tls-server-name"],
  ],
  "connection_test.ts": [
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
  "credentials_test.ts": ["password", "password-file", "password-env", "ask-password"],
  "../ending_test.ts": ["disconnect-with-will"],
  "../lost_connection_test.ts": ["reconnect-attempts"],
  "file_test.ts": ["options"],
  "../permissions_test.ts": ["print-permissions"],
  "../packets/trace_test.ts": ["trace"],
  "help_test.ts": ["help"],
};

const PUBLISH = [
  ...["qos", "retain", "payload-format-indicator", "message-expiry-interval", "content-type"],
  ...["response-topic", "correlation-data", "topic-alias", "user-property"],
];
const PAYLOAD = ["message", "file", "stdin-file", "null-message"];
const OUTPUT = ["format", "json", "no-eol"];
/** How what was received stands on a terminal. */
const ESCAPING = { "../terminal/escaping_test.ts": ["raw"] } as const;

/** The options that a command has beside those, by the file with their tests. */
const OWN: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  pub: {
    "../commands/pub_test.ts": [
      ...["topic", ...PAYLOAD, "stdin-line", "topic-line", "json"],
      ...["timing", "repeat", "repeat-delay", ...PUBLISH],
    ],
  },
  sub: {
    "../commands/sub_test.ts": [
      ...["topic", "qos", "verbose", ...OUTPUT, "count", "exit-after-subscribe", "no-retained"],
      ...["retained-only", "remove-retained", "filter-out", "no-local", "retain-as-published"],
      ...["retain-handling", "subscription-identifier", "user-property"],
    ],
    "../commands/sub_session_test.ts": ["unsubscribe", "unsubscribe-user-property"],
    ...ESCAPING,
  },
  request: {
    "../commands/request_test.ts": [
      ...["topic", ...PAYLOAD, "verbose", ...OUTPUT, ...PUBLISH],
      ...["no-retained", "subscription-identifier", "subscribe-user-property"],
    ],
    ...ESCAPING,
  },
  respond: {
    "../commands/respond_test.ts": [
      "topic",
      ...PAYLOAD,
      "exec",
      "exec-timeout",
      "count",
      ...PUBLISH,
    ],
  },
  retained: {
    "../commands/retained_test.ts": ["topic", "remove", "settle", ...OUTPUT],
    ...ESCAPING,
  },
};

/** The options of `broker`, which connects to nobody. */
const BROKER: Readonly<Record<string, readonly string[]>> = {
  "../commands/broker_test.ts": [
    ...["host", "port", "ws-port", "tls-port", "unix", "ws-path", "allow-origin", "file"],
    ...["maximum-packet-size", "maximum-qos", "session-expiry-interval", "trace", "cert", "key"],
    ...["quiet", "options"],
  ],
  "../commands/broker_tls_test.ts": ["cafile", "require-certificate", "use-identity-as-username"],
  "../permissions_test.ts": ["print-permissions", "wss-port"],
  "help_test.ts": ["help"],
};

const TESTED = Object.entries(OWN).map(([name, own]) => [name, { ...CONNECTION, ...own }] as const);

for (const [name, all] of [...TESTED, ["broker", BROKER] as const]) {
  Deno.test(`every option of ${name} has a test`, async () => {
    const { options } = await COMMANDS.get(name)!.load();
    const files = Object.entries(all);
    assertEquals(Object.keys(options).sort(), files.flatMap(([, tested]) => tested).sort());
    for (const [file, tested] of files) {
      const text = await Deno.readTextFile(new URL(file, import.meta.url));
      for (const option of tested) {
        const { short } = options[option]!;
        // As a word of a command line, or in one.
        const word = new RegExp(`["\` ](--${option}|-${short ?? `-${option}`})["\`=, ]`);
        assert(word.test(text), `--${option} of ${name} does not occur in ${file}`);
      }
    }
  });
}
