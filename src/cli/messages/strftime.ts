// strftime(3) with local time and the names of the C locale.

/** A time with nanoseconds, as precise as the clock is. */
export interface Moment {
  readonly date: Date;
  /** Nanoseconds within the second. */
  readonly nanoseconds: number;
}

/** Now. */
export function thisMoment(): Moment {
  const milliseconds = performance.timeOrigin + performance.now();
  const seconds = Math.floor(milliseconds / 1000);
  return {
    date: new Date(milliseconds),
    nanoseconds: Math.min(999_999_999, Math.round((milliseconds - seconds * 1000) * 1e6)),
  };
}

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = ["January", "February", "March", "April", "May", "June", "July"]
  .concat(["August", "September", "October", "November", "December"]);

const A_DAY = 86_400_000;

type Conversion = (date: Date) => string;

const two = (value: number) => String(value).padStart(2, "0");
const blank = (value: number) => String(value).padStart(2);
const hour12 = (date: Date) => date.getHours() % 12 || 12;
const all = (format: string): Conversion => (date) => strftime(format, date);

const CONVERSIONS: Readonly<Record<string, Conversion>> = {
  "a": (date) => DAYS[date.getDay()]!.slice(0, 3),
  "A": (date) => DAYS[date.getDay()]!,
  "b": (date) => MONTHS[date.getMonth()]!.slice(0, 3),
  "B": (date) => MONTHS[date.getMonth()]!,
  "c": all("%a %b %e %H:%M:%S %Y"),
  "C": (date) => two(Math.floor(date.getFullYear() / 100)),
  "d": (date) => two(date.getDate()),
  "D": all("%m/%d/%y"),
  "e": (date) => blank(date.getDate()),
  "F": all("%Y-%m-%d"),
  "g": (date) => two(isoWeek(date).year % 100),
  "G": (date) => String(isoWeek(date).year),
  "h": all("%b"),
  "H": (date) => two(date.getHours()),
  "I": (date) => two(hour12(date)),
  "j": (date) => String(dayOfYear(date) + 1).padStart(3, "0"),
  "k": (date) => blank(date.getHours()),
  "l": (date) => blank(hour12(date)),
  "m": (date) => two(date.getMonth() + 1),
  "M": (date) => two(date.getMinutes()),
  "n": () => "\n",
  "p": (date) => date.getHours() < 12 ? "AM" : "PM",
  "P": (date) => date.getHours() < 12 ? "am" : "pm",
  "r": all("%I:%M:%S %p"),
  "R": all("%H:%M"),
  "s": (date) => String(Math.floor(date.getTime() / 1000)),
  "S": (date) => two(date.getSeconds()),
  "t": () => "\t",
  "T": all("%H:%M:%S"),
  "u": (date) => String(date.getDay() || 7),
  "U": (date) => two(Math.floor((dayOfYear(date) + 7 - date.getDay()) / 7)),
  "V": (date) => two(isoWeek(date).week),
  "w": (date) => String(date.getDay()),
  "W": (date) => two(Math.floor((dayOfYear(date) + 7 - (date.getDay() + 6) % 7) / 7)),
  "x": all("%m/%d/%y"),
  "X": all("%H:%M:%S"),
  "y": (date) => two(date.getFullYear() % 100),
  "Y": (date) => String(date.getFullYear()),
  "z": (date) => offset(-date.getTimezoneOffset()),
  "Z": (date) => zoneName(date),
  "%": () => "%",
};

/** Formats a time. Unknown conversions are left unchanged. */
export function strftime(format: string, date: Date): string {
  return format.replaceAll(
    /%(.)/gs,
    (whole, letter: string) => CONVERSIONS[letter]?.(date) ?? whole,
  );
}

/** Days since the first of January. */
function dayOfYear(date: Date): number {
  const day = (year: number, month: number, date: number) => Date.UTC(year, month, date) / A_DAY;
  const year = date.getFullYear();
  return day(year, date.getMonth(), date.getDate()) - day(year, 0, 1);
}

/** The week of ISO 8601: it is in the year that has its Thursday. */
function isoWeek(date: Date): { readonly year: number; readonly week: number } {
  const thursday = new Date(date);
  thursday.setDate(date.getDate() + 3 - (date.getDay() + 6) % 7);
  return { year: thursday.getFullYear(), week: Math.floor(dayOfYear(thursday) / 7) + 1 };
}

/** `"+0100"`. */
function offset(minutes: number): string {
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}${two(size % 60)}`;
}

/** Each English has short names for the zones of its own part of the world. */
const ENGLISH = ["en-US", "en-GB", "en-IN", "en-ZA", "en-AU"];

/** `"CET"`; where no English has a name, `"+0545"` or `"-03"`, as in the time zone database. */
function zoneName(date: Date): string {
  for (const language of ENGLISH) {
    const parts = new Intl.DateTimeFormat(language, { timeZoneName: "short" }).formatToParts(date);
    const name = parts.find(({ type }) => type === "timeZoneName")?.value;
    if (name !== undefined && !/^GMT./.test(name)) return name;
  }
  return offset(-date.getTimezoneOffset()).replace(/00$/, "");
}
