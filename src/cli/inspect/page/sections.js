// @ts-check
// The sections of the standard, and where they are in the published document.

/**
 * How many subsections the sections of chapters 2 to 4 have. In the published document the anchors
 * of all headings are numbered in their order.
 *
 * @type {{ readonly [section: string]: number }}
 */
const SUBSECTIONS = {
  ...{ 2: 4, 2.1: 4, 2.2: 2, "2.2.2": 2, 3: 15 },
  ...{ 3.1: 4, "3.1.2": 12, "3.1.2.11": 10, "3.1.3": 6, "3.1.3.2": 8 },
  ...{ 3.2: 3, "3.2.2": 3, "3.2.2.1": 1, "3.2.2.3": 18 },
  ...{ 3.3: 4, "3.3.1": 4, "3.3.2": 3, "3.3.2.3": 9 },
  ...{ 3.4: 4, "3.4.2": 2, "3.4.2.2": 3, 3.5: 4, "3.5.2": 2, "3.5.2.2": 3 },
  ...{ 3.6: 4, "3.6.2": 2, "3.6.2.2": 3, 3.7: 4, "3.7.2": 2, "3.7.2.2": 3 },
  ...{ 3.8: 4, "3.8.2": 1, "3.8.2.1": 3, "3.8.3": 1, 3.9: 3, "3.9.2": 1, "3.9.2.1": 3 },
  ...{ "3.10": 4, "3.10.2": 1, "3.10.2.1": 2, 3.11: 3, "3.11.2": 1, "3.11.2.1": 3 },
  ...{ 3.12: 4, 3.13: 4, 3.14: 4, "3.14.2": 2, "3.14.2.2": 5 },
  ...{ 3.15: 4, "3.15.2": 2, "3.15.2.2": 5 },
  ...{ 4: 13, 4.1: 2, 4.3: 3, 4.7: 3, "4.7.1": 3, 4.8: 2, "4.10": 2, 4.12: 1, 4.13: 2 },
};

/** The anchor of chapter 2. */
const FIRST = 3901019;

/**
 * The anchor of a section in the published document, if it is in chapter 2, 3 or 4.
 *
 * @param {string} section
 * @returns {string | undefined}
 */
export function anchorOf(section) {
  let number = FIRST;
  /** @param {string} at @returns {boolean} Whether the section is this one, or below it. */
  function walk(at) {
    if (at === section) return true;
    number++;
    const count = SUBSECTIONS[at] ?? 0;
    for (let index = 1; index <= count; index++) if (walk(`${at}.${index}`)) return true;
    return false;
  }
  return ["2", "3", "4"].some(walk) ? `_Toc${number}` : undefined;
}
