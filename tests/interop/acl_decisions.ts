// Access control lists side by side with Mosquitto: the same list, the same clients and topics, and
// what each of them may write and read at either broker. As a program it does so with other lists:
// `deno run --lock tests/deno.lock --allow-all tests/interop/acl_decisions.ts [FIRST-SEED] [COUNT]`

import { connect, RefusedError } from "../../mod.ts";
import { aclFile, serve } from "../../src/broker/mod.ts";
import { Random } from "../../src/testing/random.ts";
import { startMosquitto } from "../io/mosquitto.ts";

/** A generated list, and those whom it is about. */
interface Case {
  readonly lines: readonly string[];
  readonly clients: readonly { readonly clientId: string; readonly username?: string }[];
  readonly topics: readonly string[];
}

/** Decisions in one case: so many clients, and so many topics to write and to read. */
const CLIENTS = 10;
const TOPICS = 15;
export const DECISIONS: number = CLIENTS * TOPICS * 2;

const USERS = ["ann", "bob", "b c", "ann+", "#", undefined, undefined, "nobody"] as const;
const LEVELS = ["a", "b", "ann", "b c", "client-1", "client-2", "", "%u"];
const WORDS = ["", "read ", "write ", "readwrite ", "deny "];

/** The case with this seed. */
export function caseOf(seed: number): Case {
  const random = new Random(seed);
  const pick = <Item>(items: readonly Item[]): Item => items[random.below(items.length)]!;
  const some = <Item>(most: number, make: () => Item) =>
    Array.from({ length: 1 + random.below(most) }, make);
  const filterOf = (levels: readonly string[]) => {
    const filter = some(3, () => pick(levels));
    if (random.onceIn(3)) filter.push("#");
    if (random.onceIn(12)) filter.unshift("$dev");
    return filter.join("/") || "+";
  };
  const rule = (word: "topic" | "pattern", levels: readonly string[]) => {
    const filter = filterOf(levels);
    const access = pick(WORDS);
    return `${word} ${access === "" && filter.includes(" ") ? "readwrite " : access}${filter}`;
  };
  const ruleOfUser = () => rule("topic", [...LEVELS, "+", "+"]);
  const pattern = () => rule("pattern", [...LEVELS, "+", "%c", "%c", "%u"]);
  const sections = some(7, () => pick(USERS.slice(0, 5))).flatMap((user) => [
    `user ${user ?? "bob"}`,
    ...some(5, () => random.onceIn(4) ? pattern() : ruleOfUser()),
    random.onceIn(3) ? "# nothing" : "",
  ]);
  const lines = ["user writer", "topic readwrite #", "topic $dev/#"];
  const anonymous = random.onceIn(2) ? some(4, ruleOfUser) : [];
  const clients = Array.from({ length: CLIENTS }, (_, index) => {
    const username = pick(USERS);
    const clientId = `client-${index}${random.onceIn(8) ? "+" : ""}`;
    return { clientId, ...username !== undefined && { username } };
  });
  // Most topics are such as a rule is about.
  const filters = [...anonymous, ...sections].filter((line) => /^(topic|pattern)/.test(line))
    .map((line) => line.replace(/^\w+ ((read|write|readwrite|deny) )?/, ""));
  const topicOf = () => {
    const filter = random.onceIn(4) ? filterOf(LEVELS) : pick(filters);
    const { clientId, username = "ann" } = pick(clients);
    return filter.replace(/\/?#$/, () => pick(["", "/z", "/z/a"])).replace(
      /\+/g,
      () => pick(["a", "z"]),
    )
      .replaceAll("%c", clientId).replaceAll("%u", username).replace(/[+#]/g, "") || "a";
  };
  const topics = new Set<string>();
  while (topics.size < TOPICS) topics.add(topicOf());
  return { lines: [...anonymous, ...sections, ...lines], clients, topics: [...topics] };
}

/** What each client may do at a server: `w`, `r`, `rw` or nothing for each topic. */
export async function decisionsAt(url: string, { clients, topics }: Case): Promise<string[]> {
  const told: string[] = [];
  await using writer = await connect(url, { clientId: "writer", username: "writer" });
  for (const { clientId, username } of clients) {
    await using client = await connect(url, { clientId, username });
    const messages = await client.subscribe(["#", "$dev/#", "end/+"], { qos: 1 });
    const mayWrite = new Set<string>();
    await Promise.all(topics.map(async (topic) => {
      try {
        await client.publish(topic, "own", { qos: 1 });
        mayWrite.add(topic);
      } catch (error) {
        if (!(error instanceof RefusedError)) throw error;
      }
    }));
    for (const topic of topics) await writer.publish(topic, "read", { qos: 1 });
    // What was to come has come before the answer to a request of its own.
    await client.unsubscribe("end/+");
    const mayRead = new Set<string>();
    while (messages.waiting > 0) {
      const { value } = await messages[Symbol.asyncIterator]().next();
      if (value !== undefined && value.text() === "read") mayRead.add(value.topic);
    }
    for (const topic of topics) {
      const rights = `${mayRead.has(topic) ? "r" : ""}${mayWrite.has(topic) ? "w" : ""}`;
      told.push(`${username ?? "(nobody)"} as ${clientId}, ${JSON.stringify(topic)}: ${rights}`);
    }
  }
  return told;
}

/** The decisions of this broker and of Mosquitto. */
export async function compare(
  seed: number,
): Promise<{ readonly ours: string[]; readonly theirs: string[]; readonly lines: string }> {
  const generated = caseOf(seed);
  const lines = generated.lines.join("\n");
  await using broker = await serve({ port: 0, ...aclFile(lines) });
  await using mosquitto = await startMosquitto({ access: generated.lines });
  return {
    ours: await decisionsAt(broker.url, generated),
    theirs: await decisionsAt(mosquitto.url, generated),
    lines,
  };
}

if (import.meta.main) {
  const [first = 1, count = 20] = Deno.args.map(Number);
  let differences = 0;
  for (let seed = first; seed < first + count; seed++) {
    const { ours, theirs, lines } = await compare(seed);
    const different = ours.flatMap((line, at) =>
      line === theirs[at] ? [] : [`${line} | ${theirs[at]}`]
    );
    differences += different.length;
    const granted = ours.filter((line) => !line.endsWith(": ")).length;
    console.log(
      `seed ${seed}: ${
        ours.length * 2
      } decisions, ${granted} topics granted, ${different.length} differ`,
    );
    if (different.length > 0) console.log(`${lines}\n${different.join("\n")}`);
  }
  Deno.exit(differences > 0 ? 1 : 0);
}
