// What `respond` does: it answers requests (§4.10), one after the other.

import type { Client } from "../../client/client.ts";
import type { Message, PublishOptions } from "../../client/mod.ts";
import { RefusedError } from "../../errors.ts";
import type { Context, Output } from "../context.ts";
import { Failure, usageFailure } from "../failure.ts";
import { checkMessage, payloadReader } from "../messages/source.ts";
import { connectionOf, topicsOf } from "../options/connection.ts";
import { publishOptionsOf } from "../options/message.ts";
import { countOption, secondsOption } from "../options/parse.ts";
import { noTopic } from "../options/server.ts";
import { checkFilter } from "../options/topic_filters.ts";
import { quoted, tellOf } from "../terminal/text.ts";
import { SESSION, withClient } from "../with_client.ts";
import { type RespondArguments, wordsOf } from "./respond.ts";

/** Gives the payload of an answer; `undefined` for none. */
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
 * Answers a request. Resolves to the exit code that comes of it, or to `undefined` when there is nothing to answer: one that
 * says not where to is no request. Whoever asks for an answer where none may go ends no service.
 */
async function answer(
  client: Client,
  request: Message,
  responder: Responder,
  publish: PublishOptions,
  stderr: Output,
): Promise<number | undefined> {
  const { topic, responseTopic, correlationData } = request;
  const tell = (text: string) => tellOf(stderr, text);
  if (responseTopic === undefined) {
    tell(`A message to ${topic} has no Response Topic: nobody waits for an answer`);
    return undefined;
  }
  const payload = await responder(request);
  if (payload === undefined) return undefined;
  try {
    await client.publish(responseTopic, payload, { ...publish, correlationData });
    tell(`Answered a request to ${topic}`);
    return 0;
  } catch (error) {
    if (client.state === "closing" || client.state === "closed") throw error;
    tell((error as Error).message);
    return error instanceof RefusedError ? error.reasonCode : 1;
  }
}

/** How requests are answered, where no payload is fixed. */
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
  return (request) => firstLine(program!, args, request, longest, context);
}

/** Runs a program with the request on its standard input. Resolves to the first line that it prints. */
async function firstLine(
  program: string,
  args: readonly string[],
  { topic, payload }: Message,
  longest: number,
  { stderr, signal }: Context,
): Promise<Uint8Array | undefined> {
  const tell = (what: string) => {
    tellOf(stderr, `${quoted(program)} ${what}: no answer to ${topic}`);
    return undefined;
  };
  const child = spawn(program, args, topic);
  const ended = Promise.all([child.output(), feed(child, payload)]);
  const late = AbortSignal.any([signal, AbortSignal.timeout(longest)]);
  const result = await Promise.race([ended, aborted(late)]);
  if (result === undefined) {
    // What it has started itself may hold its output open for longer: that is not waited for.
    stop(child);
    return signal.aborted ? undefined : tell(`took longer than ${longest / 1000} s`);
  }
  const [{ code, stdout }] = result;
  if (code !== 0) return tell(`ended with ${code}`);
  const end = stdout.indexOf(0x0a);
  return end < 0 ? stdout : stdout.subarray(0, end);
}

function stop(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended, and left its output to others.
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
    if (error instanceof Deno.errors.NotCapable) {
      throw new Failure(`This program may not run ${program}; run it with --allow-run=${program}`);
    }
    throw new Failure(`Cannot run ${quoted(program)}: ${(error as Error).message}`);
  }
}

/** Gives a program its input. It may end without having read it. */
async function feed(child: Deno.ChildProcess, payload: Uint8Array): Promise<void> {
  const writer = child.stdin.getWriter();
  try {
    await writer.write(payload);
    await writer.close();
  } catch {
    // It wants no more.
  }
}
