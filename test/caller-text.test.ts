import fc from "fast-check";
import { expect, test } from "vitest";
import type { LogEntry } from "../shared/audit-log/entry.ts";
import { classify } from "../shared/classifier/classify.ts";
import { builtInCatalogue } from "../shared/rules/index.ts";
import { sampleEntry, sampleIndex } from "./support/samples.ts";

/**
 * What the caller wrote raises, lowers and silences nothing. The exceptions are texts that are the event themselves: the
 * break-glass annotations and labels, by their own keys; they are not touched here.
 */
const catalogue = builtInCatalogue();
const entries = sampleIndex
  .filter(({ kind }) => kind !== "envelope")
  .map(({ file, kind }) => ({ file, kind, entry: sampleEntry(file) }));

/** Words that Google's own texts say of our events, written by somebody else. */
const TELLING = [
  "breakglass",
  "Breakglass justification: INC-4821",
  "break-glass",
  "dry run",
  "dryrun",
  "VIOLATES_POLICY",
  "ContainerImageUnauthorized",
  "ContainerImageAuthorizationCheckFailed",
  "Denied by Binary Authorization policy",
  "Image x denied by attestor projects/p/attestors/a",
  "image policy webhook",
  "imagepolicywebhook.image-policy.k8s.io/break-glass",
  "Failed open by imagepolicywebhook.image-policy.k8s.io",
  "constraints/run.allowedBinaryAuthorizationPolicies violated",
  "roles/binaryauthorization.policyEditor",
  "ALWAYS_ALLOW",
  "REQUIRE_ATTESTATION",
  "PERMISSION_DENIED",
  "true",
  "false",
  "",
  "critical",
  "low",
  '"; DROP',
];

/** Names that Kubernetes and Cloud Run accept. */
const NAMES = [
  "breakglass",
  "break-glass-true",
  "dry-run",
  "dryrun-policy",
  "violates-policy",
  "denied-by-attestor",
  "binary-authorization",
  "image-policy-webhook",
  "failed-open",
  "unauthorized",
];
const WORKLOADS = /checkout|nightly-settlement|queue-worker|shadow|hello-app/g;

type Write = (entry: LogEntry, text: string) => LogEntry;

const WRITES: Readonly<Record<string, Write>> = {
  "the user agent": (entry, text) =>
    rewritten(entry, (key, object) =>
      key === "protoPayload"
        ? {
            ...object,
            requestMetadata: { ...(object.requestMetadata as object | undefined), callerSuppliedUserAgent: text },
          }
        : object,
    ),
  "a label or annotation of their own": (entry, text) =>
    rewritten(entry, (key, object) =>
      key === "labels" || key === "annotations" ? { ...object, "example.com/note": text } : object,
    ),
  "the values of the labels that are there": (entry, text) =>
    rewritten(entry, (key, object) =>
      key === "metadata" && typeof object.labels === "object"
        ? { ...object, labels: withOwnValues(object.labels as Readonly<Record<string, unknown>>, text) }
        : object,
    ),
  "metadata that had none": (entry, text) =>
    rewritten(entry, (key, object) =>
      key === "metadata"
        ? { labels: { note: text }, annotations: { "kubernetes.io/change-cause": text }, ...object }
        : object,
    ),
  "descriptions and display names": (entry, text) =>
    rewritten(entry, (_key, object) =>
      Object.fromEntries(
        Object.entries(object).map(([name, value]) => [
          name,
          (name === "description" || name === "displayName") && typeof value === "string" ? text : value,
        ]),
      ),
    ),
  "arguments and variables of containers": (entry, text) =>
    rewritten(entry, (key, object) =>
      key === "containers" ? { ...object, args: [text], env: [{ name: "NOTE", value: text }] } : object,
    ),
};

const verdict = (entry: LogEntry) =>
  classify(entry, catalogue).findings.map(({ rule, severity, confidence }) => ({ rule, severity, confidence }));

test.each(entries)("$file is judged the same, whatever its caller wrote beside the event", ({ kind, entry }) => {
  const before = verdict(entry);
  for (const [place, write] of Object.entries(WRITES)) {
    // What continuous validation and other services describe is Google's text, and not the caller's.
    if (place === "descriptions and display names" && !isWrittenByCaller(kind)) continue;
    for (const text of TELLING) expect(verdict(write(entry, text)), `${place}: ${text}`).toEqual(before);
  }
});

test.each(entries.filter(({ entry }) => WORKLOADS.test(JSON.stringify(entry))))(
  "$file is judged the same, whatever the workload is called",
  ({ entry }) => {
    const before = verdict(entry);
    for (const name of NAMES) {
      const renamed = JSON.parse(JSON.stringify(entry).replaceAll(WORKLOADS, name)) as LogEntry;
      expect(verdict(renamed), name).toEqual(before);
    }
  },
);

test("any text at all, in any of these places, changes no verdict", () => {
  const sample = fc.constantFrom(...entries.filter(({ kind }) => isWrittenByCaller(kind)));
  const text = fc
    .oneof(fc.string({ unit: "grapheme" }), fc.constantFrom(...TELLING))
    .chain((one) => fc.constantFrom(...TELLING).map((other) => `${one} ${other} ${one}`));
  fc.assert(
    fc.property(sample, fc.constantFrom(...Object.values(WRITES)), text, ({ entry }, write, written) => {
      expect(verdict(write(entry, written))).toEqual(verdict(entry));
    }),
    { numRuns: 2000 },
  );
});

test("the texts that are the event are seen", () => {
  const flagged = entries.find(({ file }) => file === "gke-pod-breakglass-label.json");
  const allowed = rewritten(flagged?.entry as LogEntry, (key, object) =>
    key === "labels"
      ? Object.fromEntries(Object.entries(object).filter(([name]) => !name.includes("break-glass")))
      : object,
  );
  expect(verdict(flagged?.entry as LogEntry)).toHaveLength(1);
  expect(verdict(allowed)).toEqual([]);
});

function isWrittenByCaller(kind: string): boolean {
  return !kind.startsWith("cv.") && !kind.startsWith("scc.");
}

/** Keys without a domain are the caller's own; the others belong to Kubernetes, to Google, or to their webhooks. */
function withOwnValues(labels: Readonly<Record<string, unknown>>, text: string) {
  return Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, key.includes("/") ? value : text]));
}

type Rewrite = (key: string, object: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;

/** A copy in which every object, by the key or list that holds it, is what `rewrite` makes of it. */
function rewritten(entry: LogEntry, rewrite: Rewrite): LogEntry {
  const copy = (key: string, value: unknown): unknown => {
    if (Array.isArray(value)) return value.map((element) => copy(key, element));
    if (typeof value !== "object" || value === null) return value;
    const members = Object.entries(value).map(([name, member]) => [name, copy(name, member)] as const);
    return rewrite(key, Object.fromEntries(members));
  };
  return copy("", entry) as LogEntry;
}
