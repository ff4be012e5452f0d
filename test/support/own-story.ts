import { createHash } from "node:crypto";
import { sampleBytes } from "./samples.ts";

const BREAK_GLASS = "cloudrun-service-breakglass-system-event.json";
const OPERATION = "2798553d-def2-47fa-964b-5d12bba8a310";

/**
 * A break-glass of a service of its own, as the bytes of an entry: a story of its own, whose first entry is told at once.
 * The same name gives the same entry; its service is `checkout-NAME`.
 */
export function ownStory(name: string): string {
  const service = `checkout-${name.replaceAll(/[^a-z]+/gi, "-")}`;
  const operation = createHash("sha256").update(name).digest("hex").slice(0, 32);
  const text = sampleBytes(BREAK_GLASS).toString().replaceAll("checkout", service).replaceAll(OPERATION, operation);
  return JSON.stringify({ ...(JSON.parse(text) as object), insertId: name });
}
