/** When a route or a reminder is in force: days and hours of one time zone. */
export interface TimeWindow {
  /** An IANA zone, such as Europe/Berlin. */
  readonly zone: string;
  /** All days when not given. */
  readonly days?: readonly Weekday[] | undefined;
  /** "08:00" to "18:00"; an end before its beginning goes over midnight, and belongs to the day that it began in. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

export const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Weekday = (typeof WEEKDAYS)[number];

const MINUTES_A_DAY = 24 * 60;

/** Whether the instant lies in the window, by the clock on the wall of its zone: daylight saving included. */
export function isWithin(window: TimeWindow, at: Date): boolean {
  const { day, minute } = wallClock(at, window.zone);
  const from = minutesOf(window.from ?? "00:00");
  const to = minutesOf(window.to ?? "24:00");
  if (from < to) return isDay(window, day) && minute >= from && minute < to;
  const yesterday = WEEKDAYS[(WEEKDAYS.indexOf(day) + 6) % 7] as Weekday;
  return (isDay(window, day) && minute >= from) || (isDay(window, yesterday) && minute < to);
}

function isDay({ days }: TimeWindow, day: Weekday): boolean {
  return days === undefined || days.includes(day);
}

function minutesOf(time: string): number {
  const [hours, minutes] = time.split(":").map(Number) as [number, number];
  return Math.min(hours * 60 + minutes, MINUTES_A_DAY);
}

const formats = new Map<string, Intl.DateTimeFormat>();

function wallClock(at: Date, zone: string): { day: Weekday; minute: number } {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone,
      weekday: "short",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
    formats.set(zone, format);
  }
  const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
  return {
    day: (parts.weekday as string).slice(0, 3).toLowerCase() as Weekday,
    minute: Number(parts.hour) * 60 + Number(parts.minute),
  };
}
