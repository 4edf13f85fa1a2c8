// Where the page's links into the standard lead.

import { assertEquals } from "@std/assert";
import { anchorOf } from "../../../../src/cli/inspect/page/sections.js";

Deno.test("sections of the standard have the anchors of the published document", () => {
  const anchors = {
    "2": "_Toc3901019",
    "2.1.2": "_Toc3901022",
    "2.2.2": "_Toc3901027",
    "2.4": "_Toc3901031",
    "3.1.2.10": "_Toc3901045",
    "3.2.2.2": "_Toc3901079",
    "3.3": "_Toc3901100",
    "3.3.1.2": "_Toc3901103",
    "3.3.2.3.4": "_Toc3901113",
    "3.15.2": "_Toc3901219",
    "4.3": "_Toc3901234",
    "4.7.3": "_Toc3901247",
  };
  for (const [section, anchor] of Object.entries(anchors)) assertEquals(anchorOf(section), anchor);
});

Deno.test("what is no section of chapters 2 to 4 has no anchor", () => {
  for (const section of ["", "1.5.4", "3.1.2.13", "5", "constructor"]) {
    assertEquals(anchorOf(section), undefined);
  }
});
