// The ledger: which of the normative statements of MQTT 5.0 are proven, and which were seen at work. It is made from the tests
// that ran: a statement is proven when a test that names it has passed and none that names it has failed. And it is observed
// when the monitor has judged it on the links of simulated worlds, which have then kept it as often.

import normative from "./normative.json" with { type: "json" };
import normative311 from "./normative_311.json" with { type: "json" };

type Statement = (typeof normative)[number];

/** What a test run says of one statement. */
interface Evidence {
  readonly passed: string[];
  readonly failed: string[];
}

/** Who must obey which statements. */
const ROLES: Readonly<Record<string, readonly string[]>> = {
  client: ["client", "sender", "receiver", "both"],
  broker: ["server", "sender", "receiver", "both"],
};
const AREAS = ["codec", "topic", "session", "client", "broker", "transport"];

/** In so many worlds everything is seen that there is in them. */
const WORLDS = 300;

const LEDGER = new URL("ledger.md", import.meta.url);

/** The names of the tests that ran, from the lines of a report in TAP. */
export function testsOf(tap: string): { readonly name: string; readonly passed: boolean }[] {
  const lines = tap.matchAll(/^ *(ok|not ok) \d+ - (.*?)( # SKIP)?$/gm);
  return Array.from(lines)
    .filter(([, , , skipped]) => skipped === undefined)
    .map(([, result, name]) => ({ name: name!, passed: result === "ok" }));
}

/** What the tests say of each statement that one of them names. */
export function evidenceOf(
  tests: readonly { readonly name: string; readonly passed: boolean }[],
): Map<string, Evidence> {
  const evidence = new Map<string, Evidence>();
  for (const { name, passed } of tests) {
    for (const [, id] of name.matchAll(/\[(MQTT(?:311)?-[\d.]+-\d+)\]/g)) {
      const { passed: good, failed: bad } = evidence.get(id!) ?? { passed: [], failed: [] };
      (passed ? good : bad).push(name);
      evidence.set(id!, { passed: good, failed: bad });
    }
  }
  return evidence;
}

/** How often each statement was judged on the links of simulated worlds. */
export type Observations = Readonly<Record<string, number>>;

/** The ledger as Markdown. */
export function ledgerOf(
  evidence: ReadonlyMap<string, Evidence>,
  observations: Observations = {},
): string {
  const isProven = ({ id }: Pick<Statement, "id">) => {
    const found = evidence.get(id);
    return found !== undefined && found.passed.length > 0 && found.failed.length === 0;
  };
  const isObserved = ({ id }: Statement) => observations[id] !== undefined;
  const lineOf = ({ id, applies, about, summary }: Statement) => {
    const times = observations[id]?.toLocaleString("en");
    const seen = times === undefined ? "" : `; observed in simulation ${times} times`;
    return `- **${id}** (${applies}, ${about}) ${summary}${seen}`;
  };
  return [
    "# Normative statements of MQTT 5.0 proven by the tests",
    "",
    summary(isProven),
    "# Observed in simulation",
    "",
    summary(isObserved),
    "## Proven",
    "",
    ...normative.filter(isProven).flatMap((statement) => [
      lineOf(statement),
      ...evidence.get(statement.id)!.passed.map((name) => `  - ${name}`),
    ]),
    "",
    "## Not proven",
    "",
    ...normative.filter((statement) => !isProven(statement)).map(lineOf),
    "",
    ...olderLines(isProven),
  ].join("\n");
}

/** What the monitor judges in so many simulated worlds. */
async function observe(worlds: number): Promise<Observations> {
  const { planOf } = await import("../simulation/plan.ts");
  const { run } = await import("../simulation/run.ts");
  const sum: Record<string, number> = {};
  for (let seed = 1; seed <= worlds; seed++) {
    const { statistics } = await run(planOf(seed));
    for (const [id, times] of Object.entries(statistics.statements)) {
      sum[id] = (sum[id] ?? 0) + times;
    }
  }
  return sum;
}

/** One table: a line for each role, a column for each area. */
function summary(isProven: (statement: Statement) => boolean): string {
  const count = (applies: readonly string[], area: string | undefined) => {
    const bound = normative.filter((statement) =>
      applies.includes(statement.applies) && (area ?? statement.about) === statement.about
    );
    return `${bound.filter(isProven).length} of ${bound.length}`;
  };
  const everybody = [...new Set(normative.map(({ applies }) => applies))];
  const rows = Object.entries({ ...ROLES, all: everybody }).map((
    [role, applies],
  ) => [role, ...AREAS.map((area) => count(applies, area)), count(applies, undefined)]);
  const cells = [["", ...AREAS, "together"], ...rows];
  const widths = cells[0]!.map((_, column) =>
    Math.max(3, ...cells.map((row) => row[column]!.length))
  );
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`;
  const rule = widths.map((width) => "-".repeat(width));
  return `${[line(cells[0]!), line(rule), ...rows.map(line)].join("\n")}\n`;
}

/** MQTT 3.1.1, as far as it binds a server: the broker speaks it, the client does not. */
function olderLines(isProven: (statement: { readonly id: string }) => boolean): string[] {
  const bound = normative311.filter(({ applies }) => applies !== "client");
  const proven = bound.filter(isProven);
  const lines = (statements: typeof bound) =>
    statements.map(({ id, applies, summary }) => `- **${id}** (${applies}) ${summary}`);
  return [
    "# Normative statements of MQTT 3.1.1 that bind a server",
    "",
    `${proven.length} of ${bound.length} are proven by the tests.`,
    "",
    "## Proven",
    "",
    ...lines(proven),
    "",
    "## Not proven",
    "",
    ...lines(bound.filter((statement) => !isProven(statement))),
    "",
  ];
}

/** The statements that tests name and the standard does not have. */
export function unknownIds(evidence: ReadonlyMap<string, Evidence>): string[] {
  const known = new Set([...normative, ...normative311].map(({ id }) => id));
  return [...evidence.keys()].filter((id) => !known.has(id));
}

async function main(): Promise<number> {
  const run = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "test", "--reporter=tap"],
    stderr: "inherit",
  }).output();
  const tests = testsOf(new TextDecoder().decode(run.stdout));
  const evidence = evidenceOf(tests);
  const ledger = ledgerOf(evidence, await observe(WORLDS));
  await Deno.writeTextFile(LEDGER, ledger);
  console.log(ledger.slice(0, ledger.indexOf("## Proven")));
  console.log(`${tests.length} tests ran; every statement: tests/conformance/ledger.md`);
  for (const id of unknownIds(evidence)) console.error(`There is no statement ${id}`);
  for (const { name } of tests.filter(({ passed }) => !passed)) console.error(`failed: ${name}`);
  return run.success && unknownIds(evidence).length === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
