import { ACTOR_KINDS, CATEGORIES, CONFIDENCES, SEVERITIES, WORKLOAD_KINDS } from "../finding.ts";
import { message, ordered, type Schema } from "../query/schema.ts";
import { INCIDENT_STATES, type Incident } from "./incident.ts";

/**
 * What routes and silences can name of an incident, in the query language. Enumerations are ordered as written, so
 * `severity>=high` works; here, other than for log entries, a field or name that does not exist is an error at the start.
 */
export const INCIDENT_FIELDS: Schema = {
  name: "Incident",
  absent: "missing",
  strict: true,
  fields: {
    id: "string",
    key: "string",
    category: ordered(...CATEGORIES),
    state: ordered(...INCIDENT_STATES),
    severity: ordered(...SEVERITIES),
    confidence: ordered(...CONFIDENCES),
    rule: "string",
    project: "string",
    location: "string",
    scope: "string",
    count: "int64",
    openedAt: "timestamp",
    lastAt: "timestamp",
    justification: "string",
    person: "string",
    principal: "string",
    actorKind: ordered(...ACTOR_KINDS),
    image: "string",
    reason: "string",
    workload: message({
      kind: ordered(...WORKLOAD_KINDS),
      name: "string",
      cluster: "string",
      namespace: "string",
    }),
  },
};

/** The incident as the fields above; what is not known is left out, so that comparing it fails. */
export function incidentFields(incident: Incident): object {
  const { face, grade, members } = incident;
  const { workload } = face;
  return known({
    id: incident.id,
    key: incident.key,
    category: incident.category,
    state: incident.state,
    severity: grade.severity,
    confidence: face.confidence,
    rule: [...new Set(members.map(({ rule }) => rule))],
    project: face.project,
    location: face.location,
    scope: face.scope,
    count: String(incident.count),
    openedAt: incident.openedAt,
    lastAt: incident.lastAt,
    justification: face.justification,
    person: face.actor.person?.principal,
    principal: face.actor.principal,
    actorKind: face.actor.kind,
    image: face.images.map(({ reference }) => reference),
    reason: grade.steps.map(({ reason }) => reason),
    workload:
      workload === null
        ? undefined
        : known({
            kind: workload.kind,
            name: workload.name,
            cluster: workload.cluster,
            namespace: workload.namespace,
          }),
  });
}

function known(fields: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined));
}
