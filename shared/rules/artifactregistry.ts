import { EVERYBODY, type Grant, IAM_BINDING_FIELDS, requestedGrants } from "../audit-log/iam-bindings.ts";
import { isObject, type JsonObject, member } from "../audit-log/json.ts";
import { projectOf } from "../audit-log/origin.ts";
import { nameAfter, RESOURCE_NAME } from "../audit-log/payload.ts";
import { changesField, UPDATE_MASK_FIELDS, updateMask } from "../audit-log/update-mask.ts";
import { type EntryView, field } from "../audit-log/view.ts";
import { ADMIN_READS, operationAlias, successfulCalls } from "../classifier/admin-activity.ts";
import { accessKeyOf, grantDifference, grantText, observedGrants } from "../classifier/compare-grants.ts";
import { type GradedChange, neutral, stronger, toChanges, weaker } from "../classifier/graded-change.ts";
import {
  ACCEPTED,
  type ClassifyContext,
  type Extraction,
  type ObservedState,
  type Rule,
  refused,
} from "../classifier/rule.ts";
import { watchedAttempt } from "../classifier/watched-attempt.ts";
import type { Counsel } from "../finding.ts";

const SERVICE = "artifactregistry.googleapis.com";
const REPOSITORY_ID = field("protoPayload.request.repositoryId");
const REPOSITORY = field("protoPayload.request.repository");
const method = (names: string) =>
  String.raw`^google\.devtools\.artifactregistry\.v[0-9a-z]+\.ArtifactRegistry\.(${names})$`;
const REPOSITORY_READS = [...ADMIN_READS, REPOSITORY_ID, REPOSITORY, ...UPDATE_MASK_FIELDS];

/** Which log image operations are in is not confirmed: data access is likely, and off unless it was turned on. */
const IMAGE_CALLS = (
  names: string,
) => `(log_id("cloudaudit.googleapis.com/activity") OR log_id("cloudaudit.googleapis.com/data_access"))
protoPayload.serviceName="${SERVICE}"
protoPayload.methodName=~"${names}"
NOT protoPayload.status.code>0`;

