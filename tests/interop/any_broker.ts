// The features of the standard at any server, as a table:
// deno task interop [options] mqtt://HOST. Exit code 0 when nothing differs.

import { Failure, reportFailure, usageFailure } from "../../src/cli/failure.ts";
import { CREDENTIALS, passwordOf } from "../../src/cli/options/credentials.ts";
import {
  type HelpParts,
  helpText,
  SERVER_NOTES,
  SERVER_USAGE,
} from "../../src/cli/options/help.ts";
import { SERVER_OPTIONS, serverOf, TLS_OPTIONS, urlOf } from "../../src/cli/options/server.ts";
import { CLI_NAMES, destinationOf } from "../../src/cli/options/tls_files.ts";
import { processContext } from "../../src/cli/terminal/process.ts";
import { connectFailureOf } from "../../src/cli/server_failures.ts";
import type { Context } from "../../src/cli/context.ts";
import {
  type OptionTable,
  type ParsedArguments,
  parseOptions,
} from "../../src/cli/options/parse.ts";
import { dial } from "../../src/io/dial.ts";
import { FEATURES, summary, tableRow, tryFeatures } from "./features/run.ts";

const OPTIONS = {
  "only": { value: "TEXT", many: true, help: "try the features with this in their names" },
  ...SERVER_OPTIONS,
  ...CREDENTIALS,
  ...TLS_OPTIONS,
  "help": { value: "all", isOptional: true, help: "show this help; =all: every option" },
} as const satisfies OptionTable;

const HELP: HelpParts = {
  name: "interop",
  about: `Tries the features of MQTT 5.0 at a server, and says of each whether the server does
as the standard says. What it makes there is under mqtt5-interop/, and is removed.`,
  usage: `[options] ${SERVER_USAGE.replace("[/TOPIC]", "")}`,
  examples: ["interop mqtt://localhost:1883", "interop -u alice -P secret mqtts://broker.example"],
  exitCodes: `0 when nothing differs; 1 when something does, or there is no connection;
2 for a wrong command line; 128 to 162, the Reason Code, when the server refuses
the client.`,
  notes: SERVER_NOTES,
};

if (import.meta.main) Deno.exit(await main(processContext("tests/interop/any_broker.ts")));

/** Runs the suite as its command line says, and returns the exit code. Never throws. */
export async function main(context: Context): Promise<number> {
  try {
    const given = parseOptions(OPTIONS, context.args);
    const { help } = given.options;
    if (help === undefined) return await run(context, given);
    const text = helpText(HELP, OPTIONS, help === "all");
    context.stdout.write(text.replaceAll("mqtt5 interop", "deno task interop"));
    return 0;
  } catch (error) {
    return reportFailure(error, context);
  }
}

async function run(
  context: Context,
  { options, operands }: ParsedArguments<typeof OPTIONS>,
): Promise<number> {
  const { server } = serverOf(options, operands, false);
  const features = FEATURES.filter(({ name }) => {
    return options.only.length === 0 || options.only.some((text) => name.includes(text));
  });
  if (features.length === 0) throw usageFailure("No feature has the text of --only in its name");
  const password = await passwordOf(options, context) ?? server.at.password;
  const destination = await destinationOf(server, context.stderr);
  const { tls, headers } = destination;
  const target = {
    server: { url: urlOf(server.at), tls, headers, proxy: server.proxyUrl },
    dial: (signal: AbortSignal) => dial(destination, { signal, names: CLI_NAMES }),
    username: options.username ?? server.at.username,
    password,
  };
  const { stdout } = context;
  const trying = tryFeatures(target, {
    features,
    onResult: (result) => stdout.write(`${tableRow(result)}\n`),
  });
  try {
    const results = await Promise.race([trying, aborted(context.signal)]);
    stdout.write(`${summary(results)}\n`);
    return results.some(({ outcome }) => outcome === "differs") ? 1 : 0;
  } catch (error) {
    throw connectFailureOf(error, server);
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new Failure("Interrupted")));
  });
}
