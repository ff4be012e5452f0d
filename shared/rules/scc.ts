import { UNKNOWN_ACTOR } from "../audit-log/actor.ts";
import { member } from "../audit-log/json.ts";
import { ORIGIN_FIELDS } from "../audit-log/origin.ts";
import { evidencesOf } from "../audit-log/scc.ts";
import { field } from "../audit-log/view.ts";
import { ACCEPTED, type Rule, refused } from "../classifier/rule.ts";

const FINDING = field("jsonPayload.finding");

export const sccRules: readonly Rule[] = [
  {
    id: "scc.breakglass_finding",
    category: "break-glass",
    title: "Security Command Center saw a break-glass workload",
    severity: "low",
    filter: `log_id("securitycenter.googleapis.com/findings")
jsonPayload.finding.category:"Breakglass Workload Deployment"`,
    reads: [...ORIGIN_FIELDS, FINDING],
    refine: (view) =>
      member(view.object(FINDING), "state") === "INACTIVE" ? refused("the finding was closed") : ACCEPTED,
    extract: (view) => {
      const finding = view.object(FINDING);
      const text = (key: string) => {
        const value = member(finding, key);
        return typeof value === "string" ? value : null;
      };
      const insertIds = evidencesOf(finding).flatMap(({ insertId }) => (insertId === undefined ? [] : [insertId]));
      return {
        incidentKey: `scc-finding/${text("name") ?? "unknown"}`,
        actor: UNKNOWN_ACTOR,
        facts: {
          category: text("category"),
          evidenceInsertId: insertIds[0],
          state: text("state"),
          resource: text("resourceName"),
          sccSeverity: text("severity"),
        },
        aliases: [...new Set(insertIds)].map((insertId) => `entry/${insertId}`),
      };
    },
    certainty: {
      level: "documented",
      unconfirmed: ["the names of the rule in sourceProperties", "whether Cloud Run is covered"],
    },
    volume: "It comes by a notification of Security Command Center, not through a sink: one for each workload.",
    counsel: {
      why: "Event Threat Detection made it from the same audit log entry that Glasswatch reads: it is a second witness, and joins the incident of that entry.",
      falsePositives: "None of its own: it says what the log entry says.",
      steps: [
        "Read the incident of the entry that it names; it knows the person and the image.",
        "Read that entry: `gcloud logging read 'insertId=\"{facts.evidenceInsertId}\"' --project={project} --freshness=30d --format=json`",
        "See the finding, at https://console.cloud.google.com/security/command-center/findings or by `gcloud scc findings list {scope} --filter='category:\"Breakglass Workload Deployment\"'`",
      ],
      reference: "https://cloud.google.com/security-command-center/docs/concepts-event-threat-detection-overview",
    },
  },
];
