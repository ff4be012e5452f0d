import { isObject, member } from "../audit-log/json.ts";
import { projectOf } from "../audit-log/origin.ts";
import { nameAfter, RESOURCE_NAME } from "../audit-log/payload.ts";
import { type EntryView, field } from "../audit-log/view.ts";
import { ADMIN_READS, attemptDenied, operationAlias, successfulCalls } from "../classifier/admin-activity.ts";
import { ACCEPTED, type Extraction, type Rule, refused } from "../classifier/rule.ts";
import type { Change, Counsel } from "../finding.ts";

const SERVICE = "artifactregistry.googleapis.com";
const REPOSITORY_ID = field("protoPayload.request.repositoryId");
const REPOSITORY = field("protoPayload.request.repository");
const BINDINGS = field("protoPayload.request.policy.bindings");
const UPDATE_MASK = field("protoPayload.request.updateMask");
const method = (names: string) =>
  String.raw`^google\.devtools\.artifactregistry\.v[0-9a-z]+\.ArtifactRegistry\.(${names})$`;
const PUBLIC_MEMBERS = ["allUsers", "allAuthenticatedUsers"];
const REPOSITORY_READS = [...ADMIN_READS, REPOSITORY_ID, REPOSITORY, UPDATE_MASK];

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
    extract: repositoryEvent,
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
    reads: [...REPOSITORY_READS, BINDINGS],
    refine: (view) => (publicBinding(view) === undefined ? refused("no binding names everybody") : ACCEPTED),
    extract: (view) => {
      const [role, name] = publicBinding(view) ?? [null, null];
      return {
        ...repositoryEvent(view),
        facts: { ...repositoryFacts(view), member: name, role },
        changes: [{ field: "bindings", before: null, after: `${role} to ${name}`, effect: "weaker" }],
      };
    },
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
      "See what is left: `gcloud artifacts repositories list --project={project}`",
    ),
  },
  attemptDenied({
    service: "artifactregistry",
    serviceName: SERVICE,
    methods: method("CreateRepository|UpdateRepository|DeleteRepository|SetIamPolicy|DeletePackage|DeleteVersion"),
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

function repositoryEvent(view: EntryView): Extraction {
  return {
    incidentKey: keyOf(view),
    facts: repositoryFacts(view),
    changes: repositoryChanges(view),
    aliases: operationAlias(view),
  };
}

/** What is weak in itself: without the state before, nothing else can be said. */
function repositoryChanges(view: EntryView): readonly Change[] {
  const repository = view.object(REPOSITORY);
  const scanning = member(member(repository, "vulnerabilityScanningConfig"), "enablementConfig");
  const immutable = member(member(repository, "dockerConfig"), "immutableTags");
  const changes: Change[] = [];
  if (typeof scanning === "string") {
    const effect = scanning === "DISABLED" ? "weaker" : "neutral";
    changes.push({ field: "vulnerabilityScanning", before: null, after: scanning, effect });
  }
  if (typeof immutable === "boolean") {
    changes.push({
      field: "immutableTags",
      before: null,
      after: String(immutable),
      effect: immutable ? "stronger" : "weaker",
    });
  }
  return changes;
}

/** Role and member of the first binding that names everybody. */
function publicBinding(view: EntryView): readonly [string, string] | undefined {
  for (const binding of view.values(BINDINGS).filter(isObject)) {
    const role = member(binding, "role");
    const members = member(binding, "members");
    const everybody = Array.isArray(members)
      ? members.find((name) => PUBLIC_MEMBERS.includes(name as string))
      : undefined;
    if (typeof role === "string" && typeof everybody === "string") return [role, everybody];
  }
  return undefined;
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
      "See the repository: `gcloud artifacts repositories describe {facts.repository} --location={facts.repositoryLocation} --project={project}`",
      "Ask the person for the reason.",
      remedy,
    ],
    reference: "https://cloud.google.com/artifact-registry/docs/audit-logging",
  };
}
