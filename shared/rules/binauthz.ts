import { AUTHORIZATION_FIELDS, missingPermission } from "../audit-log/authorization.ts";
import { attestorIn, BINAUTHZ_FIELDS, guardedResource, policyIn } from "../audit-log/binauthz.ts";
import { IAM_BINDING_FIELDS, requestedGrants } from "../audit-log/iam-bindings.ts";
import { isObject } from "../audit-log/json.ts";
import { METHOD_NAME } from "../audit-log/payload.ts";
import type { EntryView } from "../audit-log/view.ts";
import { ADMIN_READS, adminCalls, successfulCalls } from "../classifier/admin-activity.ts";
import { attestorState, compareAttestors, keyIds } from "../classifier/compare-attestor.ts";
import {
  allowlistWarnings,
  comparePolicies,
  isTerraformDefault,
  policyState,
  weaknessesOf,
} from "../classifier/compare-binauthz-policy.ts";
import { grantDifference, grantText, observedGrants } from "../classifier/compare-grants.ts";
import {
  comparePlatformPolicies,
  platformPolicyState,
  weaknessesOfPlatformPolicy,
} from "../classifier/compare-platform-policy.ts";
import { type GradedChange, gravest, stronger, toChanges, weakensBy, weaker } from "../classifier/graded-change.ts";
import {
  ACCEPTED,
  accepted,
  type ClassifyContext,
  type Extraction,
  type ObservedState,
  type Rule,
  refused,
} from "../classifier/rule.ts";
import type { Fact } from "../finding.ts";

const SERVICE = "binaryauthorization.googleapis.com";
const POLICY_UPDATE = String.raw`\.BinauthzManagementService[0-9A-Za-z]*\.UpdatePolicy$`;
const PLATFORM_POLICY_REPLACE = String.raw`\.PlatformPolicyManagementService\.ReplacePlatformPolicy$`;
/** The first generation of continuous validation had one configuration for a project in the place of policies. */
const PLATFORM_POLICY_CHANGE = String.raw`\.(PlatformPolicyManagementService\.ReplacePlatformPolicy|ContinuousValidationManagementService[0-9A-Za-z]*\.UpdateContinuousValidationConfig)$`;
const WRITE = String.raw`\.(Create|Update|Replace|Delete|Set)[A-Za-z]+$`;

const READS = [...ADMIN_READS, ...BINAUTHZ_FIELDS];
/** A policy has thousands of patterns if somebody wants it to; a finding is read by people. */
const MOST_LISTED = 20;

const ENVELOPE = ["the resource type of this API's entries"];
const AUDIT_LOGGING = "https://cloud.google.com/binary-authorization/docs/audit-logging";
const SHOW_POLICY = "See the policy as it stands: `gcloud container binauthz policy export --project={project}`";
const PAST_POLICIES = `See what it was: each change carries the whole policy, the last but one is the one before: \`gcloud logging read 'log_id("cloudaudit.googleapis.com/activity") AND protoPayload.serviceName="${SERVICE}" AND protoPayload.methodName:"UpdatePolicy" AND severity=NOTICE' --project={project} --freshness=400d --limit=2 --format=json\``;

