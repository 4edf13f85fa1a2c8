// The files of the page, which come with the program: to serve them, no file is read.

import index from "./page/index.html" with { type: "text" };
import main from "./page/main.js" with { type: "text" };
import style from "./page/page.css" with { type: "text" };

/** A file. */
export interface PageFile {
  readonly text: string;
  readonly type: string;
}

const script = (text: string): PageFile => ({ text, type: "text/javascript; charset=utf-8" });
const sheet = (text: string): PageFile => ({ text, type: "text/css; charset=utf-8" });

/** The files by their paths. */
export const PAGE_FILES: ReadonlyMap<string, PageFile> = new Map([
  ["/", { text: index, type: "text/html; charset=utf-8" }],
  ["/page.css", sheet(style)],
  ["/main.js", script(main)],
]);
