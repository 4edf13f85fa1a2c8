// The protocol of Chromium's developer tools: commands and their answers, by number, and events,
// over one WebSocket for all pages.

/** What a command is given. */
export type Parameters = Readonly<Record<string, unknown>>;

/** Is told of an event of a page. */
export type Listener = (method: string, event: Parameters) => void;

interface Answer {
  readonly id?: number;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
  readonly method?: string;
  readonly params?: Parameters;
  readonly sessionId?: string;
}

/** A connection to the developer tools. */
export class DevTools {
  readonly #socket: WebSocket;
  readonly #pending = new Map<number, PromiseWithResolvers<Record<string, unknown>>>();
  readonly #listeners = new Map<string, Listener>();
  readonly #closed: Promise<void>;
  #count = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
    this.#closed = new Promise((resolve) => {
      socket.onclose = () => {
        for (const { reject } of this.#pending.values()) reject(new Error("Chromium has ended"));
        resolve();
      };
    });
  }

  /** Connects to where they listen. */
  static async connect(url: string): Promise<DevTools> {
    const socket = new WebSocket(url);
    await new Promise<void>((resolve, reject) => {
      socket.onopen = () => resolve();
      socket.onerror = () => reject(new Error(`Cannot connect to ${url}`));
    });
    return new DevTools(socket);
  }

  /** Has the events of a page told to a listener. */
  listen(session: string, listener: Listener): void {
    this.#listeners.set(session, listener);
  }

  /** Sends a command, to a page if its session is given; resolves with the answer. */
  send(
    method: string,
    params: Parameters,
    sessionId?: string,
  ): Promise<Record<string, unknown>> {
    const id = ++this.#count;
    const answer = Promise.withResolvers<Record<string, unknown>>();
    this.#pending.set(id, answer);
    this.#socket.send(JSON.stringify({ id, method, params, ...sessionId && { sessionId } }));
    return answer.promise;
  }

  /** Asks the browser to end, and resolves when the connection is closed. */
  async close(): Promise<void> {
    if (this.#socket.readyState === WebSocket.OPEN) {
      // It may end before it has answered.
      await this.send("Browser.close", {}).catch(() => {});
    }
    await this.#closed;
  }

  #take({ id, result, error, method, params, sessionId }: Answer): void {
    if (id === undefined) {
      this.#listeners.get(sessionId ?? "")?.(method!, params!);
      return;
    }
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (error === undefined) pending?.resolve(result ?? {});
    else pending?.reject(new Error(error.message));
  }
}
