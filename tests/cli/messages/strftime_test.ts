// strftime beside `date` of this machine: the same times in the same zones as the same text.

import { assertEquals } from "@std/assert";
import { strftime } from "../../../src/cli/messages/strftime.ts";

/** GNU's `date` takes many times at once, and any format. */
const hasDate = await isGnu();

/** Zones whose names the platform knows. */
const NAMED = [
  "UTC",
  "Europe/Berlin",
  "Europe/London",
  "America/New_York",
  "Asia/Kolkata",
  "Australia/Sydney",
];
/** Zones that have no name but their offset. */
const NUMBERED = ["Asia/Kathmandu", "America/Sao_Paulo", "Pacific/Kiritimati"];
/** Zones whose names the platform does not know; summer times in the south, half an hour long. */
const UNKNOWN = ["America/St_Johns", "Australia/Lord_Howe", "Asia/Tokyo"];

/**
 * In seconds: the ends of many years, by which weeks are counted, and one year with its changes of
 * the clock.
 */
function times(): readonly number[] {
  const ends = Array.from(
    { length: 28 },
    (_, year) => [-3, -2, -1, 0, 1, 2, 3].map((day) => Date.UTC(2010 + year, 0, 1 + day)),
  );
  const days = Array.from({ length: 366 }, (_, day) => Date.UTC(2024, 0, 1 + day));
  return [...ends.flat(), ...days].flatMap((day) =>
    [0, 12.25].map((hour) => day / 1000 + hour * 3600)
  );
}

for (const zone of [...NAMED, ...NUMBERED, ...UNKNOWN]) {
  Deno.test({
    name: `strftime writes times in ${zone} as date does${
      hasDate ? "" : " (skipped: no GNU date)"
    }`,
    ignore: !hasDate,
    fn() {
      const letters = [..."aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYz%"];
      if (!UNKNOWN.includes(zone)) letters.push("Z");
      const format = letters.map((letter) => `${letter}=%${letter}`).join("|");
      const seconds = times();
      const expected = dates(zone, format, seconds);
      const before = Deno.env.get("TZ");
      Deno.env.set("TZ", zone);
      try {
        seconds.forEach((time, index) => {
          assertEquals(strftime(format, new Date(time * 1000)), expected[index]);
        });
      } finally {
        if (before === undefined) Deno.env.delete("TZ");
        else Deno.env.set("TZ", before);
      }
    },
  });
}

/** The times as `date` writes them. */
function dates(zone: string, format: string, seconds: readonly number[]): string[] {
  const file = Deno.makeTempFileSync();
  try {
    Deno.writeTextFileSync(file, seconds.map((time) => `@${time}\n`).join(""));
    const end = "|end|";
    const { stdout } = new Deno.Command("date", {
      args: ["-f", file, `+${format}${end}`],
      env: { TZ: zone, LC_ALL: "C" },
    }).outputSync();
    return new TextDecoder().decode(stdout).split(`${end}\n`).slice(0, -1);
  } finally {
    Deno.removeSync(file);
  }
}

async function isGnu(): Promise<boolean> {
  try {
    const { stdout } = await new Deno.Command("date", { args: ["--version"] }).output();
    return new TextDecoder().decode(stdout).includes("GNU");
  } catch {
    return false;
  }
}