export const binauthzRules: readonly Rule[] = [
  {
    id: "binauthz.policy_weakened",
    category: "guardrail-change",
    title: "Binary Authorization policy weakened",
    severity: "critical",
    change: "binauthz.policy",
    filter: successfulCalls(SERVICE, POLICY_UPDATE),
    reads: READS,
    refine: (view, context) => {
      const judgement = judgePolicy(view, context);
      if (judgement === null) return refused("the entry carries no policy that could be judged");
      if (!weakensBy(judgement.changes, "high")) return refused("nothing in the policy became weaker");
      return accepted(judgement.comparedWith === "previous" ? "high" : "medium");
    },
    extract: policyChange,
    observe: observePolicy,
    certainty: { level: "documented", unconfirmed: [...ENVELOPE, "that the request holds the whole policy"] },
    volume: "One entry for each change of a project's policy: a few a month.",
    counsel: {
      why: "From now on the policy lets in images that it refused before, in every cluster and Cloud Run service of the project that follows it.",
      falsePositives:
        "A planned roll-out of a new policy begins in dry run; and without a known earlier state, what is weak may have been so for long.",
      steps: [
        SHOW_POLICY,
        PAST_POLICIES,
        "Ask the person who changed it for the reviewed change behind it; a service account that deploys has a pipeline run behind it.",
        "Way back: put the earlier policy into a file, without etag and updateTime, and set it: `gcloud container binauthz policy import POLICY_FILE --project={project}`",
        "What was let in meanwhile keeps running: list what was created since in clusters and Cloud Run, and check its images.",
      ],
      reference: "https://cloud.google.com/binary-authorization/docs/policy-yaml-reference",
    },
  },
  {
    id: "binauthz.policy_changed",
    category: "guardrail-change",
    title: "Binary Authorization policy changed",
    severity: "medium",
    change: "binauthz.policy",
    filter: successfulCalls(SERVICE, POLICY_UPDATE),
    reads: READS,
    refine: (view, context) =>
      weakensBy(judgePolicy(view, context)?.changes ?? [], "high")
        ? refused("it weakens the policy: binauthz.policy_weakened tells of it")
        : ACCEPTED,
    extract: policyChange,
    observe: observePolicy,
    certainty: { level: "documented", unconfirmed: [...ENVELOPE, "that the request holds the whole policy"] },
    volume: "One entry for each change of a project's policy: a few a month.",
    counsel: {
      why: "The policy decides which images may run. This change made nothing weaker that we can see, but it can stop deployments: a new rule, an attestor more, a pattern less.",
      falsePositives: "A reviewed change of the policy; without a known earlier state only plain weaknesses are found.",
      steps: [
        SHOW_POLICY,
        PAST_POLICIES,
        "See that nobody is stuck behind it: refused deployments since then come as cloudrun.denied and gke.denied.",
      ],
      reference: "https://cloud.google.com/binary-authorization/docs/policy-yaml-reference",
    },
  },
  {
    id: "binauthz.attestor_created",
    category: "guardrail-change",
    title: "Attestor created",
    severity: "medium",
    filter: successfulCalls(SERVICE, String.raw`\.BinauthzManagementService[0-9A-Za-z]*\.CreateAttestor$`),
    reads: READS,
    extract: (view) => ({ ...attestorEvent(view), facts: attestorFacts(view) }),
    observe: observeAttestor,
    certainty: { level: "documented", unconfirmed: ENVELOPE },
    volume: "One entry for each attestor that is made: rare.",
    counsel: {
      why: "Whoever holds a key of this attestor can vouch for images, as soon as a policy asks for it.",
      falsePositives: "A new pipeline that is set up as it should be.",
      steps: [
        "See its keys and its note: `gcloud container binauthz attestors describe {facts.attestorId} --project={project}`",
        "See whether the policy asks for it already: `gcloud container binauthz policy export --project={project}`",
        "Ask the person who made it whose keys these are.",
      ],
      reference: "https://cloud.google.com/binary-authorization/docs/creating-attestors-cli",
    },
  },
  {
    id: "binauthz.attestor_updated",
    category: "guardrail-change",
    title: "Attestor changed: other keys may sign for it",
    severity: "high",
    filter: successfulCalls(SERVICE, String.raw`\.BinauthzManagementService[0-9A-Za-z]*\.UpdateAttestor$`),
    reads: READS,
    extract: (view, context) => {
      const before = previous(context, guardedResource(view).key);
      const attestor = attestorIn(view);
      return {
        ...attestorEvent(view),
        facts: attestorFacts(view),
        changes: before === undefined || attestor === null ? [] : toChanges(compareAttestors(before, attestor)),
        comparedWith: before === undefined || attestor === null ? "none" : "previous",
      };
    },
    observe: observeAttestor,
    certainty: { level: "documented", unconfirmed: [...ENVELOPE, "that the request holds the whole attestor"] },
    volume: "One entry for each change of an attestor: rare.",
    counsel: {
      why: "Any one key of an attestor is enough to vouch for an image. A key that was slipped in lets its holder sign anything for every policy that trusts this attestor.",
      falsePositives: "A planned rotation of keys: the new key is added first, the old one removed later.",
      steps: [
        "See whose keys it trusts: `gcloud container binauthz attestors describe {facts.attestorId} --project={project}`",
        "Ask the person who changed it for the reviewed change, and compare each key with the pipeline's.",
        "Way back: take out a key that nobody answers for: `gcloud container binauthz attestors public-keys remove KEY_ID --attestor={facts.attestorId} --project={project}`",
        "Then see what was signed meanwhile: `gcloud container binauthz attestations list --attestor={facts.attestorId} --attestor-project={project}`",
      ],
      reference: "https://cloud.google.com/binary-authorization/docs/creating-attestors-cli",
    },
  },
  {
    id: "binauthz.attestor_deleted",
    category: "guardrail-change",
    title: "Attestor deleted",
    severity: "high",
    filter: successfulCalls(SERVICE, String.raw`\.BinauthzManagementService[0-9A-Za-z]*\.DeleteAttestor$`),
    reads: READS,
    extract: attestorEvent,
    observe: (view) => ({ key: guardedResource(view).key, state: null }),
    certainty: { level: "documented", unconfirmed: ENVELOPE },
    volume: "One entry for each attestor that is deleted: rare.",
    counsel: {
      why: "A policy that asks for this attestor now refuses every image; the quick way out of that is to weaken the policy.",
      falsePositives: "An attestor that no policy asks for any more is cleared away.",
      steps: [
        "See whether the policy still asks for it: `gcloud container binauthz policy export --project={project}`",
        "Make it again with the same name and note if it does, and add the pipeline's keys: `gcloud container binauthz attestors create {facts.attestorId} --attestation-authority-note=NOTE_ID --attestation-authority-note-project={project} --project={project}`",
        "Ask the person who deleted it for the change behind it.",
      ],
      reference: "https://cloud.google.com/binary-authorization/docs/creating-attestors-cli",
    },
  },
  {
    id: "binauthz.platform_policy_created",
    category: "guardrail-change",
    title: "Platform policy created",
    severity: "low",
    filter: successfulCalls(SERVICE, String.raw`\.PlatformPolicyManagementService\.CreatePlatformPolicy$`),
    reads: READS,
    extract: (view) => {
      const policy = policyIn(view);
      const weak = policy === null ? [] : platformWeaknesses(view, policy);
      return { ...platformPolicyEvent(view), changes: toChanges(weak), comparedWith: "none" };
    },
    observe: observePlatformPolicy,
    certainty: { level: "documented", unconfirmed: ENVELOPE },
    volume: "One entry for each platform policy that is made: rare.",
    counsel: {
      why: "Continuous validation checks what runs by this policy, as soon as a cluster is bound to it.",
      falsePositives: "A new policy that is set up as it should be.",
      steps: [
        "See what it checks: `gcloud beta container binauthz policy describe {facts.policy} --platform={facts.platform} --project={project}`",
        "See which clusters follow it: `gcloud container clusters list --project={project} --format='value(name,binaryAuthorization.policyBindings)'`",
      ],
      reference: "https://cloud.google.com/binary-authorization/docs/overview-cv",
    },
  },
  {
    id: "binauthz.platform_policy_weakened",
    category: "guardrail-change",
    title: "Platform policy weakened: continuous validation checks less",
    severity: "high",
    change: "binauthz.platform_policy",
    filter: successfulCalls(SERVICE, PLATFORM_POLICY_REPLACE),
    reads: READS,
    refine: (view, context) => {
      const judgement = judgePlatformPolicy(view, context);
      if (judgement === null) return refused("the entry carries no policy that could be judged");
      if (!weakensBy(judgement.changes)) return refused("nothing in the policy became weaker");
      return accepted(judgement.comparedWith === "previous" ? "high" : "medium");
    },
    extract: platformPolicyChange,
    observe: observePlatformPolicy,
    certainty: { level: "documented", unconfirmed: [...ENVELOPE, "that the request holds the whole policy"] },
    volume: "One entry for each change of a platform policy: rare.",
    counsel: {
      why: "Continuous validation no longer reports what this policy stopped checking. It blocks nothing, but it is how somebody would notice.",
      falsePositives:
        "Checks that are reworked in a reviewed change; and without a known earlier state, what is weak may have been so for long.",
      steps: [
        "See what it checks now: `gcloud beta container binauthz policy describe {facts.policy} --platform={facts.platform} --project={project}`",
        `See what it was: \`gcloud logging read 'log_id("cloudaudit.googleapis.com/activity") AND protoPayload.methodName:"PlatformPolicy"' --project={project} --freshness=400d --limit=5 --format=json\``,
        "Way back: put the earlier policy into a file and set it: `gcloud beta container binauthz policy update {facts.policy} --platform={facts.platform} --policy-file=POLICY_FILE --project={project}`",
        "Ask the person who changed it for the reviewed change behind it.",
      ],
      reference: "https://cloud.google.com/binary-authorization/docs/overview-cv",
    },
  },
  {
    id: "binauthz.platform_policy_changed",
    category: "guardrail-change",
    title: "Platform policy changed",
    severity: "low",
    change: "binauthz.platform_policy",
    filter: successfulCalls(SERVICE, PLATFORM_POLICY_CHANGE),
    reads: READS,
    refine: (view, context) =>
      weakensBy(judgePlatformPolicy(view, context)?.changes ?? [])
        ? refused("it weakens the policy: binauthz.platform_policy_weakened tells of it")
        : ACCEPTED,
    extract: platformPolicyChange,
    observe: observePlatformPolicy,
    certainty: {
      level: "documented",
      unconfirmed: [...ENVELOPE, "what a request to change the old continuous validation configuration holds"],
    },
    volume: "One entry for each change of a platform policy: rare.",
    counsel: {
      why: "The policy decides what continuous validation reports. This change made nothing weaker that we can see.",
      falsePositives: "A reviewed change of the policy; without a known earlier state only plain weaknesses are found.",
      steps: [
        "See what it checks now: `gcloud beta container binauthz policy describe {facts.policy} --platform={facts.platform} --project={project}`",
        "Ask the person who changed it what it was for, if nobody expected it.",
      ],
      reference: "https://cloud.google.com/binary-authorization/docs/overview-cv",
    },
  },
  {
    id: "binauthz.platform_policy_deleted",
    category: "guardrail-change",
    title: "Platform policy deleted",
    severity: "high",
    filter: successfulCalls(SERVICE, String.raw`\.PlatformPolicyManagementService\.DeletePlatformPolicy$`),
    reads: READS,
    extract: platformPolicyEvent,
    observe: (view) => ({ key: guardedResource(view).key, state: null }),
    certainty: { level: "documented", unconfirmed: ENVELOPE },
    volume: "One entry for each platform policy that is deleted: rare.",
    counsel: {
      why: "Clusters that were bound to this policy are no longer checked while they run, and nothing else says so.",
      falsePositives: "A policy that no cluster follows any more is cleared away.",
      steps: [
        "See which clusters still name it: `gcloud container clusters list --project={project} --format='value(name,binaryAuthorization.policyBindings)'`",
        "Make it again if one does: `gcloud beta container binauthz policy create {facts.policy} --platform={facts.platform} --policy-file=POLICY_FILE --project={project}`",
        "Ask the person who deleted it for the change behind it.",
      ],
      reference: "https://cloud.google.com/binary-authorization/docs/overview-cv",
    },
  },
  {
    id: "binauthz.iam_changed",
    category: "guardrail-change",
    title: "Who may change Binary Authorization was changed",
    severity: "high",
    filter: successfulCalls(SERVICE, String.raw`(^|\.)SetIamPolicy$`),
    reads: [...READS, ...IAM_BINDING_FIELDS],
    extract: accessChange,
    observe: (view) => observedGrants(view, accessKey(view)),
    certainty: {
      level: "documented",
      unconfirmed: [...ENVELOPE, "whether these entries say what was added and what was removed"],
    },
    volume: "One entry for each change of access to a policy or attestor: rare.",
    counsel: {
      why: "Whoever may change the policy or an attestor can open the door later, without asking anybody.",
      falsePositives: "A team that takes over the policy or the attestor, with a request behind it.",
      steps: [
        "See who may change the policy now: `gcloud container binauthz policy get-iam-policy --project={project}`",
        "See who may change an attestor now: `gcloud container binauthz attestors list --project={project}`, then get-iam-policy on it.",
        "Ask the person who granted it for the request behind it; take back what nobody asked for.",
      ],
      reference: AUDIT_LOGGING,
    },
  },
  {
    id: "binauthz.change_attempt_denied",
    category: "guardrail-change",
    title: "Refused attempt to change Binary Authorization",
    severity: "medium",
    filter: `${adminCalls(SERVICE, WRITE)}
protoPayload.status.code=7`,
    reads: [...READS, ...AUTHORIZATION_FIELDS],
    extract: (view, context) => {
      const { key, name } = guardedResource(view);
      return {
        incidentKey: key,
        facts: {
          succeeded: false,
          method: view.text(METHOD_NAME)?.split(".").at(-1),
          target: name,
          permission: missingPermission(view),
          asked: askedFor(view, context),
          statusCode: 7,
        },
      };
    },
    certainty: {
      level: "seen",
      unconfirmed: [...ENVELOPE, "that this service's refusals have the shape of other services' refusals"],
    },
    volume: "One entry for each refused call that writes; few, unless a pipeline lacks a permission and keeps trying.",
    counsel: {
      why: "Nothing changed, but somebody without the permission tried to change the policy, an attestor, or who may change them. It may be a mistake, or a search for a way around the guardrail.",
      falsePositives: "A pipeline or a colleague whose permission was taken away, or never given.",
      steps: [
        "Ask the person, or the owner of the service account, what it was for.",
        "See that the policy is as it should be: `gcloud container binauthz policy export --project={project}`",
        `See what else was tried: \`gcloud logging read 'log_id("cloudaudit.googleapis.com/activity") AND protoPayload.status.code=7' --project={project} --freshness=1d\``,
      ],
      reference: AUDIT_LOGGING,
    },
  },
];

