import { printFraction } from "./duration.ts";

const TIMESTAMP =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?(?:(Z)|([+-])([0-9]{2}):?([0-9]{2}))?)?$/i;
const NANOSECONDS_PER_MILLISECOND = 1_000_000n;

/** The parts of a wall clock that a time zone is applied to. */
interface WallClock {
  /** Milliseconds since 1970 as if the clock showed UTC. */
  readonly milliseconds: number;
  readonly nanoseconds: bigint;
  /** Minutes east of UTC; undefined when the text names no zone. */
  readonly offset: number | undefined;
}

/**
 * Nanoseconds since 1970 of an RFC 3339 time (`Z`, `±hh:mm`, also `±hhmm`) or an ISO date, its midnight in UTC. Without
 * a zone the time is in `zone`, UTC when that is left out. Undefined for what is no time of the years 1 to 9999.
 */
export function parseTimestamp(text: string, zone?: string): bigint | undefined {
  const clock = parseClock(text);
  if (clock === undefined) return undefined;
  const offset = clock.offset ?? (zone === undefined ? 0 : zoneOffsetAt(clock.milliseconds, zone) / 60_000);
  const milliseconds = clock.milliseconds - offset * 60_000;
  return BigInt(milliseconds) * NANOSECONDS_PER_MILLISECOND + clock.nanoseconds;
}

function parseClock(text: string): WallClock | undefined {
  const match = TIMESTAMP.exec(text);
  if (match === null) return undefined;
  const [
    ,
    year,
    month,
    day,
    hour = "0",
    minute = "0",
    second = "0",
    fraction = "",
    zulu,
    sign,
    offsetHour,
    offsetMinute,
  ] = match;
  const milliseconds = utcMilliseconds(
    Number(year),
    Number(month),
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  if (milliseconds === undefined) return undefined;
  const nanoseconds = fraction === "" ? 0n : BigInt(fraction.padEnd(9, "0"));
  if (sign === undefined) return { milliseconds, nanoseconds, offset: zulu === undefined ? undefined : 0 };
  if (Number(offsetHour) > 23 || Number(offsetMinute) > 59) return undefined;
  const offset = (Number(offsetHour) * 60 + Number(offsetMinute)) * (sign === "-" ? -1 : 1);
  return { milliseconds, nanoseconds, offset };
}

/** Undefined for a day or time that does not exist; Date would silently take 30 February for 2 March. */
function utcMilliseconds(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): number | undefined {
  if (year < 1 || hour > 23 || minute > 59 || second > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCFullYear() !== year || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  return date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000;
}

/**
 * The text of an instant, as `cast(…, STRING)` gives it: in UTC with `Z`, or with the clock and the offset of a zone.
 * Google documents only that it begins with the date and holds hours, minutes, seconds and a fraction.
 */
export function printTimestamp(instant: bigint, zone?: string): string {
  const nanoseconds = modulo(instant, 1_000_000_000n);
  const milliseconds = Number((instant - nanoseconds) / NANOSECONDS_PER_MILLISECOND);
  const offset = zone === undefined ? 0 : zoneOffset(milliseconds, zone);
  const clock = new Date(milliseconds + offset);
  if (Number.isNaN(clock.getTime())) return "";
  const year = String(clock.getUTCFullYear()).padStart(4, "0");
  const rest = clock.toISOString().slice(-20, -5);
  return `${year}${rest}${printFraction(nanoseconds)}${zone === undefined ? "Z" : printOffset(offset)}`;
}

function printOffset(offset: number): string {
  const minutes = Math.round(Math.abs(offset) / 60_000);
  const pad = (number: number) => String(number).padStart(2, "0");
  return `${offset < 0 ? "-" : "+"}${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`;
}

function modulo(dividend: bigint, divisor: bigint): bigint {
  return ((dividend % divisor) + divisor) % divisor;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Whether this is the name of a zone in the IANA database; offsets such as "+02:00" are not. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(name)) return false;
  try {
    formatFor(name);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Milliseconds that the clocks of a zone are ahead of UTC at an instant. */
function zoneOffset(milliseconds: number, zone: string): number {
  const parts = new Map(
    formatFor(zone)
      .formatToParts(milliseconds)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
  const date = new Date(0);
  date.setUTCFullYear(part("year"), part("month") - 1, part("day"));
  date.setUTCHours(part("hour"), part("minute"), part("second"));
  return date.getTime() - Math.floor(milliseconds / 1000) * 1000;
}

/** As `zoneOffset`, for what the clock shows: an hour that occurs twice is taken the first time. */
function zoneOffsetAt(wallMilliseconds: number, zone: string): number {
  const guess = zoneOffset(wallMilliseconds, zone);
  const before = zoneOffset(wallMilliseconds - guess, zone);
  return Math.max(before, zoneOffset(wallMilliseconds - before, zone));
}

function formatFor(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      calendar: "gregory",
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    formats.set(zone, format);
  }
  return format;
}
