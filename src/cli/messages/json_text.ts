// JSON as text. `JSON.parse` rounds numbers, drops members whose name comes again and sorts names
// that look like numbers; here they stay as they were written.

/** A token of JSON: a string, a mark such as `{`, or a number, `true`, `false` or `null`. */
interface Token {
  /** The token, a string in the shortest form that `JSON.stringify` has for it. */
  readonly text: string;
  readonly kind: "string" | "mark" | "word";
}

/** Ends a number or a word. */
const END_OF_WORD = /[\s[\]{}:,"]/g;

/**
 * JSON without blanks between its tokens; numbers, order and repeated names stay.
 *
 * @throws {SyntaxError} when the text is not JSON
 */
export function compactJson(text: string): string {
  JSON.parse(text);
  let compact = "";
  for (const token of tokensOf(text)) compact += token.text;
  return compact;
}

/**
 * The value of a member of a JSON object, compact; of the last, where its name is repeated.
 *
 * @param text valid JSON
 */
export function memberOf(text: string, name: string): string | undefined {
  const wanted = JSON.stringify(name);
  let depth = 0;
  let value: string | undefined;
  let isName = true;
  let isWanted = false;
  for (const token of tokensOf(text)) {
    const mark = token.kind === "mark" ? token.text : "";
    if (mark === "}" || mark === "]") depth--;
    if (depth === 0 || depth === 1 && mark === ",") isName = true;
    else if (depth === 1 && mark === ":") isName = false;
    else if (depth === 1 && isName) {
      isWanted = token.text === wanted;
      if (isWanted) value = "";
    } else if (isWanted) value += token.text;
    if (mark === "{" || mark === "[") depth++;
  }
  return value;
}

function* tokensOf(text: string): Generator<Token> {
  for (let at = 0; at < text.length;) {
    const first = text[at]!;
    if (first === '"') {
      const end = endOfString(text, at);
      yield { text: JSON.stringify(JSON.parse(text.slice(at, end))), kind: "string" };
      at = end;
    } else if ("[]{}:,".includes(first)) {
      yield { text: first, kind: "mark" };
      at++;
    } else if (/\s/.test(first)) at++;
    else {
      END_OF_WORD.lastIndex = at;
      const end = END_OF_WORD.exec(text)?.index ?? text.length;
      yield { text: text.slice(at, end), kind: "word" };
      at = end;
    }
  }
}

/** Where the string ends that begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1;; at++) {
    const character = text[at];
    if (character === '"') return at + 1;
    if (character === "\\") at++;
  }
}
