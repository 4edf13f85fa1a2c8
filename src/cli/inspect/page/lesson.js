// @ts-check
/// <reference lib="dom" />
// The lesson of `mqtt5 demo`.

/** @import { Feed } from "./feed.js" */

/**
 * Shows where the lesson is, if there is one; `host` is hidden until then.
 *
 * @param {HTMLElement} _host
 * @param {Feed} _feed
 */
export function mountLesson(_host, _feed) {}