interface Judgement {
  readonly changes: readonly GradedChange[];
  readonly comparedWith: "previous" | "none";
}

/** The state before, when one is known; null where it is known that there was nothing. */
function previous(context: ClassifyContext, key: string): unknown {
  return context.previousState?.(key);
}

function judgePolicy(view: EntryView, context: ClassifyContext): Judgement | null {
  const policy = policyIn(view);
  const before = previous(context, guardedResource(view).key);
  if (policy === null) return null;
  return isObject(before)
    ? { changes: comparePolicies(before, policy), comparedWith: "previous" }
    : { changes: weaknessesOf(policy), comparedWith: "none" };
}

function policyChange(view: EntryView, context: ClassifyContext): Extraction {
  const { key, name } = guardedResource(view);
  const policy = policyIn(view);
  const judgement = judgePolicy(view, context);
  const warnings = policy === null ? [] : allowlistWarnings(previous(context, key), policy);
  return {
    incidentKey: key,
    facts: {
      policy: name,
      ...gravityOf(judgement),
      signature: policy !== null && isTerraformDefault(policy) ? "terraform destroy" : null,
      allowlistWarnings: listed(warnings),
    },
    ...comparison(judgement),
  };
}

function observePolicy(view: EntryView): ObservedState | null {
  const policy = policyIn(view);
  return policy === null ? null : { key: guardedResource(view).key, state: policyState(policy) };
}