export const artifactregistryRules: readonly Rule[] = [
  {
    id: "artifactregistry.repository_created",
    category: "guardrail-change",
    title: "Image repository created",
    severity: "low",
    filter: successfulCalls(SERVICE, method("CreateRepository")),
    reads: REPOSITORY_READS,
    extract: repositoryEvent,
    observe: observedRepository,
    certainty: { level: "schema", unconfirmed: ["the request of CreateRepository in an entry"] },
    volume: "Two entries for each new repository: some a month.",
    counsel: counsel(
      "An allowlist pattern of the policy may cover the new repository already: then whoever can push to it can deploy unchecked.",
      "See whether the policy lets it in: `gcloud container binauthz policy export --project={project}`",
    ),
  },
  {
    id: "artifactregistry.scanning_disabled",
    category: "guardrail-change",
    title: "Vulnerability scanning of a repository disabled",
    severity: "high",
    change: "artifactregistry.repository",
    filter: `${successfulCalls(SERVICE, method("UpdateRepository"))}
protoPayload.request.repository.vulnerabilityScanningConfig.enablementConfig="DISABLED"`,
    reads: REPOSITORY_READS,
    refine: (view) =>
      changesField(updateMask(view), "vulnerabilityScanningConfig")
        ? ACCEPTED
        : refused("the request names the setting without changing it"),
    extract: repositoryEvent,
    observe: observedRepository,
    certainty: { level: "schema", unconfirmed: ["the request of UpdateRepository in an entry"] },
    volume: "One entry each time: a handful a year.",
    counsel: counsel(
      "New images of this repository are not scanned any more, and checks of vulnerabilities see nothing.",
      "Turn it on again: `gcloud artifacts repositories update {facts.repository} --allow-vulnerability-scanning --location={facts.repositoryLocation} --project={project}`",
    ),
  },
  {
    id: "artifactregistry.repository_updated",
    category: "guardrail-change",
    title: "Image repository changed",
    severity: "low",
    change: "artifactregistry.repository",
    filter: successfulCalls(SERVICE, method("UpdateRepository")),
    reads: REPOSITORY_READS,
    extract: repositoryEvent,
    observe: observedRepository,
    certainty: { level: "schema", unconfirmed: ["the request of UpdateRepository in an entry"] },
    volume: "One entry for each changed repository: some a month.",
    counsel: counsel(
      "With mutable tags an image can be exchanged behind its name; clean-up policies can delete what is needed.",
      "Compare it with its source: `terraform plan` in the folder that owns it.",
    ),
  },
  {
    id: "artifactregistry.iam_changed",
    category: "guardrail-change",
    title: "Image repository opened to the public",
    severity: "high",
    filter: `${successfulCalls(SERVICE, method("SetIamPolicy"))}
protoPayload.request.policy.bindings.members=("allUsers" OR "allAuthenticatedUsers")`,
    reads: [...REPOSITORY_READS, ...IAM_BINDING_FIELDS],
    refine: (view, context) =>
      opened(view, context).grants.length > 0 ? ACCEPTED : refused("everybody had this role before"),
    extract: (view, context) => {
      const { grants, comparedWith } = opened(view, context);
      const [role, everybody] = grants[0] ?? [null, null];
      return {
        incidentKey: keyOf(view),
        facts: { ...repositoryFacts(view), member: everybody, role },
        changes: toChanges(grants.map((grant) => weaker("bindings", null, grantText(grant), "high"))),
        ...(comparedWith === null ? {} : { comparedWith }),
      };
    },
    observe: (view) => observedGrants(view, accessKeyOf(view)),
    certainty: { level: "schema", unconfirmed: ["the request of SetIamPolicy in an entry"] },
    volume: "One entry for each policy that names everybody: a handful a year.",
    counsel: counsel(
      "Everybody can read the images, or push to them: whoever can push to an allowed repository can deploy.",
      "Take it back: `gcloud artifacts repositories remove-iam-policy-binding {facts.repository} --member={facts.member} --role={facts.role} --location={facts.repositoryLocation} --project={project}`",
    ),
  },
  {
    id: "artifactregistry.image_deleted",
    category: "guardrail-change",
    title: "Image deleted",
    severity: "medium",
    filter: IMAGE_CALLS(
      String.raw`^(google\.devtools\.artifactregistry\.v[0-9a-z]+\.ArtifactRegistry\.DeleteVersion|Docker-DeleteManifest)$`,
    ),
    reads: [...ADMIN_READS, REPOSITORY_ID],
    extract: imageDeletion,
    certainty: {
      level: "schema",
      unconfirmed: ["the log that image operations are in", "the form of Docker-DeleteManifest"],
    },
    volume:
      "One entry for each deleted version, where Data Access logs of the service are on; clean-up jobs make many.",
    counsel: counsel(
      "Evidence of what ran is gone, and a roll-back to it fails.",
      "See what is left of it: `gcloud artifacts docker images list {facts.repositoryLocation}-docker.pkg.dev/{project}/{facts.repository}`",
    ),
  },
  {
    id: "artifactregistry.package_deleted",
    category: "guardrail-change",
    title: "Package or repository of images deleted",
    severity: "high",
    filter: IMAGE_CALLS(method("DeletePackage|DeleteRepository")),
    reads: [...ADMIN_READS, REPOSITORY_ID],
    extract: imageDeletion,
    certainty: { level: "schema", unconfirmed: ["the log that these operations are in"] },
    volume: "One entry for each deleted package or repository: some a month.",
    counsel: counsel(
      "All versions are gone at once: evidence, and every way back to an earlier version.",
      "See what is left: `gcloud artifacts packages list --repository={facts.repository} --location={facts.repositoryLocation} --project={project}`; where the repository itself is gone: `gcloud artifacts repositories list --project={project}`",
    ),
  },
  watchedAttempt({
    service: "artifactregistry",
    serviceName: SERVICE,
    methods: method("UpdateRepository|DeleteRepository|SetIamPolicy|DeletePackage|DeleteVersion"),
    what: "an image repository",
    keyOf: (view) => keyOf(view),
    reads: [REPOSITORY_ID],
    reference: "https://cloud.google.com/artifact-registry/docs/audit-logging",
    command: "gcloud artifacts repositories list --project={project}",
  }),
];

function repositoryName(view: EntryView): string | null {
  return nameAfter(view.text(RESOURCE_NAME) ?? "", "repositories") ?? view.text(REPOSITORY_ID) ?? null;
}

function repositoryFacts(view: EntryView) {
  const location = nameAfter(view.text(RESOURCE_NAME) ?? "", "locations");
  return { repository: repositoryName(view), repositoryLocation: location };
}

