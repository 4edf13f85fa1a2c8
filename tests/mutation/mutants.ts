// Single-token mutants of a source: each is one small mistake, such as `<` where `<=` stood. Types
// are blanked out first (they do nothing when the program runs), and what is in strings, comments
// and regular expressions is left alone.

import { stripTypeScriptTypes } from "node:module";

/** A source with one token changed. */
export interface Mutant {
  /** Where the token begins, in UTF-16 code units. */
  readonly offset: number;
  /** The line it is on, counted from 1. */
  readonly line: number;
  /** The token. */
  readonly from: string;
  /** What it becomes; empty where it goes. */
  readonly to: string;
}

const SWAPS: Readonly<Record<string, string>> = {
  "===": "!==",
  "!==": "===",
  "<": "<=",
  "<=": "<",
  ">": ">=",
  ">=": ">",
  "&&": "||",
  "||": "&&",
  "??": "&&",
  "+": "-",
  "-": "+",
  "*": "/",
  "/": "*",
  "%": "*",
  "<<": ">>",
  ">>": "<<",
  ">>>": "<<",
  "&": "|",
  "|": "&",
  "^": "&",
  "++": "--",
  "--": "++",
  "+=": "-=",
  "-=": "+=",
  "|=": "&=",
  "&=": "|=",
  "??=": "&&=",
  "!": "",
  true: "false",
  false: "true",
  continue: "break",
};

/** Names that are swapped behind a dot. */
const METHODS: Readonly<Record<string, string>> = {
  min: "max",
  max: "min",
  some: "every",
  every: "some",
  push: "unshift",
  shift: "pop",
};

/** What is before the star of a generator, of `yield*` or of all that a module has. */
const BEFORE_STAR = /^(?:function|async|static|yield|import|export|[{};,]|)$/;

/** What an operand of `??` cannot have in it unless it is in parentheses. */
const LOOSER = /^(?:[;,:?]|=>|(?:\?\?|\|\||&&|[-+*/%&|^])?=|return|await|yield)$/;

const COMMENT = /\/\/.*|\/\*[\s\S]*?\*\//y;
const STRING = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/y;
const REGULAR_EXPRESSION = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
const NUMBER = /0x[\da-fA-F_]+|0b[01_]+|\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?/y;
const WORD = /[#@]?[\p{ID_Start}$_][\p{ID_Continue}$]*/uy;
const PUNCTUATOR =
  />>>=|\.\.\.|===|!==|\*\*=|<<=|>>=|>>>|&&=|\|\|=|\?\?=|=>|==|!=|<=|>=|&&|\|\||\?\?|\?\.|\+\+|--|\+=|-=|\*=|\/=|%=|&=|\|=|\^=|<<|>>|\*\*|[{}()[\];,<>+\-*/%&|^!~?:=.]/y;
const TEMPLATE_PART = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*/y;

/** What a value may end with: a slash behind it divides. */
const ENDS_VALUE = /^(?:[\])}\w$#]|\p{ID_Continue})/u;
const BEFORE_REGULAR_EXPRESSION = /^(?:return|typeof|case|in|of|await|yield|else|do)$/;

/** All mutants of a source in TypeScript, in the order of their places. */
export function mutantsOf(source: string): Mutant[] {
  const code = stripTypeScriptTypes(source);
  const mutants: Mutant[] = [];
  let line = 1;
  let counted = 0;
  const tokens = [...tokensOf(code)];
  for (const [index, { offset, text }] of tokens.entries()) {
    const to = mutated(text, tokens[index - 1]?.text ?? "");
    // `??` must not stand beside `&&`.
    if (to !== undefined && !(text === "??" && isInChain(tokens, index))) {
      for (; counted < offset; counted++) if (code[counted] === "\n") line++;
      mutants.push({ offset, line, from: text, to });
    }
  }
  return mutants;
}

/** The source with the token changed. */
export function apply(source: string, { offset, from, to }: Mutant): string {
  if (!source.startsWith(from, offset)) throw new Error(`There is no ${from} at ${offset}`);
  return source.slice(0, offset) + to + source.slice(offset + from.length);
}

function mutated(token: string, before: string): string | undefined {
  if (/^\d/.test(token)) {
    const value = Number(token.replaceAll("_", ""));
    return String(value === 1 ? 0 : value + 1);
  }
  if (token === "*" && BEFORE_STAR.test(before)) return undefined;
  if (before === ".") return Object.hasOwn(METHODS, token) ? METHODS[token] : undefined;
  return Object.hasOwn(SWAPS, token) ? SWAPS[token] : undefined;
}

/** Whether a `??` has another for its neighbor, as in `a ?? b ?? c`. */
function isInChain(tokens: readonly Token[], index: number): boolean {
  return [-1, 1].some((step) => {
    let depth = 0;
    for (let at = index + step; depth >= 0 && at in tokens; at += step) {
      const { text } = tokens[at]!;
      if (/^[)\]}]$/.test(text)) depth -= step;
      else if (/^[([{]$/.test(text)) depth += step;
      else if (depth === 0 && text === "??") return true;
      else if (depth === 0 && LOOSER.test(text)) return false;
    }
    return false;
  });
}

/** A token of a program. */
interface Token {
  readonly offset: number;
  readonly text: string;
}

/** The tokens of a program without types; strings are left out. */
function* tokensOf(code: string): Generator<Token> {
  let offset = 0;
  let last = "";
  // Braces that are open; those of `${` in a template are marked, because text follows them.
  const braces: ("{" | "${")[] = [];
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = offset;
    return pattern.exec(code)?.[0];
  };
  const template = () => {
    offset += match(TEMPLATE_PART)!.length;
    if (code.startsWith("${", offset)) {
      braces.push("${");
      offset += 2;
      last = "{";
    } else {
      offset++;
      last = "string";
    }
  };
  while (offset < code.length) {
    const character = code[offset]!;
    if (/\s/.test(character)) {
      offset++;
      continue;
    }
    const comment = match(COMMENT);
    if (comment !== undefined) {
      offset += comment.length;
      continue;
    }
    if (character === "`") {
      offset++;
      template();
      continue;
    }
    const isValue = ENDS_VALUE.test(last.at(-1) ?? "") && !BEFORE_REGULAR_EXPRESSION.test(last);
    const skipped = match(STRING) ??
      (character === "/" && !isValue ? match(REGULAR_EXPRESSION) : undefined);
    if (skipped !== undefined) {
      offset += skipped.length;
      last = "string";
      continue;
    }
    const text = match(NUMBER) ?? match(WORD) ?? match(PUNCTUATOR);
    if (text === undefined) throw new Error(`Cannot read ${code.slice(offset, offset + 20)}`);
    if (text === "{") braces.push("{");
    const opened = text === "}" ? braces.pop() : undefined;
    yield { offset, text };
    offset += text.length;
    last = text;
    if (opened === "${") template();
  }
}
