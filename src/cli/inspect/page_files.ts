// The files of the page, which come with the program: to serve them, no file is read.

import clipboardJs from "./page/clipboard.js" with { type: "text" };
import connectionsJs from "./page/connections.js" with { type: "text" };
import controlsCss from "./page/controls.css" with { type: "text" };
import conversationCss from "./page/conversation.css" with { type: "text" };
import conversationJs from "./page/conversation.js" with { type: "text" };
import detailCss from "./page/detail.css" with { type: "text" };
import detailJs from "./page/detail.js" with { type: "text" };
import detailHeadJs from "./page/detail_head.js" with { type: "text" };
import diagramJs from "./page/diagram.js" with { type: "text" };
import domJs from "./page/dom.js" with { type: "text" };
import exchangesJs from "./page/exchanges.js" with { type: "text" };
import feedJs from "./page/feed.js" with { type: "text" };
import fieldsJs from "./page/fields.js" with { type: "text" };
import filterJs from "./page/filter.js" with { type: "text" };
import hexJs from "./page/hex.js" with { type: "text" };
import indexHtml from "./page/index.html" with { type: "text" };
import keysJs from "./page/keys.js" with { type: "text" };
import layoutJs from "./page/layout.js" with { type: "text" };
import lessonCss from "./page/lesson.css" with { type: "text" };
import lessonJs from "./page/lesson.js" with { type: "text" };
import lessonTextJs from "./page/lesson_text.js" with { type: "text" };
import mainJs from "./page/main.js" with { type: "text" };
import mermaidJs from "./page/mermaid.js" with { type: "text" };
import messageCss from "./page/message.css" with { type: "text" };
import modelJs from "./page/model.js" with { type: "text" };
import namesJs from "./page/names.js" with { type: "text" };
import pageCss from "./page/page.css" with { type: "text" };
import partsJs from "./page/parts.js" with { type: "text" };
import payloadJs from "./page/payload.js" with { type: "text" };
import payloadJsonJs from "./page/payload_json.js" with { type: "text" };
import payloadViewJs from "./page/payload_view.js" with { type: "text" };
import plotJs from "./page/plot.js" with { type: "text" };
import plotScaleJs from "./page/plot_scale.js" with { type: "text" };
import rowJs from "./page/row.js" with { type: "text" };
import sectionsJs from "./page/sections.js" with { type: "text" };
import standardJs from "./page/standard.js" with { type: "text" };
import statusJs from "./page/status.js" with { type: "text" };
import svgJs from "./page/svg.js" with { type: "text" };
import textJs from "./page/text.js" with { type: "text" };
import toolbarJs from "./page/toolbar.js" with { type: "text" };
import topicDetailCss from "./page/topic_detail.css" with { type: "text" };
import topicsCss from "./page/topics.css" with { type: "text" };
import topicsJs from "./page/topics.js" with { type: "text" };
import topicsDetailJs from "./page/topics_detail.js" with { type: "text" };
import topicsListJs from "./page/topics_list.js" with { type: "text" };
import topicsNodeJs from "./page/topics_node.js" with { type: "text" };
import topicsPacketJs from "./page/topics_packet.js" with { type: "text" };
import topicsRateJs from "./page/topics_rate.js" with { type: "text" };
import topicsRowJs from "./page/topics_row.js" with { type: "text" };
import topicsSeriesJs from "./page/topics_series.js" with { type: "text" };
import topicsTreeJs from "./page/topics_tree.js" with { type: "text" };
import virtualListJs from "./page/virtual_list.js" with { type: "text" };
import welcomeJs from "./page/welcome.js" with { type: "text" };

/** A file. */
export interface PageFile {
  readonly text: string;
  /** Its media type. */
  readonly type: string;
}

const TYPES: readonly (readonly [ending: string, type: string])[] = [
  [".css", "text/css; charset=utf-8"],
  [".js", "text/javascript; charset=utf-8"],
  ["/", "text/html; charset=utf-8"],
];

const TEXTS: readonly (readonly [path: string, text: string])[] = [
  ["/", indexHtml],
  ["/clipboard.js", clipboardJs],
  ["/connections.js", connectionsJs],
  ["/controls.css", controlsCss],
  ["/conversation.css", conversationCss],
  ["/conversation.js", conversationJs],
  ["/detail.css", detailCss],
  ["/detail.js", detailJs],
  ["/detail_head.js", detailHeadJs],
  ["/diagram.js", diagramJs],
  ["/dom.js", domJs],
  ["/exchanges.js", exchangesJs],
  ["/feed.js", feedJs],
  ["/fields.js", fieldsJs],
  ["/filter.js", filterJs],
  ["/hex.js", hexJs],
  ["/keys.js", keysJs],
  ["/layout.js", layoutJs],
  ["/lesson.css", lessonCss],
  ["/lesson.js", lessonJs],
  ["/lesson_text.js", lessonTextJs],
  ["/main.js", mainJs],
  ["/mermaid.js", mermaidJs],
  ["/message.css", messageCss],
  ["/model.js", modelJs],
  ["/names.js", namesJs],
  ["/page.css", pageCss],
  ["/parts.js", partsJs],
  ["/payload.js", payloadJs],
  ["/payload_json.js", payloadJsonJs],
  ["/payload_view.js", payloadViewJs],
  ["/plot.js", plotJs],
  ["/plot_scale.js", plotScaleJs],
  ["/row.js", rowJs],
  ["/sections.js", sectionsJs],
  ["/standard.js", standardJs],
  ["/status.js", statusJs],
  ["/svg.js", svgJs],
  ["/text.js", textJs],
  ["/toolbar.js", toolbarJs],
  ["/topic_detail.css", topicDetailCss],
  ["/topics.css", topicsCss],
  ["/topics.js", topicsJs],
  ["/topics_detail.js", topicsDetailJs],
  ["/topics_list.js", topicsListJs],
  ["/topics_node.js", topicsNodeJs],
  ["/topics_packet.js", topicsPacketJs],
  ["/topics_rate.js", topicsRateJs],
  ["/topics_row.js", topicsRowJs],
  ["/topics_series.js", topicsSeriesJs],
  ["/topics_tree.js", topicsTreeJs],
  ["/virtual_list.js", virtualListJs],
  ["/welcome.js", welcomeJs],
];

/** The files by their paths. */
export const PAGE_FILES: ReadonlyMap<string, PageFile> = new Map(
  TEXTS.map(([path, text]) => {
    const [, type] = TYPES.find(([ending]) => path.endsWith(ending))!;
    return [path, { text, type }];
  }),
);
