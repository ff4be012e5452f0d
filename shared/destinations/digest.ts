import { type Category, SEVERITIES, type Severity } from "../finding.ts";
import { safeUrl } from "./links.ts";
import { NOTIFICATION_SCHEMA_VERSION, type Notification, whenOf } from "./notification.ts";
import { readableLine } from "./readable-text.ts";

/** More than people can read one by one: told together, and counted exactly. */
export interface Digest {
  /** The same flood always has the same one. */
  readonly id: string;
  readonly category: Category;
  /** The gravest of all. */
  readonly severity: Severity;
  /** What the findings have in common; shown like the key of an incident. */
  readonly key: string;
  /** Event time of the first and of the last finding. */
  readonly from: string;
  readonly to: string;
  readonly count: number;
  readonly bySeverity: Readonly<Partial<Record<Severity, number>>>;
  readonly byRule: Readonly<Record<string, number>>;
  /** The empty name is for findings of no project. */
  readonly byProject: Readonly<Record<string, number>>;
  /** Where all of them are. Made by us, never out of a log entry; https, or it is left out. */
  readonly link: string | null;
}

const DIGEST_RULE = "glasswatch.digest";
/** Names that one line lists; the others are counted in its end. */
const NAMED = 12;
const NAME_LIMIT = 100;

/** Pure: one message instead of many. */
export function toDigest(digest: Digest): Notification {
  const { count, from, to, link } = digest;
  const gravity = SEVERITIES.toReversed()
    .filter((severity) => (digest.bySeverity[severity] ?? 0) > 0)
    .map((severity) => `${figure(digest.bySeverity[severity] ?? 0)} ${severity}`);
  const url = link === null ? null : safeUrl(link);
  const span = spanOf(from, to);
  return {
    schema: NOTIFICATION_SCHEMA_VERSION,
    id: digest.id,
    rule: DIGEST_RULE,
    category: digest.category,
    severity: digest.severity,
    confidence: "high",
    incidentKey: readableLine(digest.key, 300),
    time: readableLine(to, 300),
    when: whenOf(to),
    headline: `Flood: ${figure(count)} findings${span === null ? "" : ` in ${span}`}, told together`,
    verdict: {
      kind: "reported",
      headline: "More than can be told one by one",
      detail: "Each of them is recorded; none was dropped.",
    },
    lines: [
      { label: "Findings", value: figure(count) },
      { label: "From", value: whenOf(from) },
      { label: "To", value: whenOf(to) },
      { label: "By severity", value: gravity.join(", ") || "none" },
      { label: "By rule", value: counted(digest.byRule, "rules") },
      { label: "By project", value: counted(digest.byProject, "projects") },
    ],
    justification: null,
    images: [],
    imageCount: 0,
    changes: [],
    changeCount: 0,
    why: "A flood hides what matters. Look for the one among them that is no repetition.",
    steps: [],
    links: url === null ? [] : [{ kind: "ledger", label: "All of them", url: url.href }],
    incident: null,
  };
}

/** "412 cloudrun.denied, 3 gke.denied, and 12 more rules with 40": the figures add up to the count of all. */
function counted(counts: Readonly<Record<string, number>>, plural: string): string {
  const sorted = Object.entries(counts).toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  const named = sorted
    .slice(0, NAMED)
    .map(([name, count]) => `${figure(count)} ${name === "" ? "of none" : readableLine(name, NAME_LIMIT)}`);
  const rest = sorted.slice(NAMED);
  if (rest.length > 0) {
    named.push(`and ${rest.length} more ${plural} with ${figure(rest.reduce((sum, [, count]) => sum + count, 0))}`);
  }
  return named.join(", ") || "none";
}

function figure(count: number): string {
  return count.toLocaleString("en-US");
}

const UNITS = [
  { word: "day", ms: 86_400_000 },
  { word: "hour", ms: 3_600_000 },
  { word: "minute", ms: 60_000 },
  { word: "second", ms: 1_000 },
] as const;

/** "5 minutes": the largest unit that fits, or null when the two are no times. */
export function spanOf(from: string, to: string): string | null {
  const ms = Date.parse(to) - Date.parse(from);
  const unit = UNITS.find((one) => ms >= one.ms);
  if (Number.isNaN(ms) || unit === undefined) return null;
  const count = Math.round(ms / unit.ms);
  return `${figure(count)} ${unit.word}${count === 1 ? "" : "s"}`;
}
