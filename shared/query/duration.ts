const DURATION = /^([+-]?)([0-9]+)(?:\.([0-9]+))?(ns|us|ms|s|m|h)$/i;

const NANOSECONDS = new Map([
  ["ns", 1n],
  ["us", 1_000n],
  ["ms", 1_000_000n],
  ["s", 1_000_000_000n],
  ["m", 60_000_000_000n],
  ["h", 3_600_000_000_000n],
]);

/** Nanoseconds of a signed decimal with one unit (`1.5m`, and the `3.5s` of JSON); what is below one is cut off. */
export function parseDuration(text: string): bigint | undefined {
  const match = DURATION.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = "", fraction = "", unit = ""] = match;
  const size = NANOSECONDS.get(unit.toLowerCase()) ?? 0n;
  const digits = fraction.slice(0, 24);
  const length = BigInt(whole) * size + (BigInt(digits === "" ? 0 : digits) * size) / 10n ** BigInt(digits.length);
  return sign === "-" ? -length : length;
}

/** The form that JSON gives a duration: seconds with 0, 3, 6 or 9 digits after the point. */
export function printDuration(nanoseconds: bigint): string {
  const length = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  return `${nanoseconds < 0n ? "-" : ""}${length / 1_000_000_000n}${printFraction(length % 1_000_000_000n)}s`;
}

/** A point and 3, 6 or 9 digits; nothing when there is no fraction. */
export function printFraction(nanoseconds: bigint): string {
  if (nanoseconds === 0n) return "";
  const digits = nanoseconds.toString().padStart(9, "0");
  if (digits.endsWith("000000")) return `.${digits.slice(0, 3)}`;
  return digits.endsWith("000") ? `.${digits.slice(0, 6)}` : `.${digits}`;
}
