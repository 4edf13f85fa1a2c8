// Options of mosquitto's tools that are called something else here, or do not exist: whoever types
// one is told what to do instead. A name that happens to be similar would lead astray.

/** Other names for the same: those of mosquitto's tools, and some that other programs have. */
const RENAMED: Readonly<Record<string, string>> = {
  "ca": "cafile",
  "cacert": "cafile",
  "debug": "trace",
  "disable-clean-session": "no-clean-start",
  "id": "client-id",
  "id-prefix": "client-id-prefix",
  "keepalive": "keep-alive",
  "pw": "password",
  "will-message": "will-payload",
  "will-msg": "will-payload",
};

const FILES = "private keys are read from files in PEM: --key";
const CHOSEN = "TLS 1.2 and 1.3 are used, with the ciphers of Deno";
const NO_PSK = "pre-shared keys are not supported, certificates are: --cert and --key";

/** What to do instead. */
const ADVICE: Readonly<Record<string, string>> = {
  "A": "the local address cannot be chosen",
  "S": "SRV records are not looked up; give --host and --port",
  "ciphers": CHOSEN,
  "keyform": FILES,
  "nodelay": "leave it out: small packets are never delayed",
  "pretty": "pipe the output through a formatter such as jq",
  "psk": NO_PSK,
  "psk-identity": NO_PSK,
  "random-filter": "messages cannot be picked at random",
  "tls-engine": FILES,
  "tls-engine-kpass-sha1": FILES,
  "tls-use-os-certs": "use mqtts:// with DENO_TLS_CA_STORE=system in the environment",
  "tls-version": CHOSEN,
  "version": "see mqtt5 --version",
};

/** Names that mosquitto's tools have, too: whoever types one means it, not a similar one. */
const COMMON: ReadonlySet<string> = new Set([
  ...["cafile", "capath", "cert", "key", "insecure", "tls-alpn", "host", "port", "unix", "url"],
  ...["username", "topic", "qos", "retain", "message", "file", "null-message", "stdin-file"],
  ...["stdin-line", "repeat", "repeat-delay", "filter-out", "unsubscribe", "retained-only"],
  ...["remove-retained", "retain-as-published", "will-topic", "will-payload", "will-qos"],
  ...["will-retain", "property", "protocol-version", "proxy", "quiet", "verbose"],
]);

/**
 * What to say about an unknown option, by its name or letter, if mosquitto's tools have it.
 *
 * @param known the options of the command
 */
export function mosquittoAdvice(name: string, known: object): string | undefined {
  const renamed = Object.hasOwn(RENAMED, name) ? RENAMED[name]! : undefined;
  if (renamed !== undefined && Object.hasOwn(known, renamed)) return `use --${renamed}`;
  // Commands that connect to no server have none of it.
  const connects = Object.hasOwn(known, "client-id");
  if (connects && Object.hasOwn(ADVICE, name)) return ADVICE[name];
  const isMeant = COMMON.has(name) || Object.hasOwn(ADVICE, name) || renamed !== undefined;
  return isMeant ? `see ${name.length === 1 ? "--help" : "--help=all"}` : undefined;
}
