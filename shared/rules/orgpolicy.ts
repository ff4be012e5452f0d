import { AUTHORIZATION_FIELDS, missingPermission } from "../audit-log/authorization.ts";
import { cloudRunWorkload, OBSERVED_FIELDS } from "../audit-log/cloudrun.ts";
import { member, textOrNull } from "../audit-log/json.ts";
import {
  constraintAt,
  customConstraintIn,
  DRY_RUN_FIELDS,
  dryRunVerdict,
  isWatchedConstraint,
  ORG_POLICY_FIELDS,
  orgPolicyIn,
  shortConstraint,
} from "../audit-log/orgpolicy.ts";
import { projectOf, scopeOf } from "../audit-log/origin.ts";
import { METHOD_NAME, nameAfter, percentDecoded, RESOURCE_NAME } from "../audit-log/payload.ts";
import { type EntryView, field } from "../audit-log/view.ts";
import { ADMIN_READS, operationAlias } from "../classifier/admin-activity.ts";
import {
  compareCustomConstraints,
  compareOrgPolicies,
  orgPolicyFrom,
  weaknessesOfOrgPolicy,
} from "../classifier/compare-org-policy.ts";
import { type GradedChange, gravest, toChanges, weakensBy } from "../classifier/graded-change.ts";
import {
  accepted,
  type ClassifyContext,
  type Extraction,
  type ObservedState,
  type Rule,
  refused,
} from "../classifier/rule.ts";
import type { Fact } from "../finding.ts";

const TAG_BINDING = field("protoPayload.request.tagBinding");
const REQUEST_NAME = field("protoPayload.request.name");

const READS = [...ADMIN_READS, ...ORG_POLICY_FIELDS, TAG_BINDING, REQUEST_NAME];

const ACTIVITY = `log_id("cloudaudit.googleapis.com/activity")`;
const POLICY_WRITE = String.raw`(
    protoPayload.serviceName="orgpolicy.googleapis.com"
    AND protoPayload.methodName=~"\.OrgPolicy\.(Create|Update|Delete)(Policy|CustomConstraint)$"
  ) OR (
    protoPayload.serviceName="cloudresourcemanager.googleapis.com"
    AND protoPayload.methodName=~"(^|\.)(Set|Clear)OrgPolicy(V1)?$"
  )`;
/** Policies can be conditional on tags: whoever binds a tag lifts them. The last entry of the operation has no request. */
const TAG_WRITE = String.raw`(
    protoPayload.serviceName="cloudresourcemanager.googleapis.com"
    AND protoPayload.methodName=~"\.TagBindings\.(Create|Delete)TagBinding$"
    AND (protoPayload.request.tagBinding:* OR protoPayload.request.name:*)
  )`;
const SUCCEEDED = "NOT protoPayload.status.code>0";

const DESCRIBE =
  "See the policy as it stands: `gcloud org-policies describe {facts.constraint} --{facts.scopeKind}={facts.scopeId}`";
const EFFECTIVE =
  "See what holds there, inherited rules included: `gcloud org-policies describe {facts.constraint} --effective --{facts.scopeKind}={facts.scopeId}`";
const EARLIER = `See what it was: earlier changes carry the whole policy: \`gcloud logging read 'log_id("cloudaudit.googleapis.com/activity") AND protoPayload.methodName:("OrgPolicy" OR "CustomConstraint")' --{facts.scopeKind}={facts.scopeId} --freshness=400d --limit=5 --format=json\``;
const DOCUMENTATION = "https://cloud.google.com/resource-manager/docs/organization-policy/using-constraints";

const UNCONFIRMED = [
  "the resource type of this API's entries",
  "the body of the legacy API's requests",
  "that an answer holds the whole policy",
];

