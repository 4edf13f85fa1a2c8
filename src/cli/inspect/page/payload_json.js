// @ts-check
// JSON as it was written, but with a line for each member: numbers keep all their digits and names
// that occur twice stay, which they would not as values of JavaScript. Of a text that was cut, what
// there is.

/**
 * A piece of a line. A number that is a member of something has a path.
 *
 * @typedef {object} Part
 * @property {"key" | "string" | "number" | "word" | "mark"} kind
 * @property {string} text
 * @property {string} [path] such as `sensors[0].value`
 */

/** @typedef {{ depth: number, parts: Part[] }} Line */

/**
 * @typedef {object} Json
 * @property {Line[]} lines
 * @property {Map<string, number>} numbers the numbers in it, by their path
 * @property {boolean} isWhole whether this is all of it
 */

/**
 * An object or array that is not over.
 *
 * @typedef {object} Container
 * @property {boolean} isArray
 * @property {string} path
 * @property {number} index of the member that comes, in an array
 * @property {string | undefined} key of the member that comes, in an object, once it has been read
 */

const TOKEN =
  /\s*(?:("[^"\\]*(?:\\.[^"\\]*)*")|(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)|(true|false|null)|([{}[\],:]))/gsy;

/** Anything deeper is no message that somebody reads. */
const DEPTH = 100;

/** As many lines are shown. */
const LINES = 2000;

/** As many numbers can be told apart. */
const NUMBERS = 500;

const NAME = /^[\p{L}_$][\p{L}\p{N}_$-]*$/u;

/**
 * Whether a text is JSON.
 *
 * @param {string} text
 */
export function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Reads a text that is JSON, or the beginning of it.
 *
 * @param {string} text
 * @param {boolean} [isCut] whether it is only a beginning
 * @returns {Json | undefined} nothing if it is not JSON, or too deep
 */
export function readJson(text, isCut = false) {
  if (!isCut && !isJson(text)) return undefined;
  const reader = new Reader();
  let end = 0;
  for (const { 0: { length }, 1: string, 2: number, 3: word, 4: mark } of text.matchAll(TOKEN)) {
    // The last digits of one at the very end may be missing.
    if (number !== undefined && isCut && !/[\s,\]}]/.test(text[end + length] ?? "")) break;
    end += length;
    if (reader.lines.length > LINES) return { ...reader, isWhole: false };
    if (string !== undefined) reader.string(string);
    else if (number !== undefined) reader.number(number);
    else if (word !== undefined) reader.put("word", word);
    else if (mark === "{" || mark === "[") reader.open(mark);
    else if (mark === "}" || mark === "]") reader.close(mark);
    else if (mark === ",") reader.comma();
    else reader.put("mark", ": ");
    if (reader.depth > DEPTH) return undefined;
  }
  const rest = text.slice(end).trim();
  if (!mayBegin(rest)) return undefined;
  if (rest !== "") reader.put("word", rest);
  return { lines: reader.lines, numbers: reader.numbers, isWhole: !isCut };
}

/**
 * The numbers of JSON by their path.
 *
 * @param {string} text
 * @param {boolean} isCut whether it is only a beginning
 * @returns {ReadonlyMap<string, number>}
 */
export function numbersIn(text, isCut) {
  return readJson(text, isCut)?.numbers ?? new Map();
}

/** Writes the lines. */
class Reader {
  /** @type {Line[]} */
  lines = [{ depth: 0, parts: [] }];
  /** @type {Map<string, number>} */
  numbers = new Map();
  /** @type {Container[]} */
  #stack = [];
  #hasJustOpened = false;

  get depth() {
    return this.#stack.length;
  }

  /**
   * @param {Part["kind"]} kind
   * @param {string} text
   * @param {string} [path]
   */
  put(kind, text, path) {
    if (this.#hasJustOpened) this.#breakLine();
    this.#hasJustOpened = false;
    const part = path === undefined ? { kind, text } : { kind, text, path };
    this.lines.at(-1)?.parts.push(part);
  }

  /** @param {string} text */
  string(text) {
    const container = this.#stack.at(-1);
    const isKey = container !== undefined && !container.isArray && container.key === undefined;
    if (isKey) container.key = isJson(text) ? JSON.parse(text) : text;
    this.put(isKey ? "key" : "string", text);
  }

  /** @param {string} text */
  number(text) {
    const path = this.#path();
    this.put("number", text, path);
    const { numbers } = this;
    if (numbers.size < NUMBERS || numbers.has(path)) numbers.set(path, Number(text));
  }

  /** @param {"{" | "["} mark */
  open(mark) {
    this.put("mark", mark);
    const container = { isArray: mark === "[", path: this.#path(), index: 0, key: undefined };
    this.#stack.push(container);
    this.#hasJustOpened = true;
  }

  /** @param {"}" | "]"} mark */
  close(mark) {
    this.#stack.pop();
    if (!this.#hasJustOpened) this.#breakLine();
    this.#hasJustOpened = false;
    this.put("mark", mark);
  }

  comma() {
    this.put("mark", ",");
    const container = this.#stack.at(-1);
    if (container !== undefined) {
      container.index++;
      container.key = undefined;
    }
    this.#breakLine();
  }

  #breakLine() {
    this.lines.push({ depth: this.depth, parts: [] });
  }

  /** The path of the member that comes. */
  #path() {
    const container = this.#stack.at(-1);
    if (container === undefined) return "";
    const { isArray, path, index, key = "" } = container;
    if (isArray) return `${path}[${index}]`;
    if (!NAME.test(key)) return `${path}[${JSON.stringify(key)}]`;
    return path === "" ? key : `${path}.${key}`;
  }
}

/**
 * Whether a token may begin like this, which is not over.
 *
 * @param {string} rest
 */
function mayBegin(rest) {
  return rest === "" || rest.startsWith('"') || /^-?\d*[\d.eE+-]*$/.test(rest) ||
    ["true", "false", "null"].some((word) => word.startsWith(rest));
}
