// `-F` beside mosquitto_sub: what every letter with every setting makes of messages of all kinds.
// All formats are one, with marks between them, so that each tool runs but once for a message.
// Where ours differs, both are told, and why.

import { assertEquals, assertGreater, assertLess, assertStringIncludes } from "@std/assert";
import type { PublishOptions } from "../../../mod.ts";
import type { Mosquitto } from "../../io/mosquitto.ts";
import { type Outcome, receive, runBoth, sideBySideTest } from "./side_by_side.ts";

/** Stands in no output. */
const MARK = "<|>";

/** A message, as a library publishes it. */
interface Sent {
  readonly topic: string;
  readonly payload: string | Uint8Array;
  readonly options?: PublishOptions;
}

const MESSAGES: Readonly<Record<string, Sent>> = {
  "with all properties": {
    topic: "a/grüß/☃",
    payload: "a payload of some length, ☃, with 𝄞 and \ttabs, so long that it fills each field",
    options: {
      qos: 2,
      payloadFormatIndicator: 1,
      messageExpiryInterval: 86_400,
      contentType: "text/☃",
      responseTopic: "r/ö",
      correlationData: new Uint8Array([0, 1, 0xff, 0x41]),
      userProperties: [["b ä", "1"], ["10", "2"], ["9", ""], ["b ä", "3"]],
    },
  },
  "with no property": { topic: "none", payload: "x" },
  "with binary content": {
    topic: "binary",
    payload: Uint8Array.from({ length: 256 }, (_, index) => index),
    options: {
      qos: 1,
      correlationData: new Uint8Array(),
      contentType: "",
      userProperties: [["", ""]],
    },
  },
  "without content": { topic: "empty", payload: "", options: { qos: 1, responseTopic: "r" } },
};

/** Letters whose output depends on the message alone. */
const LETTERS = [..."%ACDEFlmpPqrRStxX"];
const WIDTHS = ["", "0", "1", "3", "8", "40", "040", "007"].flatMap((
  width,
) => [width, `-${width}`]);
const PRECISIONS = ["", ".", ".0", ".1", ".5", ".33"];

const OTHERS = ["\\\\", "\\0", "\\a", "\\e", "\\n", "\\r", "\\t", "\\v", "@@", "%%%%", ""];
OTHERS.push(
  "text, ☃ and 𝄞",
  "%t:%p\\t%l%%",
  "%-8t|%8q|%08l|",
  "@%",
  "@n@t",
  "@é",
  "@☃",
  "@1",
  "@Q@J",
);

/** What each makes of each format. */
interface Shown {
  readonly theirs: readonly string[];
  readonly ours: readonly string[];
}