export const orgpolicyRules: readonly Rule[] = [
  {
    id: "orgpolicy.weakened",
    category: "guardrail-change",
    title: "Organization policy for Binary Authorization weakened",
    severity: "critical",
    change: "orgpolicy.policy",
    filter: `${ACTIVITY}
(
  ${POLICY_WRITE}
)
${SUCCEEDED}`,
    reads: READS,
    refine: (view, context) => {
      const { constraint } = constraintAt(view);
      if (!isWatchedConstraint(constraint)) {
        return refused("the constraint is none of those that hold Binary Authorization in place");
      }
      const judgement = judge(view, context);
      if (!weakensBy(judgement.changes)) return refused("nothing in the policy became weaker");
      return accepted(judgement.comparedWith === "previous" || isDeletion(view) ? "high" : "medium");
    },
    extract: policyChange,
    observe,
    certainty: { level: "third-party", unconfirmed: UNCONFIRMED },
    volume: "One entry for each change of an organization policy: a few a week in a large organization.",
    counsel: {
      why: "This constraint keeps whole folders from running without Binary Authorization. With it open, anybody who deploys there can leave Binary Authorization off.",
      falsePositives:
        "A folder is exempted on purpose, with a reviewed change behind it; and without a known earlier state, what is weak may have been so for long.",
      steps: [
        DESCRIBE,
        EFFECTIVE,
        EARLIER,
        "Way back: put the earlier policy into a file, without etag and updateTime, and set it: `gcloud org-policies set-policy POLICY_FILE`",
        "It takes about two minutes to hold. Then see what was deployed meanwhile without Binary Authorization.",
        "Ask the person who changed it for the reviewed change behind it.",
      ],
      reference: "https://cloud.google.com/binary-authorization/docs/run/requiring-binauthz-cloud-run",
    },
  },
  {
    id: "orgpolicy.changed",
    category: "guardrail-change",
    title: "Organization policy changed",
    severity: "low",
    change: "orgpolicy.policy",
    filter: `${ACTIVITY}
(
  ${POLICY_WRITE} OR ${TAG_WRITE}
)
${SUCCEEDED}`,
    reads: READS,
    refine: (view, context) => {
      if (isTagBinding(view)) return accepted("low");
      const tellsWeakened =
        isWatchedConstraint(constraintAt(view).constraint) && weakensBy(judge(view, context).changes);
      return tellsWeakened ? refused("it weakens a watched policy: orgpolicy.weakened tells of it") : accepted("high");
    },
    extract: (view, context) => (isTagBinding(view) ? tagBinding(view) : policyChange(view, context)),
    observe,
    certainty: { level: "third-party", unconfirmed: [...UNCONFIRMED, "what entries of tag bindings hold"] },
    volume:
      "One entry for each change of an organization policy, and for each tag that is bound to a resource: more where tags are used for much else.",
    counsel: {
      why: "Organization policies hold the guardrails of whole folders in place. This change opens none of those for Binary Authorization that we can see; of other constraints it says what changed.",
      falsePositives:
        "A tag is bound for other reasons, such as firewall rules or cost reports, and no policy asks for it.",
      steps: [
        "See what is set there: `gcloud org-policies list --{facts.scopeKind}={facts.scopeId}`",
        EARLIER,
        "Ask the person who changed it what it was for, if nobody expected it.",
      ],
      reference: DOCUMENTATION,
    },
  },
  {
    id: "orgpolicy.change_attempt_denied",
    category: "guardrail-change",
    title: "Refused attempt to change an organization policy",
    severity: "medium",
    filter: `${ACTIVITY}
(
  ${POLICY_WRITE}
)
protoPayload.status.code=7`,
    reads: [...READS, ...AUTHORIZATION_FIELDS],
    extract: (view, context) => {
      const { key } = constraintAt(view);
      const weak = judge(view, context).changes.filter(({ effect }) => effect === "weaker");
      return {
        incidentKey: key,
        facts: {
          ...placeFacts(view),
          succeeded: false,
          method: view.text(METHOD_NAME)?.split(".").at(-1),
          permission: missingPermission(view),
          asked: weak.length === 0 ? null : toChanges(weak).map(inWords).slice(0, 20),
          statusCode: 7,
        },
      };
    },
    certainty: {
      level: "third-party",
      unconfirmed: [...UNCONFIRMED, "that this service's refusals have the shape of other services' refusals"],
    },
    volume: "One entry for each refused call that writes; few, unless a pipeline lacks a permission and keeps trying.",
    counsel: {
      why: "Nothing changed, but somebody without the permission tried to change an organization policy. It may be a mistake, or a search for a way around the guardrail.",
      falsePositives: "A pipeline or a colleague whose permission was taken away, or never given.",
      steps: [
        "Ask the person, or the owner of the service account, what it was for.",
        DESCRIBE,
        `See what else was tried: \`gcloud logging read 'log_id("cloudaudit.googleapis.com/activity") AND protoPayload.status.code=7' --{facts.scopeKind}={facts.scopeId} --freshness=1d\``,
      ],
      reference: DOCUMENTATION,
    },
  },
  {
    id: "orgpolicy.dryrun_violation",
    category: "policy-violation",
    title: "Organization policy in dry run would have refused this",
    severity: "low",
    filter: String.raw`log_id("cloudaudit.googleapis.com/policy")
protoPayload.metadata.@type=~"\.(OrgPolicyDryRunAuditMetadata|OrgPolicyViolationInfo)$"`,
    reads: [...ADMIN_READS, ...DRY_RUN_FIELDS, ...OBSERVED_FIELDS],
    refine: (view) => {
      const { constraint, dryRunResult } = dryRunVerdict(view);
      if (dryRunResult !== null && dryRunResult.toUpperCase() !== "DENIED") {
        return refused("the policy in dry run would have let it through");
      }
      if (constraint === null) return refused("no constraint is named");
      return accepted(dryRunResult === null ? "medium" : "high");
    },
    extract: dryRunViolation,
    certainty: {
      level: "third-party",
      unconfirmed: [
        "service, method and resource of these entries",
        "which of two message types the metadata has",
        "the fields beside constraint and result",
      ],
    },
    volume: "One entry for each call that a policy in dry run would have refused: as many as it is wrong about.",
    counsel: {
      why: "The call went through. Once the policy is enforced, calls like this one are refused: better to mend them now.",
      falsePositives: "None known: this is written only where a policy is set for dry run.",
      steps: [
        "See the policy that is tried: `gcloud org-policies describe {facts.constraintName} --project={project}`",
        "Tell the owner of the resource what has to change before the policy is enforced.",
        "See how many more there are: `gcloud logging read 'log_id(\"cloudaudit.googleapis.com/policy\")' --project={project} --freshness=7d --limit=50`",
      ],
      reference: "https://cloud.google.com/resource-manager/docs/organization-policy/dry-run-policy",
    },
  },
];

