/** A fraction greater than 0 and not greater than 1; undefined for any other text. */
export function parseFraction(text: string): number | undefined {
  if (!/^(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/.test(text)) return undefined;
  const fraction = Number(text);
  return fraction > 0 && fraction <= 1 ? fraction : undefined;
}

/**
 * Where a value stands between 0 and 1, always the same for the same text: the first 8 bytes of its SHA-256. Google's
 * own hash is not published, so another choice of entries comes out than in Cloud Logging.
 */
export function samplePoint(value: string): number {
  const crypto = process.getBuiltinModule("node:crypto");
  const digest = crypto.createHash("sha256").update(value, "utf8").digest();
  return Number(digest.readBigUInt64BE(0)) / 2 ** 64;
}
