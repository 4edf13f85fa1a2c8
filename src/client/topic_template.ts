// Topics whose levels have names. A Topic Filter cannot name a level, as any text that could say so
// is a legal level (§4.7.1); a template of the language can, and the compiler knows the names.

import {
  parseSharedSubscription,
  topicMatches,
  validateTopicFilter,
  validateTopicName,
} from "../topics.ts";

/** Begins the name of a parameter for all levels that follow. */
const REST = "...";

/** What the levels of a topic are: a text for each name, a list of levels for a `...name`. */
export type TopicParameters<Name extends string> = {
  readonly [Key in Name as Key extends `...${infer Rest}` ? Rest : Key]: Key extends `...${string}`
    ? readonly string[]
    : string;
};

/** Topics of one form, made by {@linkcode topic}. */
export interface TopicTemplate<Name extends string> {
  /** The Topic Filter for all of them, to subscribe to (§4.7). */
  readonly filter: string;
  /** The parameters of a Topic Name; `undefined` when it does not have this form. */
  match(topicName: string): TopicParameters<Name> | undefined;
  /**
   * The parameters of a Topic Name that has this form, as the topics of messages of a subscription
   * to {@linkcode TopicTemplate.filter} have.
   *
   * @throws {TypeError} when it does not have this form
   */
  parameters(topicName: string): TopicParameters<Name>;
  /**
   * The Topic Name with these parameters, to publish to.
   *
   * @throws {TypeError} when a parameter is missing or cannot be a level, or when the template has
   *   a wildcard without a name
   * @throws {RangeError} when the Topic Name is too long
   */
  topic(parameters: TopicParameters<Name>): string;
}

/**
 * A template for topics: `${"name"}` is a level of any value, as `+` is, and `${"...name"}` at the
 * end is all levels that follow, as `#` is. The rest is text, which may have wildcards of its own
 * and begin with `$share/…/` (§4.7, §4.8.2).
 *
 * @throws {TypeError} when it does not give a valid Topic Filter, above all because a parameter is
 *   not a whole level, or when a name is empty or there twice
 * @throws {RangeError} when the Topic Filter is too long
 *
 * @example From a template to a filter, from topics to parameters and back
 * ```ts
 * import { topic } from "jsr:@mqtt5/mqtt5";
 * import { assertEquals } from "@std/assert";
 *
 * const reading = topic`site/${"id"}/temperature`;
 * assertEquals(reading.filter, "site/+/temperature");
 * assertEquals(reading.parameters("site/7/temperature").id, "7");
 * assertEquals(reading.match("site/7/humidity"), undefined);
 * assertEquals(reading.topic({ id: "7" }), "site/7/temperature");
 *
 * const logs = topic`logs/${"host"}/${"...path"}`;
 * assertEquals(logs.filter, "logs/+/#");
 * assertEquals(logs.match("logs/alpha/http/errors"), { host: "alpha", path: ["http", "errors"] });
 * ```
 */
export function topic<const Names extends readonly string[]>(
  text: TemplateStringsArray,
  ...names: Names
): TopicTemplate<Names[number]> {
  return new Template(text, names);
}

/** A parameter, and where its levels are. */
interface Parameter {
  readonly name: string;
  /** The index of its level, the first of several. */
  readonly level: number;
  /** Whether it has all levels that follow, too. */
  readonly isRest: boolean;
}

class Template<Name extends string> implements TopicTemplate<Name> {
  readonly filter: string;
  /** The levels of the Topic Filter, without the share name. */
  readonly #levels: readonly string[];
  readonly #parameters: readonly Parameter[];

  constructor(text: TemplateStringsArray, names: readonly string[]) {
    for (const name of names) checkName(name, names);
    // The language leaves a part out whose escapes are invalid, such as those of `HOST\user`.
    if (text.includes(undefined as unknown as string)) {
      throw new TypeError("The template has an invalid escape; write \\\\ for a backslash");
    }
    this.filter = text.map((part, index) => {
      if (index === 0) return part;
      return (names[index - 1]!.startsWith(REST) ? "#" : "+") + part;
    }).join("");
    validateTopicFilter(this.filter);
    this.#levels = topicOf(this.filter).split("/");
    // In front of each name is so much of the text that the level can be counted.
    this.#parameters = names.map((name, index) => {
      const before = topicOf(text.slice(0, index + 1).join("+"));
      const isRest = name.startsWith(REST);
      const level = before.split("/").length - 1;
      return { name: isRest ? name.slice(REST.length) : name, level, isRest };
    });
  }

  match(topicName: string): TopicParameters<Name> | undefined {
    if (!topicMatches(this.filter, topicName)) return undefined;
    const levels = topicName.split("/");
    return Object.fromEntries(
      this.#parameters.map(({ name, level, isRest }) =>
        [name, isRest ? levels.slice(level) : levels[level]!] as const
      ),
    ) as TopicParameters<Name>;
  }

  parameters(topicName: string): TopicParameters<Name> {
    const parameters = this.match(topicName);
    if (parameters !== undefined) return parameters;
    const [name, filter] = [topicName, this.filter].map((topic) => JSON.stringify(topic));
    throw new TypeError(`Topic Name ${name} does not match ${filter}`);
  }

  topic(parameters: TopicParameters<Name>): string {
    const given = parameters as Readonly<Record<string, unknown>>;
    const levels = [...this.#levels];
    for (const { name, level, isRest } of this.#parameters) {
      const value = given[name];
      if (isRest && !Array.isArray(value)) {
        throw new TypeError(`Parameter ${JSON.stringify(name)} must be an array of levels`);
      }
      const values: readonly unknown[] = isRest ? value as readonly unknown[] : [value];
      for (const one of values) checkLevel(name, one);
      levels.splice(level, 1, ...values as readonly string[]);
    }
    const topicName = levels.join("/");
    validateTopicName(topicName);
    return topicName;
  }
}

/** A Topic Filter without the share name before it. */
function topicOf(topicFilter: string): string {
  return parseSharedSubscription(topicFilter)?.topicFilter ?? topicFilter;
}

function checkName(name: string, names: readonly string[]): void {
  if (typeof name !== "string") {
    throw new TypeError(`The name of a parameter must be a string, got ${typeof name}`);
  }
  const bare = (name: string) => name.startsWith(REST) ? name.slice(REST.length) : name;
  if (bare(name) === "") throw new TypeError("The name of a parameter is empty");
  if (names.filter((other) => bare(other) === bare(name)).length === 1) return;
  throw new TypeError(`The template has two parameters ${JSON.stringify(bare(name))}`);
}

function checkLevel(name: string, value: unknown): void {
  if (typeof value !== "string") {
    throw new TypeError(
      `Parameter ${JSON.stringify(name)} must consist of strings, got ${typeof value}`,
    );
  }
  if (!/[/+#]/.test(value)) return;
  throw new TypeError(
    `Parameter ${JSON.stringify(name)} must not contain "/", "+" or "#", got ${
      JSON.stringify(value)
    }`,
  );
}
