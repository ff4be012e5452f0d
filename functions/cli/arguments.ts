import { ProcessingError } from "../../shared/errors.ts";
import { CATEGORIES, type Category, SEVERITIES, type Severity } from "../../shared/finding.ts";

/** Reading of option values that several commands share; all throw USAGE with what was expected. */

export function usage(message: string): ProcessingError {
  return new ProcessingError("USAGE", message);
}

export function oneOf<T extends string>(value: unknown, allowed: readonly T[], option: string): T | undefined {
  if (value === undefined) return undefined;
  if (allowed.includes(value as T)) return value as T;
  throw usage(`${option}: expected ${allowed.join(", ")}, not ${JSON.stringify(value)}`);
}

export const severityOption = (value: unknown, option: string): Severity | undefined =>
  oneOf(value, SEVERITIES, option);
export const categoryOption = (value: unknown, option: string): Category | undefined =>
  oneOf(value, CATEGORIES, option);

export const FORMATS = ["table", "json", "ndjson"] as const;
export type Format = (typeof FORMATS)[number];

/** The format asked for, else a table for people and NDJSON for pipes. */
export function formatOption(value: unknown, isTerminal: boolean): Format {
  return oneOf(value, FORMATS, "--format") ?? (isTerminal ? "table" : "ndjson");
}

export const UNITS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

/** A time as gcloud takes it: RFC 3339, a date, or an age before `now`; in milliseconds since 1970. */
export function timeOption(value: string | undefined, option: string, now: Date): number | undefined {
  if (value === undefined) return undefined;
  const age = /^(\d{1,6})([smhdw])$/.exec(value);
  if (age !== null) return now.getTime() - Number(age[1]) * UNITS[age[2] as keyof typeof UNITS];
  const written = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?$/.test(value);
  const time = written
    ? Date.parse(/T[^Z+]*$/.test(value) && !/[+-]\d\d:\d\d$/.test(value) ? `${value}Z` : value)
    : Number.NaN;
  if (Number.isNaN(time))
    throw usage(`${option}: expected a time such as 2026-03-01T02:00:00Z, 2026-03-01, 36h or 30d`);
  return time;
}
