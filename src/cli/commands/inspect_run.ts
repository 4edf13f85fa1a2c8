// What `inspect` does: relays connections until Ctrl-C, shows their packets, and records them.

import type { Listener, ListenOptions } from "../../io/listen.ts";
import type { Context, Output } from "../context.ts";
import { Failure } from "../failure.ts";
import { systemReason, unwritable } from "../files.ts";
import { Capture } from "../inspect/capture.ts";
import { EntryFormatter } from "../inspect/format.ts";
import { Inspector, now } from "../inspect/inspector.ts";
import { entryToJson, missedToJson } from "../inspect/json.ts";
import { Observer } from "../inspect/observer.ts";
import { pageAddress } from "../inspect/page_address.ts";
import type { Page } from "../inspect/page_server.ts";
import { type Formatter, view } from "../inspect/viewer.ts";
import { aborted, listenFailure, withCertificate } from "../listening.ts";
import { urlOf } from "../options/server.ts";
import { CLI_NAMES, destinationOf } from "../options/tls_files.ts";
import { QueuedOutput } from "../terminal/queued_output.ts";
import { quoted, report } from "../terminal/text.ts";
import { type InspectArguments, inspectedServer, inspectListeners } from "./inspect.ts";

/** At the end, output that is not read for so many milliseconds is given up. */
const PATIENCE = 2000;

const NAMES = { ...CLI_NAMES, cert: "--client-cert", key: "--client-key" };

/** Runs `inspect`. */
export async function run(context: Context, given: InspectArguments): Promise<number> {
  const { stdout, stderr, signal } = context;
  const { options } = given;
  const server = inspectedServer(given);
  const places = await withCertificate(inspectListeners(given), options);
  const destination = await destinationOf(server, stderr, NAMES);
  // No connection waits until this is read.
  const notes = new QueuedOutput(stderr);
  await using _ = { [Symbol.asyncDispose]: () => notes.flush(PATIENCE) };
  const url = urlOf(server.at);
  await using recording = options.write === undefined
    ? undefined
    : await Recording.begin(options.write, url, notes);
  const at = pageAddress(options.page);
  // Loaded only when it is asked for.
  const pages = at && await import("./page_run.ts");
  const tables = pages?.pageTables();
  const tell = (message: string) => report(notes, message);
  const observer = new Observer({
    showsSecrets: options["show-password"],
    capture: recording?.capture,
    onFailed: tell,
    tables,
  });
  const inspector = new Inspector({ destination, observer, names: NAMES, onRefused: tell });
  let page: Page | undefined;
  try {
    const listeners: string[] = [];
    const about = { title: "mqtt5 inspect", server: () => url, listeners: () => listeners };
    page = pages?.openPage(at!, { ...about, observer, ...tables! }, tell);
    for (const place of places) {
      const { url: here } = await listening(inspector, place);
      listeners.push(here);
      report(notes, `${here} is relayed to ${url}`);
    }
    if (page !== undefined && !options.json && !options.full) {
      await aborted(signal);
      return 0;
    }
    const formatter = options.json ? jsonLines(stdout) : new EntryFormatter(stdout, options);
    const cursor = observer.follow();
    const viewing = view(cursor, stdout, formatter);
    await Promise.race([aborted(signal), viewing]);
    await inspector.close();
    observer.close();
    await withPatience(viewing);
    if (cursor.behind > 0) report(notes, `${cursor.behind} packets were not shown in time`);
    return 0;
  } finally {
    await inspector.close();
    await page?.close();
  }
}

function jsonLines({ isTerminal }: Output): Formatter {
  return { format: (entry) => entryToJson(entry, isTerminal), missed: missedToJson };
}

/** A capture and its file. Disposing it writes what is left, and says what is missing. */
class Recording implements AsyncDisposable {
  readonly capture: Capture;
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #notes: Output;

  private constructor(path: string, file: Deno.FsFile, url: string, notes: Output) {
    this.#path = path;
    this.#file = file;
    this.#notes = notes;
    const writer = {
      async write(bytes: Uint8Array) {
        for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
      },
    };
    const onFailure = (error: unknown) => {
      report(notes, `Cannot write ${quoted(path)} any further: ${systemReason(error)}`);
    };
    this.capture = new Capture(writer, `mqtt5 inspect ${url}`, onFailure);
  }

  static async begin(path: string, url: string, notes: Output): Promise<Recording> {
    try {
      return new Recording(path, await Deno.create(path), url, notes);
    } catch (error) {
      throw new Failure(unwritable(path, error));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.capture.finish(now());
    this.#file.close();
    const { dropped } = this.capture;
    if (dropped > 0) report(this.#notes, `${dropped} frames are missing in ${quoted(this.#path)}`);
  }
}

async function listening(inspector: Inspector, place: ListenOptions): Promise<Listener> {
  try {
    return await inspector.listen(place);
  } catch (error) {
    throw listenFailure(error, [place], "--listen", "--allow-net");
  }
}

/** Waits for the viewer to show what is left, but not for ever. */
async function withPatience(viewing: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => timer = setTimeout(resolve, PATIENCE));
  await Promise.race([viewing, late]);
  clearTimeout(timer);
}
