// Serves the page and what it shows, to whoever has its link. The files of the page hold no data;
// data need the token that is in the link, behind the `#`, so that it comes into no log. The page
// may load nothing from elsewhere, and sends nothing to anybody else.

import { isOurs, type PageAddress, pageUrl } from "./page_address.ts";
import { packetDetail } from "./page_entries.ts";
import type { FeedSource } from "./page_feed.ts";
import type { LessonState } from "./page/events.ts";
import { PAGE_FILES } from "./page_files.ts";
import { Viewers } from "./page_viewers.ts";

/** What a page is about. */
export interface PageOptions extends Omit<FeedSource, "hello" | "lesson"> {
  /** The command that shows it. */
  readonly title: string;
  /** The server that clients are connected with, as a URL. */
  readonly server: () => string;
  /** Where clients can connect to, as URLs. */
  readonly listeners: () => readonly string[];
  /** The lesson that is shown beside it. */
  readonly lesson?: PageLesson | undefined;
}

/** A lesson: what it has come to, and what a person wants. */
export interface PageLesson {
  /** What it has come to; the same object as long as nothing has changed. */
  state(): LessonState;
  /**
   * What the page has sent.
   *
   * @throws {RangeError} when it makes no sense
   */
  command(wanted: unknown): void;
}

/** The bytes of a token: nobody guesses 128 random bits. */
const TOKEN = 16;

/** The longest body of a request, in bytes. */
const LONGEST_BODY = 4096;

const HEADERS: Readonly<Record<string, string>> = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cache-Control": "no-store",
};

/** A page that is served. */
export class Page {
  /** The link that opens it. Whoever has it sees all that passes. */
  readonly link: string;
  readonly #address: PageAddress;
  readonly #token = randomText(TOKEN);
  #options: PageOptions;
  readonly #viewers: Viewers;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #closing = new AbortController();

  /**
   * Begins to serve.
   *
   * @throws {Error} what the platform throws when it cannot listen there
   */
  constructor({ hostname, port }: PageAddress, options: PageOptions) {
    this.#options = options;
    this.#viewers = new Viewers(sourceOf(options));
    this.#server = Deno.serve({
      hostname,
      port,
      signal: this.#closing.signal,
      onListen() {},
    }, (request) => this.#answer(request));
    this.#address = { hostname, port: this.#server.addr.port };
    this.link = `${pageUrl(this.#address)}#${this.#token}`;
  }

  /** Shows something else from now on: whoever looks forgets what was there before. */
  show(options: PageOptions): void {
    this.#options = options;
    this.#viewers.show(sourceOf(options));
  }

  /** Ends at once, whoever is looking. Resolves when nothing is open any more. */
  async close(): Promise<void> {
    this.#viewers.close();
    this.#closing.abort();
    await this.#server.finished;
  }

  async #answer(request: Request): Promise<Response> {
    const { method, headers } = request;
    const url = new URL(request.url);
    if (!isOurs(this.#address, headers.get("host"), headers.get("origin"))) {
      return problem(403, `This page is at ${pageUrl(this.#address)}`);
    }
    const file = PAGE_FILES.get(url.pathname);
    if (file !== undefined) {
      if (!isReading(method)) return problem(405, "Expected GET", { Allow: "GET, HEAD" });
      return answer(file.text, { "Content-Type": file.type });
    }
    const [, what = "", number] = /^\/(events|lesson|packets(?=\/))(?:\/(\d{1,15}))?$/
      .exec(url.pathname) ?? [];
    const isKnown = what !== "" && (what === "packets") === (number !== undefined);
    if (!isKnown || what === "lesson" && this.#options.lesson === undefined) {
      return problem(404, "There is nothing here");
    }
    if (!isSame(url.searchParams.get("token") ?? "", this.#token)) {
      return problem(403, "The link is not that of this run: it is printed at the start");
    }
    if (what === "lesson") {
      if (method !== "POST") return problem(405, "Expected POST", { Allow: "POST" });
      return await command(this.#options.lesson!, request);
    }
    if (!isReading(method)) return problem(405, "Expected GET", { Allow: "GET, HEAD" });
    return what === "events" ? this.#events(method) : this.#packet(Number(number));
  }

  #events(method: string): Response {
    const type = { "Content-Type": "text/event-stream" };
    if (method === "HEAD") return answer(null, type);
    const stream = this.#viewers.add();
    return stream === undefined
      ? problem(503, "The page is open too often: close it somewhere else")
      : answer(stream, type);
  }

  #packet(n: number): Response {
    const entry = this.#options.observer.entry(n);
    if (entry?.type !== "packet") return problem(404, `Packet ${n} is no longer kept`);
    return answer(JSON.stringify(packetDetail(n, entry)), JSON_TYPE);
  }
}

/** What viewers follow. By its `run` they know one from another. */
function sourceOf(options: PageOptions): FeedSource {
  const { title, server, listeners, lesson } = options;
  const run = randomText(8);
  return {
    ...options,
    hello: () => ({ title, server: server(), listeners: listeners(), run }),
    lesson: lesson && (() => lesson.state()),
  };
}

const JSON_TYPE = { "Content-Type": "application/json" };

async function command(lesson: PageLesson, request: Request): Promise<Response> {
  const body = await textOf(request);
  if (body === undefined) return problem(413, `Expected at most ${LONGEST_BODY} bytes`);
  try {
    lesson.command(JSON.parse(body));
    return answer(null, {}, 204);
  } catch (error) {
    if (error instanceof RangeError) return problem(400, error.message);
    if (error instanceof SyntaxError) return problem(400, "Expected JSON");
    throw error;
  }
}

/** The body of a request; `undefined` if it is too long. */
async function textOf({ body }: Request): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let text = "";
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.length;
    if (length > LONGEST_BODY) return undefined;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function isReading(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

function answer(
  body: string | ReadableStream<Uint8Array> | null,
  headers: Readonly<Record<string, string>>,
  status = 200,
): Response {
  return new Response(body as BodyInit | null, { status, headers: { ...HEADERS, ...headers } });
}

function problem(
  status: number,
  error: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return answer(JSON.stringify({ error }), { ...JSON_TYPE, ...headers }, status);
}

/** Random bytes as text that a URL takes as it is. */
function randomText(bytes: number): string {
  const random = crypto.getRandomValues(new Uint8Array(bytes));
  return random.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Whether a token is the one expected; how long that takes does not tell how much of it is. */
function isSame(given: string, expected: string): boolean {
  let difference = given.length ^ expected.length;
  for (let index = 0; index < expected.length; index++) {
    difference |= given.charCodeAt(index) ^ expected.charCodeAt(index);
  }
  return difference === 0;
}
