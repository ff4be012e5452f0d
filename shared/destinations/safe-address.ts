import { ProcessingError } from "../errors.ts";

const LOOPBACK: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);

/**
 * Addresses of destinations come from the settings alone: https, and plain http only to this machine, where stand-ins
 * for tests live. Throws SETTINGS_INVALID without repeating the address.
 */
export function requireSafeAddress(address: string, destination: string, setting: string): URL {
  const url = URL.parse(address);
  const safe = url?.protocol === "https:" || (url?.protocol === "http:" && LOOPBACK.has(url.hostname));
  if (url === null || !safe || url.username !== "" || url.password !== "") {
    throw new ProcessingError("SETTINGS_INVALID", `${destination}: ${setting} is not an https address`);
  }
  return url;
}