/** Both receive the message and show it in each format. */
async function show(
  server: Mosquitto,
  { topic, payload, options }: Sent,
  formats: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Shown> {
  const identifier = ["-D", "subscribe", "subscription-identifier", "7"];
  const args = ["-t", topic, "-q", "2", "-C", "1", "-N", "-F", formats.join(MARK), ...identifier];
  const [theirs, ours] = await receive(
    server,
    args,
    (client) => client.publish(topic, payload, options),
    { env },
  );
  assertEquals([theirs.exitCode, ours.exitCode], [0, 0]);
  const parts = ({ stdout }: Outcome) => stdout.split(MARK);
  const shown = { theirs: parts(theirs), ours: parts(ours) };
  assertEquals([shown.theirs.length, shown.ours.length], [formats.length, formats.length]);
  return shown;
}

/** Both show the same. */
function assertSame({ theirs, ours }: Shown, formats: readonly string[]): void {
  formats.forEach((format, index) => assertEquals(ours[index], theirs[index], format));
}

for (const [name, sent] of Object.entries(MESSAGES)) {
  sideBySideTest(`-F shows a message ${name} as mosquitto_sub does`, async (server) => {
    const size = new Blob([sent.payload as BlobPart]).size;
    const formats = LETTERS.flatMap((letter) =>
      WIDTHS.flatMap((width) => PRECISIONS.map((precision) => `%${width}${precision}${letter}`))
    ).filter((format) => !isPayloadIn(format, size));
    formats.push(...OTHERS);
    assertSame(await show(server, sent, formats), formats);
  });
}

/**
 * Whether a format shows a payload in one of the ways in which they differ, for which there is a
 * test below.
 */
function isPayloadIn(format: string, size: number): boolean {
  const [, left, width, letter] = /^%(-?)(\d*)\.?\d*([pxX])$/.exec(format) ?? [];
  if (letter === undefined) return false;
  if (Number(width) === 0) return left === "-" && size > 0;
  return letter !== "p" && Number(width) > size;
}

sideBySideTest(
  "-F %-p puts no blanks behind a payload that has no field to fill",
  async (server) => {
    // mosquitto_sub takes the length of the payload for the width of the blanks.
    const formats = ["%-p|", "%-x|", "%-0X|"];
    assertEquals(await show(server, { topic: "a", payload: "abc" }, formats), {
      theirs: ["abc   |", "616263   |", "616263   |"],
      ours: ["abc|", "616263|", "616263|"],
    });
  },
);

sideBySideTest("-F %9x shows as many bytes as fit", async (server) => {
  // mosquitto_sub takes the columns for bytes, halves what fits, and so hides half of a payload for
  // which there is room.
  const formats = ["%9x|", "%-9x|", "%09X|", "%3x|", "%2x|", "%1x|"];
  assertEquals(await show(server, { topic: "a", payload: "jkl" }, formats), {
    theirs: ["       6a|", "6a       |", "00000006A|", " 6a|", "6a|", " |"],
    ours: ["   6a6b6c|", "6a6b6c   |", "0006A6B6C|", " 6a|", "6a|", " |"],
  });
});

sideBySideTest("-F %E knows intervals that have no sign", async (server) => {
  const options = { messageExpiryInterval: 4_000_000_000 };
  const { theirs, ours } = await show(server, { topic: "a", payload: "", options }, ["%E"]);
  assertEquals([theirs, ours], [["-294967296"], ["4000000000"]]);
});

/** Letters of strftime that stay the same for an hour. */
const HOURLY = [..."aAbBCdDeFgGhHIjklmpPuUVwWxyYz"].map((letter) => `@${letter}`);
HOURLY.push("%.13I", "%30.13I", "%-30.10I", "%030.4I", "@Y-@m-@dT@H@z");

for (
  const zone of ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "America/St_Johns"]
) {
  sideBySideTest(`-F shows times in ${zone} as mosquitto_sub does`, async (server) => {
    const formats = [...HOURLY, ...zone === "America/St_Johns" ? [] : ["@Z"]];
    for (;;) {
      const before = quarterOfAnHour();
      const shown = await show(server, { topic: "a", payload: "" }, formats, { TZ: zone });
      // They do not look at the clock in the same moment.
      if (quarterOfAnHour() !== before) continue;
      return assertSame(shown, formats);
    }
  });
}

function quarterOfAnHour(): number {
  return Math.floor(Date.now() / 900_000);
}

sideBySideTest(
  "-F @Z shows an offset where the platform has no name for the zone",
  async (server) => {
    const zone = { TZ: "America/St_Johns" };
    const { theirs, ours } = await show(server, { topic: "a", payload: "" }, ["@Z"], zone);
    assertEquals(theirs[0]!.replace("NDT", "NST"), "NST");
    assertEquals(ours[0]!.replace("-0230", "-0330"), "-0330");
  },
);

sideBySideTest("-F @s, @N, @S, @c and %U show the time of the message", async (server) => {
  const formats = ["@s.@N", "%U", "%5.2U", "@c UTC", "@F @T UTC", "@x @X UTC", "@D @r UTC", "%I"];
  const begin = Date.now();
  const shown = await show(server, { topic: "a", payload: "" }, formats, { TZ: "UTC" });
  const end = Date.now();
  for (const texts of [shown.theirs, shown.ours]) {
    texts.forEach((text, index) => {
      const isCount = /^\d{10}\.\d{9}$/.test(text);
      assertEquals(isCount, index < 3, text);
      const time = isCount ? Number(text) * 1000 : Date.parse(text);
      // Texts leave out what is less than a second.
      assertGreater(time, begin - (isCount ? 2 : 1001), `${formats[index]}: ${text}`);
      assertLess(time, end + 2, `${formats[index]}: ${text}`);
    });
  }
});

/**
 * Of JSON, the time alone differs: `Z` and an offset cannot be used together, in mosquitto_sub they
 * stand side by side.
 */
function assertSameJson({ theirs, ours }: Shown): void {
  const time = /^\{"tst":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z?)\+0545",/;
  theirs.forEach((text, index) => {
    assertEquals(time.exec(text)?.[1], "Z", text);
    assertEquals(time.exec(ours[index]!)?.[1], "", ours[index]);
    assertEquals(ours[index]!.replace(time, ""), text.replace(time, ""));
  });
}

