// Tries all features at a server, several at a time, and tells what came of each in the order of
// the table.

import { connect, type ServerInfo } from "../../../mod.ts";
import { escaped } from "../../../src/cli/terminal/text.ts";
import { CUTS_OF_CONNECTIONS } from "./cuts.ts";
import { DELIVERY } from "./delivery.ts";
import { type Feature, NotOffered, type Result } from "./feature.ts";
import { Fixture, PATIENCE, type Target } from "./fixture.ts";
import { HANDSHAKE } from "./handshake.ts";
import { LIMITS } from "./limits.ts";
import { RETAINED } from "./retained.ts";
import { SESSIONS } from "./sessions.ts";
import { SUBSCRIPTIONS } from "./subscriptions.ts";
import { WILLS } from "./wills.ts";

/** Every feature, in the order of the table. */
export const FEATURES: readonly Feature[] = [
  ...HANDSHAKE,
  ...DELIVERY,
  ...RETAINED,
  ...SUBSCRIPTIONS,
  ...WILLS,
  ...SESSIONS,
  ...LIMITS,
  ...CUTS_OF_CONNECTIONS,
];

/** So many features are tried at a time: some of them wait for seconds to pass. */
const AT_A_TIME = 6;

/** What to try, and whom to tell. */
export interface RunOptions {
  /** Default: {@linkcode FEATURES}. */
  readonly features?: readonly Feature[];
  /** How long to wait for what a server does not do, in milliseconds. Default: 20,000. */
  readonly patience?: number;
  /** Is told what the server grants, first of all. */
  readonly onServer?: (server: ServerInfo) => void;
  /** Is told each result, in the order of the features. */
  readonly onResult?: (result: Result) => void;
}

/**
 * Tries features at a server.
 *
 * @throws {RefusedError} or {@linkcode ConnectionClosedError} when there is no connection at all
 */
export async function tryFeatures(
  target: Target,
  { features = FEATURES, patience = PATIENCE, onServer, onResult = () => {} }: RunOptions = {},
): Promise<readonly Result[]> {
  const server = await introduction(target);
  onServer?.(server);
  const run = crypto.randomUUID().slice(0, 8);
  const results: Result[] = [];
  let told = 0;
  const next = features.entries();
  const work = async () => {
    for (const [index, feature] of next) {
      const fixture = new Fixture(target, server, `i${run}x${index}`, patience);
      results[index] = await tried(feature, fixture);
      for (; results[told] !== undefined; told++) onResult(results[told]!);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  return results;
}

/** What the server grants a client. */
async function introduction({ server, username, password }: Target): Promise<ServerInfo> {
  await using client = await connect(server, {
    clientId: `i${crypto.randomUUID().slice(0, 8)}`,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  });
  return client.server;
}

async function tried(feature: Feature, fixture: Fixture): Promise<Result> {
  try {
    await using _ = fixture;
    const remark = await feature.check(fixture) ?? "";
    return { feature, outcome: "ok", remark };
  } catch (error) {
    const outcome = error instanceof NotOffered ? "not offered" : "differs";
    return { feature, outcome, remark: error instanceof Error ? error.message : String(error) };
  }
}

const NAME_WIDTH = Math.max(...FEATURES.map(({ name }) => name.length));
const SECTION_WIDTH = Math.max(...FEATURES.map(({ section }) => section.length));

/** What a person calls an outcome. */
const OUTCOMES: Readonly<Record<Result["outcome"], string>> = {
  "ok": "ok",
  "not offered": "not offered by the server",
  "differs": "differs",
};

/** A result as a line of the table, without what a terminal might obey. */
export function tableRow({ feature: { name, section }, outcome, remark }: Result): string {
  const what = remark === "" ? OUTCOMES[outcome] : `${OUTCOMES[outcome]}: ${escaped(remark)}`;
  return `${name.padEnd(NAME_WIDTH)}  ${section.padEnd(SECTION_WIDTH)}  ${what}`;
}

/** How many came out how: `"31 ok, 2 not offered, 0 differ"`. */
export function summary(results: readonly Result[]): string {
  const count = (outcome: Result["outcome"]) => {
    return results.filter((result) => result.outcome === outcome).length;
  };
  return `${count("ok")} ok, ${count("not offered")} not offered, ${count("differs")} differ`;
}
