import { z } from "zod";
import {
  ACTOR_KINDS,
  CATEGORIES,
  CONFIDENCES,
  FINDING_SCHEMA_VERSION,
  type Finding,
  SEVERITIES,
  WORKLOAD_KINDS,
} from "./finding.ts";

const text = z.string();
const textOrNull = text.nullable();
const confidence = z.enum(CONFIDENCES);

const fact = z.union([text, z.number(), z.boolean(), z.array(text), z.array(z.array(text))]);

/** The finding contract as zod, for whoever reads findings back from a file, a store or a webhook. */
export const findingSchema = z
  .strictObject({
    schema: z.literal(FINDING_SCHEMA_VERSION),
    id: text.regex(/^[0-9a-f]{64}$/).describe("SHA-256 of logName, timestamp, insertId and rule or change name."),
    rule: text.describe("SERVICE.EVENT"),
    category: z.enum(CATEGORIES),
    severity: z.enum(SEVERITIES).describe("The rule's own; the organization's grading is made on the incident."),
    confidence,
    title: text,
    time: text.describe("The entry's timestamp, RFC 3339."),
    scope: text.describe("The resource whose log holds the entry, such as projects/P."),
    project: textOrNull,
    location: textOrNull,
    resource: z.strictObject({ type: textOrNull, name: textOrNull }),
    workload: z
      .strictObject({
        kind: z.enum(WORKLOAD_KINDS),
        name: textOrNull,
        revision: textOrNull,
        execution: textOrNull,
        pod: textOrNull,
        cluster: textOrNull,
        namespace: textOrNull,
      })
      .nullable(),
    actor: z.strictObject({
      principal: textOrNull.describe("Who the entry says acted; an impersonated service account stays itself."),
      kind: z.enum(ACTOR_KINDS),
      via: textOrNull.describe("The field that says so."),
      confidence,
      person: z
        .strictObject({ principal: text, via: text, confidence })
        .nullable()
        .describe("The human behind the principal when known; never a controller."),
      delegation: z.array(text),
    }),
    justification: textOrNull.describe('null: this kind of event has none, or it is absent; "": given empty.'),
    images: z.array(z.strictObject({ reference: text, digest: textOrNull })),
    facts: z.record(text, fact),
    changes: z.array(
      z.strictObject({
        field: text,
        before: textOrNull,
        after: textOrNull,
        effect: z.enum(["weaker", "stronger", "neutral"]),
      }),
    ),
    comparedWith: z.enum(["previous", "none"]).nullable(),
    matched: z
      .array(z.strictObject({ field: text, value: z.union([text, z.number(), z.boolean(), z.null()]) }))
      .describe("The fields and values that decided, as the Logging query language names them."),
    incidentKey: text,
    aliases: z.array(text),
    links: z.strictObject({ logs: textOrNull, resource: textOrNull }),
    entry: z.strictObject({ logName: text, insertId: text, timestamp: text }),
  })
  .describe("A finding of Glasswatch");

/** The value as a finding; throws zod's error when it is none. */
export function parseFinding(value: unknown): Finding {
  return findingSchema.parse(value);
}

/** The JSON Schema text that is published as docs/schemas/finding.schema.json. */
export function publishedFindingSchema(): string {
  return JSON.stringify(z.toJSONSchema(findingSchema, { io: "output" }), null, 2);
}