interface Judgement {
  readonly changes: readonly GradedChange[];
  readonly comparedWith: "previous" | "none";
}

function judge(view: EntryView, context: ClassifyContext): Judgement {
  const before = context.previousState?.(stateKey(view));
  const isKnown = before !== undefined;
  const comparedWith = isKnown ? "previous" : "none";
  if (isCustomConstraint(view)) {
    const after = isDeletion(view) ? null : customConstraintIn(view);
    if (after === null && !isDeletion(view)) return { changes: [], comparedWith };
    return { changes: compareCustomConstraints(before, after), comparedWith };
  }
  const after = isDeletion(view) ? null : orgPolicyFrom(orgPolicyIn(view));
  if (after === null && !isDeletion(view)) return { changes: [], comparedWith };
  return isKnown
    ? { changes: compareOrgPolicies(orgPolicyFrom(before), after), comparedWith }
    : { changes: weaknessesOfOrgPolicy(after), comparedWith };
}

function policyChange(view: EntryView, context: ClassifyContext): Extraction {
  const judgement = judge(view, context);
  const { constraint, key } = constraintAt(view);
  return {
    incidentKey: key,
    // How grave it is, is known of the constraints that are watched.
    facts: { ...placeFacts(view), weakening: isWatchedConstraint(constraint) ? gravest(judgement.changes) : null },
    changes: toChanges(judgement.changes),
    comparedWith: judgement.comparedWith,
  };
}