function platformWeaknesses(view: EntryView, policy: NonNullable<ReturnType<typeof policyIn>>) {
  // What a policy for another platform than GKE may leave empty is not documented.
  return guardedResource(view).name.includes("/platforms/gke/") ? weaknessesOfPlatformPolicy(policy) : [];
}

function judgePlatformPolicy(view: EntryView, context: ClassifyContext): Judgement | null {
  const policy = policyIn(view);
  const before = previous(context, guardedResource(view).key);
  if (policy === null) return null;
  return isObject(before)
    ? { changes: comparePlatformPolicies(before, policy), comparedWith: "previous" }
    : { changes: platformWeaknesses(view, policy), comparedWith: "none" };
}

function platformPolicyEvent(view: EntryView): Extraction {
  const { key, name, id } = guardedResource(view);
  const platform = /\/platforms\/([^/]+)/.exec(name)?.[1];
  return { incidentKey: key, facts: { policy: id, platform: platform ?? "gke" } };
}

function platformPolicyChange(view: EntryView, context: ClassifyContext): Extraction {
  const judgement = judgePlatformPolicy(view, context);
  const event = platformPolicyEvent(view);
  return { ...event, facts: { ...event.facts, ...gravityOf(judgement) }, ...comparison(judgement) };
}

function observePlatformPolicy(view: EntryView): ObservedState | null {
  const policy = policyIn(view);
  return policy === null ? null : { key: guardedResource(view).key, state: platformPolicyState(policy) };
}

