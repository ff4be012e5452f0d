import { ACTOR_FIELDS } from "../audit-log/actor.ts";
import { ORIGIN_FIELDS } from "../audit-log/origin.ts";
import {
  METHOD_NAME,
  OPERATION_ID,
  RESOURCE_NAME,
  SERVICE_NAME,
  STATUS_CODE,
  STATUS_MESSAGE,
} from "../audit-log/payload.ts";
import type { EntryView, Field } from "../audit-log/view.ts";
import type { Counsel } from "../finding.ts";
import type { Rule } from "./rule.ts";

/** What rules on Admin Activity logs have in common; https://cloud.google.com/logging/docs/audit#admin-activity */

export const ADMIN_READS: readonly Field[] = [
  ...ORIGIN_FIELDS,
  ...ACTOR_FIELDS,
  RESOURCE_NAME,
  SERVICE_NAME,
  METHOD_NAME,
  STATUS_CODE,
  STATUS_MESSAGE,
  OPERATION_ID,
];

/** The head of a filter: calls of one service, by the pattern of their methods. */
export function adminCalls(serviceName: string, methods: string): string {
  return `log_id("cloudaudit.googleapis.com/activity")
protoPayload.serviceName="${serviceName}"
protoPayload.methodName=~"${methods}"`;
}

/** As adminCalls, calls that went through: where a call went well its status is empty, or has no code. */
export function successfulCalls(serviceName: string, methods: string): string {
  return `${adminCalls(serviceName, methods)}
NOT protoPayload.status.code>0`;
}

/** The operation that the first and the last entry of a long call have in common. */
export function operationAlias(view: EntryView): readonly string[] {
  const id = view.text(OPERATION_ID)?.split("/").at(-1);
  return id === undefined || id === "" ? [] : [`operation/${id}`];
}

export interface AttemptRule {
  /** The part of the rule's id before the dot. */
  readonly service: string;
  readonly serviceName: string;
  readonly methods: string;
  /** As in "tried to change ...". */
  readonly what: string;
  readonly keyOf: (view: EntryView) => string;
  readonly reads?: readonly Field[];
  readonly reference: string;
  readonly command: string;
}

/** Somebody tried, and IAM said no: status code 7, where `granted` is absent rather than false. */
export function attemptDenied(attempt: AttemptRule): Rule {
  const { service, serviceName, methods, what, keyOf, reads = [], reference, command } = attempt;
  return {
    id: `${service}.change_attempt_denied`,
    category: "guardrail-change",
    title: `Refused attempt to change ${what}`,
    severity: "medium",
    filter: `${adminCalls(serviceName, methods)}
protoPayload.status.code=7`,
    reads: [...ADMIN_READS, ...reads],
    extract: (view) => ({
      incidentKey: keyOf(view),
      facts: { succeeded: false, method: view.text(METHOD_NAME), resource: view.text(RESOURCE_NAME), statusCode: 7 },
      aliases: operationAlias(view),
    }),
    certainty: {
      level: "seen",
      unconfirmed: ["that this service's refusals have the shape of other services' refusals"],
    },
    volume: "One entry for each refused call; few, unless a pipeline lacks a permission and keeps trying.",
    counsel: refusedCounsel(what, command, reference),
  };
}

function refusedCounsel(what: string, command: string, reference: string): Counsel {
  return {
    why: `Nothing changed, but somebody without the permission tried to change ${what}. It may be a mistake, or a search for the way around the guardrail.`,
    falsePositives: "A pipeline or a colleague whose permission was taken away, or never given.",
    steps: [
      "Ask the person, or the owner of the service account, what it was for.",
      `See what stands now: \`${command}\``,
      "See who else tried: `gcloud logging read 'protoPayload.status.code=7' --project={project} --freshness=1d`",
    ],
    reference,
  };
}
