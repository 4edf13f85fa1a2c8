// A page in headless Chromium, driven as a person does, by the mouse and the keyboard, over the
// protocol of its developer tools. What the page complains of and what it asks for is noted.

import { chromium } from "../../runtimes/programs.ts";
import { DevTools, type Parameters } from "./dev_tools.ts";

const ARGUMENTS = [
  ...["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  ...["--no-first-run", "--disable-extensions", "--disable-component-update"],
  ...["--disable-background-networking", "--hide-scrollbars", "--remote-debugging-port=0"],
];

/** The keys that are no letters, with their numbers and what they write. */
const KEYS: Readonly<Record<string, readonly [number, string?]>> = {
  Tab: [9],
  Enter: [13, "\r"],
  Escape: [27],
  " ": [32, " "],
  End: [35],
  Home: [36],
  ArrowLeft: [37],
  ArrowUp: [38],
  ArrowRight: [39],
  ArrowDown: [40],
};

/** What a page does not show by then, in milliseconds, it never will. */
const PATIENCE = 20_000;

/** How a page is shown. */
export interface View {
  /** The width of the window in CSS pixels. */
  readonly width?: number;
  /** The height of the window in CSS pixels. */
  readonly height?: number;
  /** The colours that the user prefers. */
  readonly scheme?: "light" | "dark";
}

/** A Chromium that runs until it is disposed. */
export class Chromium implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #folder: string;
  readonly #tools: DevTools;
  readonly #stderr: Promise<void>;

  private constructor(
    process: Deno.ChildProcess,
    folder: string,
    tools: DevTools,
    stderr: Promise<void>,
  ) {
    this.#process = process;
    this.#folder = folder;
    this.#tools = tools;
    this.#stderr = stderr;
  }

  /** Starts one with a profile of its own. */
  static async start(): Promise<Chromium> {
    if ("missing" in chromium) throw new Error(chromium.missing);
    const folder = await Deno.makeTempDir({ prefix: "mqtt5-chromium-" });
    const process = new Deno.Command(chromium.path, {
      args: [...ARGUMENTS, `--user-data-dir=${folder}`, "about:blank"],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const reader = process.stderr.pipeThrough(new TextDecoderStream()).getReader();
    let said = "";
    let address: string | undefined;
    while (address === undefined) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`Chromium ended before it listened:\n${said}`);
      said += value;
      address = /^DevTools listening on (ws:\S+)\s/m.exec(said)?.[1];
    }
    const stderr = (async () => {
      while (!(await reader.read()).done);
    })();
    return new Chromium(process, folder, await DevTools.connect(address), stderr);
  }

  /** Opens a page and waits until it is loaded. */
  async open(url: string, view: View = {}): Promise<Page> {
    const { targetId } = await this.#tools.send("Target.createTarget", { url: "about:blank" });
    const attach = { targetId, flatten: true };
    const { sessionId } = await this.#tools.send("Target.attachToTarget", attach);
    const page = new Page(this.#tools, String(sessionId));
    await page.begin(view);
    await page.go(url);
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tools.close();
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#stderr;
    await this.#process.status;
    await removeFolder(this.#folder);
  }
}

/** A page, and what a person does with it. */
export class Page {
  /** What the page and the browser said against it: errors, and what its policy forbids. */
  readonly complaints: string[] = [];
  /** What has been asked for. */
  readonly requests: string[] = [];
  readonly #tools: DevTools;
  readonly #session: string;

  constructor(tools: DevTools, session: string) {
    this.#tools = tools;
    this.#session = session;
  }

  /** Begins to note what happens. */
  async begin(view: View): Promise<void> {
    const { complaints, requests } = this;
    this.#tools.listen(this.#session, (method, event) => {
      const { type, args, exceptionDetails, entry, request } = event as Noted;
      if (method === "Runtime.consoleAPICalled" && COMPLAINTS.includes(type!)) {
        complaints.push(args!.map(({ value, description }) => value ?? description).join(" "));
      } else if (method === "Runtime.exceptionThrown") {
        const { text, exception } = exceptionDetails!;
        complaints.push(exception?.description ?? text);
      } else if (method === "Log.entryAdded" && COMPLAINTS.includes(entry!.level)) {
        complaints.push(`${entry!.text} ${entry!.url ?? ""}`);
      } else if (method === "Network.requestWillBeSent") requests.push(request!.url);
    });
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await this.send(`${domain}.enable`);
    await this.show(view);
  }

  /** Loads another page and waits until that is done. */
  async go(url: string): Promise<void> {
    await this.send("Page.navigate", { url });
    await this.until('document.readyState === "complete" && location.href !== "about:blank"');
  }

  /** Shows the page otherwise. */
  async show({ width = 1280, height = 800, scheme = "light" }: View): Promise<void> {
    const metrics = { width, height, deviceScaleFactor: 1, mobile: width < 600 };
    await this.send("Emulation.setDeviceMetricsOverride", metrics);
    const features = [{ name: "prefers-color-scheme", value: scheme }];
    await this.send("Emulation.setEmulatedMedia", { features });
  }

  /** What a JavaScript expression results in; a promise is awaited. */
  async evaluate<Value = unknown>(expression: string): Promise<Value> {
    const options = { expression, returnByValue: true, awaitPromise: true };
    const answer: unknown = await this.send("Runtime.evaluate", options);
    const { result, exceptionDetails } = answer as Evaluated;
    if (exceptionDetails !== undefined) {
      const { text, exception } = exceptionDetails;
      throw new Error(`${exception?.description ?? text}\nin ${expression.slice(0, 200)}`);
    }
    return result.value as Value;
  }

  /** Waits until an expression is true. */
  async until(expression: string): Promise<void> {
    const look = `new Promise((resolve) => {
      const end = performance.now() + ${PATIENCE};
      const look = () => {
        let holds = false;
        try {
          holds = Boolean(${expression});
        } catch {
          // What it looks for is not there yet.
        }
        if (holds || performance.now() > end) resolve(holds);
        else setTimeout(look, 20);
      };
      look();
    })`;
    if (await this.evaluate<boolean>(look)) return;
    const text = await this.evaluate<string>("document.body.innerText.slice(0, 2000)");
    throw new Error(`Never true: ${expression}\nThe page shows:\n${text}`);
  }

  /** Waits until an element is there and has this in its text. */
  untilShown(selector: string, text = ""): Promise<void> {
    return this.until(`${find(selector, text)} !== undefined`);
  }

  /** The text of all such elements that are shown. */
  texts(selector: string): Promise<string[]> {
    return this.evaluate(`Array.from(
      document.querySelectorAll(${JSON.stringify(selector)}),
      (element) => element.innerText,
    ).filter((text) => text !== "")`);
  }

  /** Clicks the first such element, or the first with this in its text. */
  async click(selector: string, text = ""): Promise<void> {
    const place = await this.hover(selector, text);
    const button = { ...place, button: "left", clickCount: 1 };
    await this.send("Input.dispatchMouseEvent", { type: "mousePressed", ...button });
    await this.send("Input.dispatchMouseEvent", { type: "mouseReleased", ...button });
  }

  /** Points at the first such element, or the first with this in its text. */
  async hover(selector: string, text = ""): Promise<{ x: number; y: number }> {
    await this.untilShown(selector, text);
    const place = await this.evaluate<{ x: number; y: number }>(`(() => {
      const element = ${find(selector, text)};
      element.scrollIntoView({ block: "nearest", behavior: "instant" });
      const { x, y, width, height } = element.getBoundingClientRect();
      return { x: x + width / 2, y: y + height / 2 };
    })()`);
    await this.send("Input.dispatchMouseEvent", { type: "mouseMoved", ...place });
    return place;
  }

  /** Presses keys, one after the other. */
  async press(...keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      const [number, text] = KEYS[key] ?? [key.toUpperCase().charCodeAt(0), key];
      const event = { key, windowsVirtualKeyCode: number };
      const down = text === undefined ? { type: "rawKeyDown" } : { type: "keyDown", text };
      await this.send("Input.dispatchKeyEvent", { ...event, ...down });
      await this.send("Input.dispatchKeyEvent", { ...event, type: "keyUp" });
    }
  }

  /** Writes where the focus is. */
  async type(text: string): Promise<void> {
    await this.send("Input.insertText", { text });
  }

  /** A picture of what is shown, in a file. */
  async screenshot(path: string): Promise<void> {
    const { data } = await this.send("Page.captureScreenshot", { format: "png" });
    await Deno.writeFile(path, Uint8Array.fromBase64(String(data)));
  }

  /** Sends a command to this page. */
  send(method: string, parameters: Parameters = {}): Promise<Record<string, unknown>> {
    return this.#tools.send(method, parameters, this.#session);
  }
}

/** Kinds and levels of what is said to the console that are complaints. */
const COMPLAINTS = ["error", "assert", "warning"];

/** What is noted of events, each with some of it. */
interface Noted {
  readonly type?: string;
  readonly args?: readonly { readonly value?: unknown; readonly description?: string }[];
  readonly exceptionDetails?: Thrown;
  readonly entry?: { readonly level: string; readonly text: string; readonly url?: string };
  readonly request?: { readonly url: string };
}

interface Thrown {
  readonly text: string;
  readonly exception?: { readonly description?: string };
}

interface Evaluated {
  readonly result: { readonly value?: unknown };
  readonly exceptionDetails?: Thrown;
}

/** An expression for the first such element that is shown and has this in its text. */
function find(selector: string, text: string): string {
  return `Array.from(document.querySelectorAll(${JSON.stringify(selector)})).find((element) =>
    element.checkVisibility() && element.textContent.includes(${JSON.stringify(text)}))`;
}

/** Removes the profile; processes of the browser that are about to end may still write there. */
async function removeFolder(path: string): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      return await Deno.remove(path, { recursive: true });
    } catch (error) {
      if (attempt === 100 || error instanceof Deno.errors.NotFound) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
