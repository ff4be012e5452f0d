import { imageOf } from "../audit-log/images.ts";
import { isObject, type Json, member, textOrNull } from "../audit-log/json.ts";
import { projectOf } from "../audit-log/origin.ts";
import { METHOD_NAME, nameAfter, RESOURCE_NAME } from "../audit-log/payload.ts";
import { type EntryView, field } from "../audit-log/view.ts";
import { ADMIN_READS } from "../classifier/admin-activity.ts";
import { ACCEPTED, accepted, type Extraction, type Rule, refused } from "../classifier/rule.ts";
import { watchedAttempt } from "../classifier/watched-attempt.ts";
import type { Counsel } from "../finding.ts";

const OCCURRENCE = field("protoPayload.request.occurrence");
const OCCURRENCES = field("protoPayload.request.occurrences");
const NOTE_ID = field("protoPayload.request.noteId");
const NOTES = field("protoPayload.request.notes");
const NAME = field("protoPayload.request.name");
const NOTE = field("protoPayload.request.note");
const READS = [...ADMIN_READS, OCCURRENCE, OCCURRENCES, NOTE_ID, NOTES, NAME, NOTE];

const SERVICE = "containeranalysis.googleapis.com";
const methods = (names: string) => String.raw`^grafeas\.v[0-9a-z]+\.Grafeas[A-Za-z0-9]*\.(${names})$`;

/** Grafeas calls are in the Data Access log as far as is known; the Admin Activity log is looked at as well. */
const calls = (
  names: string,
) => `(log_id("cloudaudit.googleapis.com/data_access") OR log_id("cloudaudit.googleapis.com/activity"))
protoPayload.serviceName="${SERVICE}"
protoPayload.methodName=~"${methods(names)}"`;
const grafeas = (names: string) => `${calls(names)}
NOT protoPayload.status.code>0`;

const CERTAINTY = {
  level: "schema",
  unconfirmed: ["that these calls are in the Data Access log", "the request in an entry"],
} as const;
const VOLUME =
  "Nothing until Data Access logs of containeranalysis.googleapis.com are on; then one entry for each call, as many as there are builds.";

const WRITES =
  "CreateOccurrence|BatchCreateOccurrences|UpdateOccurrence|DeleteOccurrence|CreateNote|BatchCreateNotes|UpdateNote|DeleteNote";

export const attestationRules: readonly Rule[] = [
  {
    id: "attestation.created",
    category: "guardrail-change",
    title: "Image attested",
    severity: "low",
    filter: grafeas("CreateOccurrence|BatchCreateOccurrences"),
    reads: READS,
    refine: (view) =>
      attestations(view).length > 0 ? ACCEPTED : refused("an occurrence of another kind: nothing was attested"),
    extract: attested,
    certainty: CERTAINTY,
    volume: VOLUME,
    counsel: counsel(
      "An attestation lets an image pass. Pipelines make them; one by a person is worth a question.",
      "See it: `gcloud container binauthz attestations list --attestor=ATTESTOR --attestor-project={project} --artifact-url={images.0.reference}`",
    ),
  },
  {
    id: "attestation.changed",
    category: "guardrail-change",
    title: "Attestation changed",
    severity: "medium",
    filter: grafeas("UpdateOccurrence"),
    reads: READS,
    refine: (view) =>
      attestations(view).length > 0 ? ACCEPTED : refused("an occurrence of another kind: no attestation was changed"),
    extract: attested,
    certainty: CERTAINTY,
    volume: VOLUME,
    counsel: counsel(
      "An attestation is made once and stays as it is. One that is changed may let another image pass than the one that was checked.",
      "See it: `gcloud container binauthz attestations list --attestor=ATTESTOR --attestor-project={project} --artifact-url={images.0.reference}`",
    ),
  },
  {
    id: "attestation.deleted",
    category: "guardrail-change",
    title: "Occurrence deleted, maybe an attestation",
    severity: "medium",
    filter: grafeas("DeleteOccurrence"),
    reads: READS,
    // The call names an occurrence and does not say of what kind it was.
    refine: () => accepted("medium"),
    extract: occurrence,
    certainty: CERTAINTY,
    volume: VOLUME,
    counsel: counsel(
      "If it was an attestation, the image does not pass any more: the next deployment of it is refused, or breaks the glass.",
      "See what is left: `gcloud container binauthz attestations list --attestor=ATTESTOR --attestor-project={project}`",
    ),
  },
  {
    id: "attestation.note_created",
    category: "guardrail-change",
    title: "Note of an attestation authority created",
    severity: "medium",
    filter: grafeas("CreateNote|BatchCreateNotes"),
    reads: READS,
    refine: (view) => (isAuthority(view) ? ACCEPTED : refused("a note of another kind: it makes no authority")),
    extract: noted,
    certainty: CERTAINTY,
    volume: VOLUME,
    counsel: counsel(
      "A note is what an attestor stands on. A new one can be the first step to an attestor that signs everything.",
      "See which attestors use it: `gcloud container binauthz attestors list --project={project} --format=yaml`",
    ),
  },
  {
    id: "attestation.note_changed",
    category: "guardrail-change",
    title: "Note of an attestation authority changed",
    severity: "medium",
    filter: grafeas("UpdateNote"),
    reads: READS,
    refine: (view) => (isAuthority(view) ? ACCEPTED : refused("a note of another kind: no authority stands on it")),
    extract: noted,
    certainty: CERTAINTY,
    volume: VOLUME,
    counsel: counsel(
      "A note is what an attestor stands on: attestations are attached to it, and found by it.",
      "See which attestors use it: `gcloud container binauthz attestors list --project={project} --format=yaml`",
    ),
  },
  {
    id: "attestation.note_deleted",
    category: "guardrail-change",
    title: "Note deleted, maybe of an attestation authority",
    severity: "high",
    filter: grafeas("DeleteNote"),
    reads: READS,
    refine: () => accepted("medium"),
    extract: noted,
    certainty: CERTAINTY,
    volume: VOLUME,
    counsel: counsel(
      "Without its note an attestor verifies nothing: every deployment that needs it is refused, or breaks the glass.",
      "See which attestors used it: `gcloud container binauthz attestors list --project={project} --format=yaml`",
    ),
  },
  {
    ...watchedAttempt({
      service: "attestation",
      serviceName: SERVICE,
      methods: methods(WRITES),
      what: "attestations or the notes they stand on",
      keyOf: attemptKey,
      reads: READS,
      reference: "https://cloud.google.com/binary-authorization/docs/making-attestations",
      command: "gcloud container binauthz attestors list --project={project} --format=yaml",
    }),
    filter: `${calls(WRITES)}
protoPayload.status.code=7`,
    certainty: CERTAINTY,
    volume:
      "Nothing until Data Access logs of containeranalysis.googleapis.com are on; then one for each refused call.",
  },
];