const FORMATS = ["%j", "%-09.3j"];
const TZ = "Asia/Kathmandu";

for (
  const [name, sent] of Object.entries<Sent>({
    "with all properties": {
      ...MESSAGES["with all properties"]!,
      options: {
        ...MESSAGES["with all properties"]!.options,
        correlationData: new Uint8Array([0x41]),
      },
    },
    "with no property": MESSAGES["with no property"]!,
    "without content": MESSAGES["without content"]!,
    "of characters that JSON escapes": {
      topic: 'a"\\/b',
      payload: '\b\f\n\r\t\v\x01\x1f\x7f"\\/ü☃𝄞\u2028',
    },
  })
) {
  sideBySideTest(`-F %j shows a message ${name} as mosquitto_sub does`, async (server) => {
    assertSameJson(await show(server, sent, FORMATS, { TZ }));
  });
}

for (
  const payload of [
    "",
    "null",
    "true",
    '"t\\u00e4xt"',
    "[1, -2.5, [],{}]",
    ' {"b": {"c" : "☃"},\n"a":[ ]} ',
  ]
) {
  sideBySideTest(`-F %J shows ${JSON.stringify(payload)} as mosquitto_sub does`, async (server) => {
    assertSameJson(await show(server, { topic: "a", payload }, ["%J"], { TZ }));
  });
}

sideBySideTest(
  "-F %J keeps the numbers of a payload, where mosquitto_sub rounds them",
  async (server) => {
    const payload = '{"t": 1688888483063664642, "10": 1.0, "9": [-1e3], "t": 2}';
    const { theirs, ours } = await show(server, { topic: "a", payload }, ["%J"]);
    const rounded = '{"t":1.6888884830636646e+18,"10":1,"9":[-1000],"t":2}';
    const kept = '{"t":1688888483063664642,"10":1.0,"9":[-1e3],"t":2}';
    assertStringIncludes(theirs[0]!, `,"payload":${rounded}}`);
    assertStringIncludes(ours[0]!, `,"payload":${kept}}`);
  },
);

sideBySideTest(
  "sub -F shows no Subscription Identifier that was not asked for",
  async (server) => {
    const args = ["-t", "a", "-C", "1", "-F", "%S|%j|%J"];
    const outcomes = await receive(server, args, (client) => client.publish("a", "1"), {
      env: { TZ },
    });
    const [theirs, ours] = outcomes.map(({ stdout }) =>
      stdout.replaceAll(/"tst":"[^"]+"/g, '"tst":""')
    );
    assertEquals(ours, theirs);
    assertStringIncludes(ours!, '|{"tst":"","topic":"a","qos":0,');
  },
);

sideBySideTest(
  "-F %J shows a payload that is not JSON as text, where mosquitto_sub shows nothing",
  async (server) => {
    const { theirs, ours } = await show(server, { topic: "a", payload: "no JSON" }, ["%J"]);
    assertEquals(theirs, [""]);
    assertStringIncludes(ours[0]!, ',"payload":"no JSON"}');
  },
);

sideBySideTest("-F %j is JSON for bytes that are no text, too", async (server) => {
  const payload = new Uint8Array([0x41, 0, 0xff]);
  const options = { correlationData: payload };
  const { theirs, ours } = await show(server, { topic: "a", payload, options }, ["%j"]);
  // mosquitto_sub ends both at the NUL.
  assertStringIncludes(theirs[0]!, '"correlation-data":"A"},"payload":"A"}');
  assertStringIncludes(
    ours[0]!,
    '"correlation-data":"QQD/"},"payload":"A\\u0000\ufffd"}'.replace("\ufffd", "\xef\xbf\xbd"),
  );
});

/** Formats that are none. */
const MISTAKES = [
  "%",
  "%5",
  "%-",
  "%0",
  "%.",
  "%.3",
  "text%",
  "%%%",
  "%--t",
  "%5-t",
  "%-0-t",
  "% t",
  "%+t",
  "%*t",
];
MISTAKES.push("%.5.5t", "%Q", "%i", "%é", "\\", "\\\\\\", "\\q", "\\x41", "\\b", "\\é", "@", "%t@");

sideBySideTest("-F refuses what mosquitto_sub refuses", async (server) => {
  for (const format of MISTAKES) {
    const outcomes = await runBoth(server, "sub", ["-t", "a", "-F", format]);
    assertEquals(outcomes.map(({ exitCode }) => exitCode), [1, 2], format);
    assertStringIncludes(outcomes[1].stderr, "format", format);
  }
});