/** repository/PROJECT/LOCATION/NAME */
function keyOf(view: EntryView): string {
  const { repository, repositoryLocation } = repositoryFacts(view);
  return ["repository", projectOf(view) ?? "unknown", repositoryLocation ?? "unknown", repository ?? "unknown"].join(
    "/",
  );
}

function repositoryEvent(view: EntryView, context: ClassifyContext): Extraction {
  const changes = repositoryChanges(view, context);
  return {
    incidentKey: keyOf(view),
    facts: repositoryFacts(view),
    changes: toChanges(changes),
    ...(changes.length === 0 ? {} : { comparedWith: before(view, context) === undefined ? "none" : "previous" }),
    aliases: operationAlias(view),
  };
}

interface RepositoryState {
  readonly scanning?: string;
  readonly immutableTags?: boolean;
}

/** What the request sets of that which guards: whether images are scanned, and whether tags can be moved. */
function repositoryAfter(view: EntryView): RepositoryState {
  const mask = updateMask(view);
  const repository = view.object(REPOSITORY);
  const scanning = member(member(repository, "vulnerabilityScanningConfig"), "enablementConfig");
  const immutableTags = member(member(repository, "dockerConfig"), "immutableTags");
  return {
    ...(typeof scanning === "string" && changesField(mask, "vulnerabilityScanningConfig") ? { scanning } : {}),
    ...(typeof immutableTags === "boolean" && changesField(mask, "dockerConfig") ? { immutableTags } : {}),
  };
}

function before(view: EntryView, context: ClassifyContext): JsonObject | undefined {
  const state = context.previousState?.(keyOf(view)) as JsonObject | undefined;
  return isObject(state) ? state : undefined;
}

/** Without the state before, what is weak in itself: images that are not scanned, tags that can be moved. */
function repositoryChanges(view: EntryView, context: ClassifyContext): readonly GradedChange[] {
  const { scanning, immutableTags } = repositoryAfter(view);
  const was = before(view, context);
  const [scanned, immutable] = [member(was, "scanning"), member(was, "immutableTags")];
  const changes: GradedChange[] = [];
  if (scanning !== undefined && scanning !== scanned) {
    const old = typeof scanned === "string" ? scanned : null;
    const change = scanning === "DISABLED" ? weaker("vulnerabilityScanning", old, scanning, "high") : null;
    changes.push(change ?? neutral("vulnerabilityScanning", old, scanning));
  }
  if (immutableTags !== undefined && immutableTags !== immutable) {
    const old = typeof immutable === "boolean" ? String(immutable) : null;
    changes.push(
      immutableTags ? stronger("immutableTags", old, "true") : weaker("immutableTags", old, "false", "medium"),
    );
  }
  return changes;
}

function observedRepository(view: EntryView): ObservedState | null {
  const state = repositoryAfter(view);
  return Object.keys(state).length === 0 ? null : { key: keyOf(view), state };
}

/** Every role that everybody got; every one that everybody has, where the policy before is not known. */
function opened(view: EntryView, context: ClassifyContext) {
  const isPublic = ([, principal]: Grant) => EVERYBODY.includes(principal);
  const difference = grantDifference(view, context.previousState?.(accessKeyOf(view)));
  if (difference === null) {
    return { grants: (requestedGrants(view) ?? []).filter(isPublic), comparedWith: "none" as const };
  }
  const comparedWith = difference.by === "previous" ? ("previous" as const) : null;
  return { grants: difference.added.filter(isPublic), comparedWith };
}

function imageDeletion(view: EntryView): Extraction {
  const name = view.text(RESOURCE_NAME) ?? "";
  return {
    incidentKey: keyOf(view),
    facts: { ...repositoryFacts(view), package: nameAfter(name, "packages"), digest: nameAfter(name, "versions") },
    aliases: operationAlias(view),
  };
}

function counsel(why: string, remedy: string): Counsel {
  return {
    why,
    falsePositives: "Ordinary work of whoever owns the repository.",
    steps: [
      "See the repository: `gcloud artifacts repositories describe {facts.repository} --location={facts.repositoryLocation} --project={project}`, or https://console.cloud.google.com/artifacts?project={project}",
      "Ask the person for the reason.",
      remedy,
    ],
    reference: "https://cloud.google.com/artifact-registry/docs/audit-logging",
  };
}
