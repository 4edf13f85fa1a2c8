// @ts-check
/// <reference lib="dom" />
// The topics as a tree.

/** @import { Feed } from "./feed.js" */

/**
 * Shows the topics.
 *
 * @param {HTMLElement} _host
 * @param {Feed} _feed
 */
export function mountTopics(_host, _feed) {}
