// RFC 4013 SASLprep: text beyond ASCII in the one form that both ends compute with, however a
// keyboard made it. The platform's NFKC gives what Unicode 3.2 did for its characters, but for
// five; `tests/session/saslprep_test.ts` compares every character.

import { LEFT_TO_RIGHT, RIGHT_TO_LEFT, UNASSIGNED } from "./unicode_tables.ts";

/**
 * Text as SASLprep has it.
 *
 * @param name what it is, for the error
 * @param takesUnassigned whether characters may be newer than Unicode 3.2, as in a query (RFC 3454,
 *   §7)
 * @throws {TypeError} when it has a character that is not allowed
 */
export function saslprep(name: string, text: string, takesUnassigned = false): string {
  if (/^[ -~]*$/.test(text)) return text;
  const mapped = text.replace(SPACES, " ").replace(MAPPED_TO_NOTHING, "");
  if (!takesUnassigned) checkAssigned(name, mapped);
  check(name, CHANGED_LATER, mapped, NOT_ALLOWED);
  const normalized = mapped.normalize("NFKC");
  check(name, PROHIBITED, normalized, NOT_ALLOWED);
  if (RIGHT_TO_LEFT.test(normalized)) checkDirection(name, normalized);
  return normalized;
}

const NOT_ALLOWED = "which SASLprep (RFC 4013) does not allow";

/** Table C.1.2, which comes first: U+200B is in table B.1, too. */
const SPACES = /[\u00A0\u1680\u2000-\u200B\u202F\u205F\u3000]/gu;

/** Table B.1. */
const MAPPED_TO_NOTHING =
  /[\u00AD\u034F\u1806\u180B-\u180D\u200C\u200D\u2060\uFE00-\uFE0F\uFEFF]/gu;

/** Unicode has normalized these to other characters since version 4.0 (Corrigendum 4). */
const CHANGED_LATER = /[\u{2F868}\u{2F874}\u{2F91F}\u{2F95F}\u{2F9BF}]/u;

/** Tables C.2 to C.9: controls, private use, noncharacters, surrogates, and what changes others. */
const PROHIBITED =
  /[\p{Cc}\p{Co}\p{Cs}\p{Noncharacter_Code_Point}\u0340\u0341\u06DD\u070F\u180E\u200E\u200F\u2028-\u202E\u2061-\u2063\u206A-\u206F\u2FF0-\u2FFB\uFFF9-\uFFFD\u{1D173}-\u{1D17A}\u{E0001}\u{E0020}-\u{E007F}]/u;

function check(name: string, prohibited: RegExp, text: string, why: string): void {
  const found = prohibited.exec(text)?.[0];
  if (found !== undefined) throw refusal(name, found, why);
}

function checkAssigned(name: string, text: string): void {
  // It is read for each text anew: there are few, and many programs never have one.
  const runs = UNASSIGNED.trim().split(/\s+/).map((run) => parseInt(run, 36));
  for (const character of text) {
    const code = character.codePointAt(0)!;
    let at = 0;
    const run = runs.findIndex((length) => code < (at += length));
    if (run % 2 === 0 || run < 0) continue;
    throw refusal(name, character, `${NOT_ALLOWED}: Unicode 3.2 does not have it`);
  }
}

/** RFC 3454, §6. */
function checkDirection(name: string, text: string): void {
  const characters = Array.from(text);
  for (const character of characters) {
    if (RIGHT_TO_LEFT.test(character) || !LEFT_TO_RIGHT.test(character)) continue;
    const why = "which SASLprep (RFC 4013) does not allow beside one from right to left";
    throw refusal(name, character, why);
  }
  for (const character of [characters[0]!, characters.at(-1)!]) {
    if (RIGHT_TO_LEFT.test(character)) continue;
    throw refusal(name, character, "where SASLprep (RFC 4013) expects one from right to left");
  }
}

function refusal(name: string, character: string, why: string): TypeError {
  const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
  return new TypeError(`The ${name} has the character U+${code}, ${why}`);
}
