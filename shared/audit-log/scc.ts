import { isObject, type Json, type JsonObject, member } from "./json.ts";

/**
 * Findings of Security Command Center come as notifications of their own, not as log entries. So that one path judges
 * everything, they are read as an entry of a log that only we know:
 * organizations/ORG/logs/securitycenter.googleapis.com%2Ffindings, with the notification as jsonPayload.
 * https://cloud.google.com/security-command-center/docs/how-to-api-manage-notifications
 */
export const SCC_LOG_ID = "securitycenter.googleapis.com/findings";

/** A notification, or a line of an export or of `gcloud scc findings list`: all hold the finding beside its resource. */
export function isSccNotification(value: JsonObject): boolean {
  const finding = member(value, "finding");
  return typeof member(finding, "category") === "string" && typeof member(finding, "eventTime") === "string";
}

/** The notification in LogEntry form; its time is that of the event, its insertId the finding's own name. */
export function fromSccNotification(notification: JsonObject): JsonObject {
  const finding = member(notification, "finding") as JsonObject;
  const name = textOf(member(finding, "name")) ?? textOf(member(finding, "parent")) ?? "organizations/unknown";
  const scope = /^(?:organizations|folders|projects)\/[^/]+/.exec(name)?.[0] ?? "organizations/unknown";
  const project = evidencesOf(finding).find(({ projectId }) => projectId !== undefined)?.projectId;
  return {
    logName: `${scope}/logs/${encodeURIComponent(SCC_LOG_ID)}`,
    timestamp: member(finding, "eventTime") as string,
    insertId: name,
    resource: { type: "securitycenter_finding", labels: project === undefined ? {} : { project_id: project } },
    jsonPayload: notification,
  };
}

export interface Evidence {
  readonly projectId?: string;
  readonly insertId?: string;
}

/** The log entries that an Event Threat Detection finding was made from. */
export function evidencesOf(finding: Json | undefined): readonly Evidence[] {
  const evidence = member(member(finding, "sourceProperties"), "evidence");
  const all = Array.isArray(evidence) ? (evidence as readonly Json[]) : [];
  return all
    .map((one) => member(one, "sourceLogId"))
    .filter(isObject)
    .map((source) => {
      const projectId = textOf(member(source, "projectId"));
      const insertId = textOf(member(source, "insertId"));
      return { ...(projectId === undefined ? {} : { projectId }), ...(insertId === undefined ? {} : { insertId }) };
    });
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
