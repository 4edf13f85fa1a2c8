// Who may read and write which topics, as an access control list tells it. What a client may do is
// worked out once per connection; a decision then compares one topic with a few Topic Filters.

import { parseSharedSubscription, topicMatches } from "../../topics.ts";
import type { ClientInfo } from "../options.ts";
import { intersectionOf, isWithin } from "./filter_sets.ts";

/** What a rule is about: to read is to receive, to write is to publish. */
export type Access = "read" | "write";

/** A rule of an access control list. */
export interface AclRule {
  /** A Topic Filter; in a pattern, with levels that may be `%u` or `%c`. */
  readonly topicFilter: string;
  /** What it grants; nothing: it denies both. */
  readonly grants: readonly Access[];
}

/** A rule about one client. */
interface ClientRule {
  readonly topicFilter: string;
  readonly denies: boolean;
  readonly read: boolean;
  readonly write: boolean;
}

/** The rules of an access control list. */
export class AclRules {
  readonly #users: ReadonlyMap<string | undefined, readonly AclRule[]>;
  readonly #patterns: readonly AclRule[];
  readonly #clients = new WeakMap<ClientInfo, readonly ClientRule[]>();

  /**
   * Has the rules of each user, with those of clients without User Name at `undefined`, and the
   * patterns, which are about every client.
   */
  constructor(
    users: ReadonlyMap<string | undefined, readonly AclRule[]>,
    patterns: readonly AclRule[],
  ) {
    this.#users = users;
    this.#patterns = patterns;
  }

  /** Whether a client may read or write a topic. The first rule that matches decides. */
  allows(client: ClientInfo, access: Access, topic: string): boolean {
    for (const rule of this.#rulesOf(client)) {
      if ((rule.denies || rule[access]) && topicMatches(rule.topicFilter, topic)) {
        return !rule.denies;
      }
    }
    return false;
  }

  /**
   * Whether a client may read some topic that a Topic Filter matches, as far as can be told from
   * each rule that denies by itself.
   */
  allowsSome(client: ClientInfo, topicFilter: string): boolean {
    const wanted = parseSharedSubscription(topicFilter)?.topicFilter ?? topicFilter;
    const denied: string[] = [];
    for (const { topicFilter, denies, read } of this.#rulesOf(client)) {
      if (denies) denied.push(topicFilter);
      const granted = read ? intersectionOf(topicFilter, wanted) : undefined;
      if (granted !== undefined && !denied.some((outer) => isWithin(granted, outer))) return true;
    }
    return false;
  }

  #rulesOf(client: ClientInfo): readonly ClientRule[] {
    const known = this.#clients.get(client);
    if (known !== undefined) return known;
    const rules = [
      ...inOrder(this.#users.get(client.username) ?? []),
      ...inOrder(patternsFor(client, this.#patterns)),
    ].map(({ topicFilter, grants }) => ({
      topicFilter,
      denies: grants.length === 0,
      read: grants.includes("read"),
      write: grants.includes("write"),
    }));
    this.#clients.set(client, rules);
    return rules;
  }
}

/** What denies comes first. What begins with `$share/` is the name of no topic. */
function inOrder(rules: readonly AclRule[]): readonly AclRule[] {
  const used = rules.filter(({ topicFilter }) => !topicFilter.startsWith("$share/"));
  return [
    ...used.filter(({ grants }) => grants.length === 0),
    ...used.filter(({ grants }) => grants.length > 0),
  ];
}

/**
 * The patterns with the names of a client in them. A name can be chosen so as to stand for more
 * than itself: with a wildcard in it, no pattern holds for the client; with a slash in it, none
 * that would grant something by it.
 */
function patternsFor(
  { clientId, username }: ClientInfo,
  patterns: readonly AclRule[],
): readonly AclRule[] {
  const names = [clientId, username ?? ""];
  if (names.some((name) => /[+#]/.test(name))) return [];
  return patterns.flatMap(({ topicFilter, grants }) => {
    if (topicFilter.includes("%u") && username === undefined) return [];
    let hasSlash = false;
    let isEmpty = false;
    const levels = topicFilter.split("/").map((level) => {
      const name = level === "%c" ? clientId : level === "%u" ? username! : undefined;
      if (name === undefined) return level;
      hasSlash ||= name.includes("/");
      isEmpty ||= name === "";
      return name;
    });
    if (isEmpty || hasSlash && grants.length > 0) return [];
    return [{ topicFilter: levels.join("/"), grants }];
  });
}
