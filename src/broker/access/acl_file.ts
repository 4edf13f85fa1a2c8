// Access control lists in the format of Mosquitto's `acl_file`, with the meaning that they have
// there: SUBSCRIBE is granted, and what a client may read is decided for each delivery.

import { checkType } from "../../session/option_checks.ts";
import { checkKnown } from "../../wire/checks.ts";
import type { BrokerHooks } from "../options.ts";
import { type Access, type AclRule, AclRules } from "./acl_rules.ts";

/** Options of {@linkcode aclFile}. */
export interface AclFileOptions {
  /**
   * Whether to tell clients at once what they may not do: a SUBSCRIBE that may never bring a
   * message, and a CONNECT with a Will that may not be published, are refused with Not authorized
   * (0x87). As with Mosquitto, the first is granted by default, and the second accepted; nothing is
   * delivered, and the Will is not published. Default: false.
   */
  readonly strict?: boolean | undefined;
}

/** The hooks that {@linkcode aclFile} gives. */
export type AclHooks = Required<
  Pick<
    BrokerHooks,
    "authorizePublish" | "authorizeWill" | "authorizeSubscribe" | "authorizeDelivery"
  >
>;

const OPTIONS: ReadonlySet<string> = new Set<keyof AclFileOptions>(["strict"]);

/**
 * Hooks for `serve()` that let clients read and write what an access control list says, and nothing
 * else. It has the format of Mosquitto's `acl_file`:
 *
 * - `topic [read|write|readwrite|deny] FILTER` is a rule about a Topic Filter; without a word it is
 *   readwrite. Rules before the first `user` are about clients without User Name.
 * - `user NAME`: the rules that follow are about this user.
 * - `pattern [read|write|readwrite|deny] FILTER` is a rule about everybody, in which a level `%u`
 *   stands for the User Name and `%c` for the Client Identifier.
 * - A line that begins with `#` is a comment.
 *
 * A `topic deny` comes before all else, the other rules of the user before patterns, and among
 * these `pattern deny` comes first. What begins with `$` needs a rule that does, too. A client with
 * `+` or `#` in its User Name or Client Identifier has no patterns; nor, other than in Mosquitto
 * 2.0, do names with `/` grant anything by one. That the User Name is true, `authenticate` sees to.
 *
 * To use another list, let hooks of your own call those of the latest one, and then call
 * `broker.clearAuthorizations()`.
 *
 * @param text the file's text
 * @throws {TypeError} when a line is wrong; the message begins with its number
 *
 * @example Sensors write below their own name; only Ada reads it all
 * ```ts
 * import { connect } from "jsr:@mqtt5/mqtt5";
 * import { aclFile, passwordFile, passwordLine, serve } from "jsr:@mqtt5/mqtt5/broker";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const passwords = await Promise.all([
 *   passwordLine("ada", "lovelace"),
 *   passwordLine("sensor-1", "secret"),
 * ]);
 * await using broker = await serve({
 *   listeners: [],
 *   authenticate: passwordFile(passwords.join("\n")),
 *   ...aclFile(`
 * user ada
 * topic read sensors/#
 * pattern write sensors/%u/#
 * `),
 * });
 * await using ada = await connect(broker, { username: "ada", password: "lovelace" });
 * await using sensor = await connect(broker, { username: "sensor-1", password: "secret" });
 * const readings = await ada.subscribe("#");
 * await assertRejects(() => sensor.publish("sensors/2/temperature", "99", { qos: 1 }));
 * await sensor.publish("sensors/sensor-1/temperature", "21.5", { qos: 1 });
 * for await (const message of readings) {
 *   assertEquals(message.text(), "21.5");
 *   break;
 * }
 * ```
 */
export function aclFile(text: string, options: AclFileOptions = {}): AclHooks {
  checkKnown(options, OPTIONS, "aclFile()");
  const { strict = false } = options;
  checkType("strict", strict, "boolean");
  if (typeof text !== "string") throw new TypeError(`text must be a string, got ${typeof text}`);
  const rules = parse(text);
  return {
    authorizePublish: (client, { topic }) => rules.allows(client, "write", topic),
    authorizeWill: (client, { topic }, moment) =>
      moment === "connect" && !strict || rules.allows(client, "write", topic),
    authorizeSubscribe: (client, { topicFilter }) =>
      !strict || rules.allowsSome(client, topicFilter),
    authorizeDelivery: (client, { topic }) => rules.allows(client, "read", topic),
  };
}

function parse(text: string): AclRules {
  const users = new Map<string | undefined, AclRule[]>();
  const patterns: AclRule[] = [];
  let user: string | undefined;
  for (const [index, line] of text.split("\n").entries()) {
    if (line.startsWith("#")) continue;
    const [, word, rest = ""] = /^ *([^ ]+)(?: +(.*))?$/s.exec(line.replace(SPACE_AT_END, "")) ??
      [];
    if (word === undefined) continue;
    const fault = (what: string) => new TypeError(`Line ${index + 1}: ${what}`);
    if (word === "user") {
      if (rest === "") throw fault("expected a user name after user");
      user = rest.replace(SPACE_BEFORE, "");
    } else if (word === "topic" || word === "pattern") {
      const rule = ruleOf(word, rest, fault);
      if (word === "pattern") patterns.push(rule);
      else if (!users.get(user)?.push(rule)) users.set(user, [rule]);
    } else {
      throw fault(`expected user, topic, pattern or a comment (#), got ${JSON.stringify(word)}`);
    }
  }
  return new AclRules(users, patterns);
}

const WORDS: ReadonlyMap<string, readonly Access[]> = new Map<string, readonly Access[]>([
  ["read", ["read"]],
  ["write", ["write"]],
  ["readwrite", ["read", "write"]],
  ["deny", []],
]);

/** The rule after `topic` or `pattern`: a word and a Topic Filter, or a Topic Filter alone. */
function ruleOf(word: string, rest: string, fault: (what: string) => TypeError): AclRule {
  const space = rest.indexOf(" ");
  const access = space < 0 ? "readwrite" : rest.slice(0, space);
  const topicFilter = rest.slice(space + 1).replace(SPACE_BEFORE, "");
  const grants = WORDS.get(access);
  if (grants === undefined) {
    throw fault(
      `expected read, write, readwrite or deny before a topic with spaces, ` +
        `got ${JSON.stringify(access)}`,
    );
  }
  if (topicFilter === "") throw fault(`expected a topic after ${word}`);
  if (!isFilter(topicFilter)) {
    throw fault(`${JSON.stringify(topicFilter)} is not a valid Topic Filter (§4.7.1)`);
  }
  return { topicFilter, grants };
}

/** White space as Mosquitto has it, that of ASCII: others may belong to a topic. */
const SPACE_AT_END = /[ \t\r\v\f]+$/;
const SPACE_BEFORE = /^[ \t\r\v\f]+/;

/** Whether wildcards stand for whole levels, and `#` for the last. */
function isFilter(topicFilter: string): boolean {
  const levels = topicFilter.split("/");
  return levels.every((level, at) => {
    if (level === "#") return at === levels.length - 1;
    return level === "+" || !/[+#]/.test(level);
  });
}
