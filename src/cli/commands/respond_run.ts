// What `respond` does: answers requests (§4.10), one after another.

import type { Client } from "../../client/client.ts";
import type { Message, PublishOptions } from "../../client/mod.ts";
import { RefusedError } from "../../errors.ts";
import type { Context, Output } from "../context.ts";
import { Failure, usageFailure } from "../failure.ts";
import { systemReason } from "../files.ts";
import { checkMessage, payloadReader } from "../messages/source.ts";
import { connectionOf, topicsOf } from "../options/connection.ts";
import { publishOptionsOf } from "../options/message.ts";
import { countOption, secondsOption } from "../options/parse.ts";
import { noTopic } from "../options/server.ts";
import { checkFilter } from "../options/topic_filters.ts";
import { quoted, report } from "../terminal/text.ts";
import { SESSION, withClient } from "../with_client.ts";
import { type RespondArguments, shellSyntaxIn, wordsOf } from "./respond.ts";

/** Makes the payload of a response; `undefined` for no response. */
type Responder = (request: Message) => Promise<string | Uint8Array | undefined>;

/** Runs `respond`. */
export async function run(context: Context, given: RespondArguments): Promise<number> {
  const { options } = given;
  const connection = connectionOf(given);
  const filters = topicsOf(options.topic, connection);
  if (filters.length === 0) {
    throw noTopic("Topic Filter", connection.server);
  }
  for (const filter of filters) checkFilter(filter);
  const publish = publishOptionsOf(options);
  checkMessage({ topic: "topic", options: publish });
  const most = countOption("count", options.count);
  const payloadUntil = await payloadReader(options, context);
  const responder = responderOf(options, context);
  return await withClient(context, connection, async (client, stop) => {
    const fixed = await payloadUntil?.(stop);
    const respond = fixed === undefined ? responder : () => Promise.resolve(fixed);
    const requests = await client.subscribe(filters, { qos: publish.qos, ack: "manual" });
    let count = 0;
    let exitCode = 0;
    for await (const request of requests) {
      const outcome = await answer(client, request, respond, publish, context.stderr);
      request.ack();
      if (outcome === undefined) continue;
      exitCode ||= outcome;
      if (++count >= most) break;
    }
    return exitCode;
  }, {
    onInterrupt: () => 0,
    connect: { topicAliases: "manual" },
    ...publish.qos !== 0 && { session: SESSION },
  });
}

/**
 * Answers a request. Resolves to its exit code, or to `undefined` without a response: a message
 * without Response Topic is no request. A response that the server refuses does not end the
 * command.
 */
async function answer(
  client: Client,
  request: Message,
  responder: Responder,
  publish: PublishOptions,
  stderr: Output,
): Promise<number | undefined> {
  // The Correlation Data is that of the request, whatever was given.
  const { correlationData: _, ...options } = publish;
  const { topic } = request;
  const tell = (text: string) => report(stderr, text);
  if (request.responseTopic === undefined) {
    tell(`Ignored a message on ${topic}: it has no Response Topic`);
    return undefined;
  }
  const payload = await responder(request);
  if (payload === undefined) return undefined;
  try {
    await request.respond({ ...options, qos: options.qos ?? 0, payload });
    tell(`Responded to a request on ${topic}`);
    return 0;
  } catch (error) {
    if (client.state === "closing" || client.state === "closed") throw error;
    tell((error as Error).message);
    return error instanceof RefusedError ? error.reasonCode : 1;
  }
}

/** How to respond where no payload is given. */
function responderOf(
  { exec, "exec-timeout": timeout }: RespondArguments["options"],
  context: Context,
): Responder {
  if (exec === undefined) {
    if (timeout !== undefined) throw usageFailure("--exec-timeout needs --exec");
    return (request) => Promise.resolve(request.payload);
  }
  const [program, ...args] = wordsOf(exec);
  const longest = secondsOption("exec-timeout", timeout ?? "30");
  checkProgram(program!);
  const syntax = shellSyntaxIn(exec);
  if (syntax !== undefined) {
    report(
      context.stderr,
      `There is no shell: ${quoted(program!)} gets ${quoted(syntax)} as it is; for a shell give ` +
        `--exec "sh -c '…'"`,
    );
  }
  return (request) => firstLine(program!, args, request, longest, context);
}

/** Runs a program with the request on standard input, and resolves to the first line it prints. */
async function firstLine(
  program: string,
  args: readonly string[],
  { topic, payload }: Message,
  longest: number,
  { stderr, signal }: Context,
): Promise<Uint8Array | undefined> {
  const tell = (what: string) => {
    report(stderr, `No response to a request on ${topic}: ${quoted(program)} ${what}`);
    return undefined;
  };
  const child = spawn(program, args, topic);
  const ended = Promise.all([child.output(), feed(child, payload)]);
  const late = AbortSignal.any([signal, AbortSignal.timeout(longest)]);
  const result = await Promise.race([ended, aborted(late)]);
  if (result === undefined) {
    // Its own children may keep its output open: that is not awaited.
    stop(child);
    return signal.aborted ? undefined : tell(`took longer than ${longest / 1000} s`);
  }
  const [{ code, stdout }] = result;
  if (code !== 0) return tell(`exited with code ${code}`);
  const end = stdout.indexOf(LF);
  return end < 0 ? stdout : stdout.subarray(0, end);
}

const LF = 0x0a;

function stop(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has exited, and its children hold its output open.
  }
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener("abort", () => resolve(undefined));
  });
}

function spawn(program: string, args: readonly string[], topic: string): Deno.ChildProcess {
  try {
    return new Deno.Command(program, {
      args: [...args],
      env: { MQTT_TOPIC: topic },
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
  } catch (error) {
    throw notRunnable(program, error);
  }
}

/** More bytes than any system accepts as an argument. */
const TOO_LONG = 4_194_304;

/**
 * Finds out, without running it and without permission to read, whether a program can be run:
 * systems look for the program before they reject an argument that is too long.
 *
 * @throws {Failure} when there is no such program, or it may not be run
 */
function checkProgram(program: string): void {
  try {
    const args = ["x".repeat(TOO_LONG)];
    stop(new Deno.Command(program, { args, stdin: "null", stdout: "null" }).spawn());
  } catch (error) {
    const { NotCapable, NotFound, PermissionDenied } = Deno.errors;
    if ([NotCapable, NotFound, PermissionDenied].some((type) => error instanceof type)) {
      throw notRunnable(program, error);
    }
  }
}

function notRunnable(program: string, error: unknown): Failure {
  const cannot = `Cannot run ${quoted(program)}: `;
  if (error instanceof Deno.errors.NotCapable) {
    return new Failure(`${cannot}permission denied; run it with --allow-run=${program}`);
  }
  if (error instanceof Deno.errors.NotFound && !/[/\\]/.test(program)) {
    return new Failure(
      `${cannot}not found in PATH; --exec takes a program and its arguments, ` +
        `for a shell give --exec "sh -c '…'"`,
    );
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return new Failure(`${cannot}it is not an executable file`);
  }
  return new Failure(`${cannot}${systemReason(error)}`);
}

/** Writes the input of a program, which may exit without reading it. */
async function feed(child: Deno.ChildProcess, payload: Uint8Array): Promise<void> {
  const writer = child.stdin.getWriter();
  try {
    await writer.write(payload);
    await writer.close();
  } catch {
    // It has stopped reading.
  }
}