function attestations(view: EntryView): readonly Json[] {
  return [...view.values(OCCURRENCE), ...view.values(OCCURRENCES)].filter(
    (occurrence) => member(occurrence, "kind") === "ATTESTATION" || isObject(member(occurrence, "attestation")),
  );
}

function attested(view: EntryView): Extraction {
  const found = attestations(view);
  const note = textOrNull(member(found[0], "noteName"));
  const images = found
    .map((occurrence) => textOrNull(member(occurrence, "resourceUri")))
    .filter((uri) => uri !== null)
    .map((uri) => imageOf(uri.replace(/^https?:\/\//, "")));
  const signatures = member(member(found[0], "attestation"), "signatures");
  const keys = (Array.isArray(signatures) ? (signatures as readonly Json[]) : [])
    .map((signature) => textOrNull(member(signature, "publicKeyId")))
    .filter((key) => key !== null);
  return {
    incidentKey: ["attestation", projectOf(view) ?? "unknown", nameAfter(note ?? "", "notes") ?? "unknown"].join("/"),
    images,
    facts: { note, keys },
  };
}

function isAuthority(view: EntryView): boolean {
  if (isObject(member(view.object(NOTE), "attestationAuthority"))) return true;
  const kind = textOrNull(member(view.object(NOTE), "kind"));
  if (kind !== null && kind !== "NOTE_KIND_UNSPECIFIED")
    return kind === "ATTESTATION" || kind === "ATTESTATION_AUTHORITY";
  return Object.values(view.object(NOTES) ?? {}).some((note) => isObject(member(note, "attestationAuthority")));
}

/** As the change would be called, had it not been refused. */
function attemptKey(view: EntryView): string {
  if (/Note/.test(view.text(METHOD_NAME) ?? "")) return noted(view).incidentKey;
  return attestations(view).length > 0 ? attested(view).incidentKey : occurrence(view).incidentKey;
}

/** attestation/PROJECT/OCCURRENCE, where the call names the occurrence alone. */
function occurrence(view: EntryView): Extraction {
  return {
    incidentKey: ["attestation", projectOf(view) ?? "unknown", lastName(view) ?? "unknown"].join("/"),
    facts: { occurrence: view.text(NAME) ?? view.text(RESOURCE_NAME) },
  };
}

/** note/PROJECT/NAME */
function noted(view: EntryView): Extraction {
  const note = view.text(NOTE_ID) ?? Object.keys(view.object(NOTES) ?? {})[0] ?? lastName(view) ?? "unknown";
  return { incidentKey: ["note", projectOf(view) ?? "unknown", note].join("/"), facts: { note } };
}

function lastName(view: EntryView): string | null {
  return (view.text(NAME) ?? view.text(RESOURCE_NAME))?.split("/").at(-1) ?? null;
}

function counsel(why: string, look: string): Counsel {
  return {
    why,
    falsePositives: "The pipelines that build and attest images make these calls all day.",
    steps: [
      "Compare the caller, {actor.principal}, with the service accounts of your pipelines; ask the person otherwise.",
      look,
      `See what else the caller did: \`gcloud logging read 'protoPayload.authenticationInfo.principalEmail="{actor.principal}"' --project={project} --freshness=1d --limit=50\``,
    ],
    reference: "https://cloud.google.com/binary-authorization/docs/making-attestations",
  };
}