/** Where the policy is set, in words and as gcloud wants it. */
function placeFacts(view: EntryView): Readonly<Record<string, Fact | null>> {
  const { constraint, scope } = constraintAt(view);
  return { constraint, watched: isWatchedConstraint(constraint), ...scopeFacts(scope) };
}

function scopeFacts(scope: string): Readonly<Record<string, Fact | null>> {
  const [collection = "", id = ""] = scope.split("/");
  return { scope, scopeKind: collection.replace(/s$/, ""), scopeId: id };
}

function observe(view: EntryView): ObservedState | null {
  if (isTagBinding(view)) return null;
  const key = stateKey(view);
  if (isDeletion(view)) return { key, state: null };
  const state = isCustomConstraint(view) ? customConstraintIn(view) : orgPolicyFrom(orgPolicyIn(view));
  return state === null ? null : { key, state };
}

/** A custom constraint and a policy that uses it share a story, but are two things. */
function stateKey(view: EntryView): string {
  const { key } = constraintAt(view);
  return isCustomConstraint(view) ? `custom-constraint/${key}` : key;
}

function isCustomConstraint(view: EntryView): boolean {
  return methodOf(view).endsWith("CustomConstraint");
}

function isDeletion(view: EntryView): boolean {
  const method = methodOf(view);
  return method.startsWith("Delete") || method.startsWith("Clear");
}

function isTagBinding(view: EntryView): boolean {
  return methodOf(view).endsWith("TagBinding");
}

function methodOf(view: EntryView): string {
  return view.text(METHOD_NAME)?.split(".").at(-1) ?? "";
}

function inWords({ field: name, after }: { readonly field: string; readonly after: string | null }): string {
  return `${name}: ${after ?? "removed"}`;
}

function tagBinding(view: EntryView): Extraction {
  const binding = view.object(TAG_BINDING);
  // tagBindings/FULL_RESOURCE_NAME_ENCODED/tagValues/NUMBER
  const name = view.text(REQUEST_NAME) ?? textOrNull(member(binding, "name")) ?? "";
  const encoded = nameAfter(name, "tagBindings");
  const tagValue =
    textOrNull(member(binding, "tagValue")) ?? (name === "" ? null : name.slice(name.indexOf("tagValues/")));
  const project = projectOf(view);
  const scope = project === null ? scopeOf(view) : `projects/${project}`;
  return {
    incidentKey: `org-policy/${scope}/tag-bindings`,
    facts: {
      tagValue,
      bound: !isDeletionOfBinding(view),
      boundTo: textOrNull(member(binding, "parent")) ?? (encoded === null ? null : percentDecoded(encoded)),
      watched: false,
      ...scopeFacts(scope),
    },
    aliases: operationAlias(view),
  };
}

function isDeletionOfBinding(view: EntryView): boolean {
  return methodOf(view) === "DeleteTagBinding";
}

const CLOUD_RUN =
  /^\/\/run\.googleapis\.com\/projects\/[^/]+\/locations\/([^/]+)\/(?:services|jobs|workerPools)\/[^/]+$/;

/** Where it is about a workload of Cloud Run, it is part of that workload's story. */
function dryRunViolation(view: EntryView): Extraction {
  const { constraint, liveResult, resourceType } = dryRunVerdict(view);
  const resource = view.text(RESOURCE_NAME) ?? "";
  const name = constraint ?? "unknown";
  const project = projectOf(view);
  const facts = {
    constraint: name,
    constraintName: shortConstraint(name),
    watched: isWatchedConstraint(name),
    enforced: false,
    liveResult,
    resourceType,
  };
  const location = CLOUD_RUN.exec(resource)?.[1];
  if (location === undefined) {
    const scope = project === null ? scopeOf(view) : `projects/${project}`;
    return { incidentKey: `org-policy/${scope}/${shortConstraint(name)}`, facts };
  }
  const workload = cloudRunWorkload(view);
  const key = [workload.kind, project ?? "unknown", location, workload.name ?? "unknown"].join("/");
  return { incidentKey: key, workload, facts };
}