function attestorEvent(view: EntryView): Extraction {
  const { key, name, id } = guardedResource(view);
  return { incidentKey: key, facts: { attestor: name, attestorId: id } };
}

function attestorFacts(view: EntryView): Readonly<Record<string, Fact | null>> {
  const { name, id } = guardedResource(view);
  const attestor = attestorIn(view);
  const ids = attestor === null ? null : keyIds(attestor);
  return { attestor: name, attestorId: id, keys: ids?.length ?? null, keyIds: ids === null ? null : listed(ids) };
}

function observeAttestor(view: EntryView): ObservedState | null {
  const attestor = attestorIn(view);
  return attestor === null ? null : { key: guardedResource(view).key, state: attestorState(attestor) };
}

/** Access to a thing is not the thing: it has a state of its own. */
function accessKey(view: EntryView): string {
  return `iam-policy/${guardedResource(view).name}`;
}

function accessChange(view: EntryView, context: ClassifyContext): Extraction {
  const { key, name } = guardedResource(view);
  const told = grantDifference(view, previous(context, accessKey(view)));
  const grants = told?.added ?? requestedGrants(view) ?? [];
  const changes = [
    ...(told?.added ?? []).map((grant) => weaker("bindings", null, grantText(grant), "high")),
    ...(told?.removed ?? []).map((grant) => stronger("bindings", grantText(grant), null)),
  ];
  const first = grants[0];
  return {
    incidentKey: key,
    facts: { resource: name, role: first?.[0], member: first?.[1], grants: grants.slice(0, MOST_LISTED) },
    changes: toChanges(changes),
    comparedWith: told === null ? "none" : "previous",
  };
}

/** What a refused change would have weakened. */
function askedFor(view: EntryView, context: ClassifyContext): Fact | null {
  const { kind } = guardedResource(view);
  const judgement = kind === "policy" ? judgePolicy(view, context) : null;
  const weak = (judgement?.changes ?? []).filter(({ effect }) => effect === "weaker");
  return listed(toChanges(weak).map(({ field, after }) => `${field}: ${after ?? "removed"}`));
}

function comparison(judgement: Judgement | null): Pick<Extraction, "changes" | "comparedWith"> {
  return judgement === null
    ? { changes: [], comparedWith: "none" }
    : { changes: toChanges(judgement.changes), comparedWith: judgement.comparedWith };
}

function gravityOf(judgement: Judgement | null): Readonly<Record<string, Fact | null>> {
  return { weakening: gravest(judgement?.changes ?? []) };
}

/** null, and so no fact, where there is nothing to list. */
function listed(texts: readonly string[]): Fact | null {
  if (texts.length === 0) return null;
  const shown = texts.slice(0, MOST_LISTED).map((text) => text.slice(0, 500).toWellFormed());
  return texts.length > shown.length ? [...shown, `and ${texts.length - shown.length} more`] : shown;
}
