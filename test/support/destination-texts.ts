import fc from "fast-check";
import {
  ACTOR_KINDS,
  CATEGORIES,
  CONFIDENCES,
  type Finding,
  SEVERITIES,
  WORKLOAD_KINDS,
} from "../../shared/finding.ts";
import { HOSTILE_TEXTS } from "./destination-contract.ts";

const RULES = [
  "cloudrun.breakglass",
  "cloudrun.breakglass_request",
  "cloudrun.denied",
  "gke.breakglass",
  "gke.dryrun",
  "gke.failopen",
  "vpcsc.denied",
  "binauthz.policy_weakened",
  "somebody.else",
] as const;

/** Any text at all, with a liking for what breaks markup, terminals and shells. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: "binary", maxLength: 60 }) },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", maxLength: 60 }) },
  {
    weight: 4,
    arbitrary: fc
      .array(
        fc.oneof(
          fc.constantFrom(
            ...Array.from("<>!@#|*_~`&;$(){}[]\"'\\/- \n\r\t\u001b\u0000\u202e\u200b\ud800"),
            "<!",
            "<@",
            "<#",
            "<http",
            "&lt;",
            "https://evil.example/",
            "--flag=",
            "$(id)",
            "@channel",
            "…",
            "⟨U+",
          ),
          fc.string({ unit: "grapheme-ascii", maxLength: 8 }),
        ),
        { maxLength: 30 },
      )
      .map((pieces) => pieces.join("")),
  },
  { weight: 1, arbitrary: fc.constantFrom(...HOSTILE_TEXTS.map((text) => text.slice(0, 20_000))) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.string({ unit: "binary", minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 3000 }))
      .map(([text, times]) => text.repeat(times)),
  },
);

const maybeText = fc.option(anyText, { nil: null });
const fact = fc.oneof(
  anyText,
  fc.integer(),
  fc.boolean(),
  fc.array(anyText, { maxLength: 3 }),
  fc.array(fc.array(anyText, { maxLength: 3 }), { maxLength: 3 }),
);

/** A finding with any text in every field that can hold one, ids and times included. */
export const anyFinding: fc.Arbitrary<Finding> = fc.record({
  schema: fc.constant(1 as const),
  id: fc.oneof(fc.stringMatching(/^[0-9a-f]{64}$/), anyText),
  rule: fc.oneof(fc.constantFrom(...RULES), anyText),
  category: fc.constantFrom(...CATEGORIES),
  severity: fc.constantFrom(...SEVERITIES),
  confidence: fc.constantFrom(...CONFIDENCES),
  title: anyText,
  time: fc.oneof(fc.constant("2026-03-01T02:14:05.123456789Z"), anyText),
  scope: anyText,
  project: maybeText,
  location: maybeText,
  resource: fc.record({ type: maybeText, name: maybeText }),
  workload: fc.option(
    fc.record({
      kind: fc.constantFrom(...WORKLOAD_KINDS),
      name: maybeText,
      revision: maybeText,
      execution: maybeText,
      pod: maybeText,
      cluster: maybeText,
      namespace: maybeText,
    }),
    { nil: null },
  ),
  actor: fc.record({
    principal: maybeText,
    kind: fc.constantFrom(...ACTOR_KINDS),
    via: maybeText,
    confidence: fc.constantFrom(...CONFIDENCES),
    person: fc.option(fc.record({ principal: anyText, via: anyText, confidence: fc.constantFrom(...CONFIDENCES) }), {
      nil: null,
    }),
    delegation: fc.array(anyText, { maxLength: 12 }),
  }),
  justification: maybeText,
  images: fc.array(fc.record({ reference: anyText, digest: maybeText }), { maxLength: 8 }),
  facts: fc.dictionary(fc.oneof(fc.constantFrom("attestor", "overridden", "enforced", "reason"), anyText), fact, {
    maxKeys: 6,
  }),
  changes: fc.array(
    fc.record({
      field: anyText,
      before: maybeText,
      after: maybeText,
      effect: fc.constantFrom("weaker" as const, "stronger" as const, "neutral" as const),
    }),
    { maxLength: 12 },
  ),
  comparedWith: fc.constantFrom("previous" as const, "none" as const, null),
  matched: fc.array(fc.record({ field: anyText, value: anyText }), { maxLength: 2 }),
  incidentKey: anyText,
  aliases: fc.array(anyText, { maxLength: 2 }),
  links: fc.record({
    logs: fc.oneof(
      maybeText,
      anyText.map((text) => `https://console.cloud.google.com/logs/query;query=${text}`),
    ),
    resource: fc.oneof(
      maybeText,
      anyText.map((text) => `https://${text}`),
    ),
  }),
  entry: fc.record({ logName: anyText, insertId: anyText, timestamp: anyText }),
});

/** Whether a text holds a character that moves a cursor, turns the direction of reading, or cannot be seen. */
export function hasUnseen(text: string): boolean {
  return /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(text.replaceAll("\n", ""));
}
