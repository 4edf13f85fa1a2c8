// Reads server-sent events, as a page does.

/** What an event says; each name has its own shape. */
// deno-lint-ignore no-explicit-any
type Data = any;

/** The events of one response. */
export class EventReader implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";
  #entries: Data[] = [];

  constructor(body: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#reader = body.pipeThrough(new TextDecoderStream()).getReader();
  }

  static async open(url: string): Promise<EventReader> {
    const response = await fetch(url);
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    return new EventReader(response.body!);
  }

  /** The next event with this name; those before it are skipped. */
  async next(wanted: string): Promise<Data> {
    for (;;) {
      const { name, data } = await this.any();
      if (name === wanted) return data;
    }
  }

  /** The next event. */
  async any(): Promise<{ readonly name: string; readonly data: Data }> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end >= 0) {
        const [, name = "", data = "null"] = /^event: (\w+)\ndata: (.*)$/.exec(
          this.#text.slice(0, end),
        ) ?? [];
        this.#text = this.#text.slice(end + 2);
        return { name, data: JSON.parse(data) };
      }
      const { value, done } = await this.#reader.read();
      if (done) throw new Error("There are no more events");
      this.#text += value;
    }
  }

  /** The next entry that is looked for. */
  async entry(isWanted: (entry: Data) => boolean): Promise<Data> {
    for (;;) {
      for (let entry = this.#entries.shift(); entry; entry = this.#entries.shift()) {
        if (isWanted(entry)) return entry;
      }
      this.#entries = await this.next("entries");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel().catch(() => {});
  }
}
