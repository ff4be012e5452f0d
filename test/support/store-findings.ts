import type { Finding } from "../../shared/finding.ts";
import type { IntentDraft, RecordRequest } from "../../shared/state/store.ts";

/** A finding of which only the id matters. */
export function findingNamed(id: string): Finding {
  return {
    schema: 1,
    id,
    rule: "cloudrun.breakglass",
    category: "break-glass",
    severity: "high",
    confidence: "high",
    title: "Somebody broke the glass",
    time: "2026-03-01T02:14:05.123456789Z",
    scope: "projects/example-prod",
    project: "example-prod",
    location: "europe-west1",
    resource: { type: "cloud_run_revision", name: "namespaces/example-prod/revisions/checkout-00042-kjq" },
    workload: null,
    actor: {
      principal: "alice@example.com",
      kind: "user",
      via: null,
      confidence: "high",
      person: null,
      delegation: [],
    },
    justification: "INC-4821 Ünïcode \u0000 and a lone \ud800 surrogate",
    images: [],
    facts: { reason: "ContainerImageUnauthorized" },
    changes: [],
    comparedWith: null,
    matched: [{ field: "severity", value: "ERROR" }],
    incidentKey: "cloud-run-service/example-prod/europe-west1/checkout",
    aliases: [],
    links: { logs: null, resource: null },
    entry: { logName: "projects/example-prod/logs/x", insertId: id, timestamp: "2026-03-01T02:14:05.123456789Z" },
  };
}

/** What the path would ask to be stored for findings that go to these destinations, each on its own channel. */
export function recordOf(ids: readonly string[], destinationIds: readonly string[], at: number): RecordRequest {
  return { at, findings: ids.map((id) => ({ finding: findingNamed(id), intents: destinationIds.map(draftFor(id)) })) };
}

const draftFor =
  (id: string) =>
  (destinationId: string): IntentDraft => ({
    destinationId,
    channel: `channel of ${destinationId}`,
    notification: { id: `${id} to ${destinationId}` },
  });
