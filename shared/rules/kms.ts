import { nameAfter, RESOURCE_NAME } from "../audit-log/payload.ts";
import { changesField, UPDATE_MASK_FIELDS, updateMask } from "../audit-log/update-mask.ts";
import { type EntryView, field } from "../audit-log/view.ts";
import { ADMIN_READS, successfulCalls } from "../classifier/admin-activity.ts";
import { ACCEPTED, type Extraction, type Rule, refused } from "../classifier/rule.ts";
import { watchedAttempt } from "../classifier/watched-attempt.ts";
import type { Counsel } from "../finding.ts";

const SERVICE = "cloudkms.googleapis.com";
const STATE = field("protoPayload.request.cryptoKeyVersion.state");
/** The audit log of this service writes methods without their package. */
const method = (names: string) => String.raw`^(google\.cloud\.kms\.v[0-9a-z]+\.KeyManagementService\.)?(${names})$`;

export const kmsRules: readonly Rule[] = [
  {
    id: "kms.key_version_destroyed",
    category: "guardrail-change",
    title: "Key version scheduled for destruction",
    severity: "high",
    filter: successfulCalls(SERVICE, method("DestroyCryptoKeyVersion")),
    reads: ADMIN_READS,
    extract: (view) => keyVersion(view, "DESTROY_SCHEDULED"),
    certainty: { level: "seen", unconfirmed: ["the request of DestroyCryptoKeyVersion in an entry"] },
    volume: "One entry for each destroyed key version: a handful a month, by rotation.",
    counsel: counsel(
      "If an attestor signs with this key, nothing can be attested any more, and the next deployment has to break the glass.",
      "Until the end of its waiting time it can be brought back: `gcloud kms keys versions restore {facts.version} --key={facts.keyName} --keyring={facts.keyRing} --location={facts.keyLocation} --project={project}`",
      "https://cloud.google.com/kms/docs/destroy-restore",
    ),
  },
  {
    id: "kms.key_version_disabled",
    category: "guardrail-change",
    title: "Key version disabled",
    severity: "high",
    filter: `${successfulCalls(SERVICE, method("UpdateCryptoKeyVersion"))}
protoPayload.request.cryptoKeyVersion.state="DISABLED"`,
    reads: [...ADMIN_READS, STATE, ...UPDATE_MASK_FIELDS],
    refine: (view) =>
      changesField(updateMask(view), "state") ? ACCEPTED : refused("the request names the state without changing it"),
    extract: (view) => keyVersion(view, "DISABLED"),
    certainty: { level: "seen", unconfirmed: [] },
    volume: "One entry for each disabled key version: a handful a month, by rotation.",
    counsel: counsel(
      "If an attestor signs with this key, nothing can be attested while it is off, and the next deployment has to break the glass.",
      "Turn it on again: `gcloud kms keys versions enable {facts.version} --key={facts.keyName} --keyring={facts.keyRing} --location={facts.keyLocation} --project={project}`",
      "https://cloud.google.com/kms/docs/enable-disable",
    ),
  },
  watchedAttempt({
    service: "kms",
    serviceName: SERVICE,
    methods: method("DestroyCryptoKeyVersion|UpdateCryptoKeyVersion"),
    what: "a key",
    keyOf: (view) => keyVersion(view, "").incidentKey,
    reference: "https://cloud.google.com/kms/docs/audit-logging",
    command: "gcloud kms inventory list-keys --project={project}",
  }),
];

function keyVersion(view: EntryView, state: string): Extraction {
  const part = (collection: string) => nameAfter(view.text(RESOURCE_NAME) ?? "", collection);
  const [project, location, ring, name, version] = [
    "projects",
    "locations",
    "keyRings",
    "cryptoKeys",
    "cryptoKeyVersions",
  ].map(part);
  return {
    incidentKey: ["kms-key", ...[project, location, ring, name, version].map((one) => one ?? "unknown")].join("/"),
    facts: {
      key: `${name ?? "unknown"}/${version ?? "unknown"}`,
      keyName: name,
      version,
      keyRing: ring,
      keyLocation: location,
      state: state === "" ? null : state,
    },
    changes: [{ field: "state", before: null, after: state, effect: "weaker" }],
  };
}

function counsel(why: string, remedy: string, reference: string): Counsel {
  return {
    why,
    falsePositives: "Keys of other purposes, and old versions that a rotation retires.",
    steps: [
      "See which attestors use it: `gcloud container binauthz attestors list --project={project} --format=yaml`",
      "See the key: `gcloud kms keys versions list --key={facts.keyName} --keyring={facts.keyRing} --location={facts.keyLocation} --project={project}`, or https://console.cloud.google.com/security/kms?project={project}",
      "Ask the person for the reason.",
      remedy,
    ],
    reference,
  };
}
