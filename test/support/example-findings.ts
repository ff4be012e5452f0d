import { createHash } from "node:crypto";
import type { Counsel, Finding, Image, Workload } from "../../shared/finding.ts";

/** A finding and what its rule advises, named by a sentence. The values are those of the sample entries. */
export interface Example {
  readonly name: string;
  readonly finding: Finding;
  readonly counsel: Counsel;
}

const REPOSITORY = "europe-west1-docker.pkg.dev/example-prod/apps";
const CHECKOUT: Image = {
  reference: `${REPOSITORY}/checkout@sha256:2b5426d077b214d642d4ad37684ad3c061f04f0e6b35c90b878c0f5352f8cfa3`,
  digest: "sha256:2b5426d077b214d642d4ad37684ad3c061f04f0e6b35c90b878c0f5352f8cfa3",
};
const ATTESTOR = "projects/example-prod/attestors/built-by-cloud-build";
const UNATTESTED = "No attestations found that were valid and signed by a key trusted by the attestor";
const CREATOR = "response annotation serving.knative.dev/creator";
const CALLER = "authenticationInfo.principalEmail";

const cloudRunService: Workload = {
  kind: "cloud-run-service",
  name: "checkout",
  revision: "checkout-00042-kjq",
  execution: null,
  pod: null,
  cluster: null,
  namespace: null,
};
const gkePod: Workload = {
  kind: "gke-pod",
  name: "checkout-manual",
  revision: null,
  execution: null,
  pod: "checkout-manual",
  cluster: "prod-ew1",
  namespace: "payments",
};

const breakGlass: Counsel = {
  why: "The image ran without the proof that the policy demands. It keeps running after the emergency is over.",
  falsePositives: "none known",
  steps: [
    "Ask the person whether the emergency is real, and whether it is over.",
    "See what is running: `gcloud run revisions describe {workload.revision} --project={project} --region={location}`",
    "When it is over, deploy an attested image without the flag, which also clears the break-glass annotation: `gcloud run deploy {workload.name} --project={project} --region={location} --image=ATTESTED_IMAGE`",
  ],
  reference: "https://cloud.google.com/binary-authorization/docs/run/breakglass-cloud-run",
};
const podBreakGlass: Counsel = {
  why: "The image ran without the proof that the policy demands. The label stays until somebody removes it.",
  falsePositives: "none known",
  steps: [
    "Find who put the label on: look for the Deployment, Job or other owner that made this Pod.",
    "See the Pod and its image: `kubectl --namespace={workload.namespace} describe pod {workload.pod}`",
    "Remove the label image-policy.k8s.io/break-glass from the template and let new Pods replace the old ones.",
  ],
  reference: "https://cloud.google.com/binary-authorization/docs/using-breakglass",
};
const failOpen: Counsel = {
  why: "As long as Binary Authorization gives no answer, the cluster lets in every image.",
  falsePositives: "none known",
  steps: [
    "See whether it still gives no answer: look for further findings of this kind, and at the status of Google Cloud.",
    "Check the image yourself: `gcloud container binauthz attestations list --artifact-url={images.0.reference} --attestor=ATTESTOR --project={project}`",
    "Take out a Pod that should not run: `kubectl --namespace={workload.namespace} delete pod {workload.pod}`",
  ],
  reference: "https://cloud.google.com/binary-authorization/docs/key-concepts",
};
const refusal: Counsel = {
  why: "Somebody tried to run an image that the policy does not allow, or the policy is missing something it should allow.",
  falsePositives: "Cloud Run gives the same reason when an image of another registry cannot be pulled.",
  steps: [
    "Ask who deployed it whether the image came from the official build.",
    "See which attestations the image has: `gcloud container binauthz attestations list --artifact-url={images.0.reference} --attestor={facts.attestor} --project={project}`",
  ],
  reference: "https://cloud.google.com/binary-authorization/docs/run/viewing-audit-logs-cloud-run",
};
const policyChange: Counsel = {
  why: "Everything that the policy refused before is let in from now on, without any sign at the deployment.",
  falsePositives: "A change that was reviewed, for example by Terraform.",
  steps: [
    "Ask the person whether the change was reviewed.",
    "See the policy as it stands now: `gcloud container binauthz policy export --project={project}`",
    "Put the earlier policy back: `gcloud container binauthz policy import POLICY_FILE --project={project}`",
  ],
  reference: "https://cloud.google.com/binary-authorization/docs/audit-logging",
};

function finding(part: Partial<Finding> & Pick<Finding, "rule" | "category" | "severity" | "title" | "time">): Finding {
  const entry = {
    logName: "projects/example-prod/logs/cloudaudit.googleapis.com%2Fsystem_event",
    insertId: `example-${part.rule}`,
    timestamp: part.time,
  };
  const seed = [entry.logName, entry.timestamp, entry.insertId, part.rule].join("\n");
  return {
    schema: 1,
    id: createHash("sha256").update(seed).digest("hex"),
    confidence: "high",
    scope: "projects/example-prod",
    project: "example-prod",
    location: "europe-west1",
    resource: { type: null, name: null },
    workload: null,
    actor: person("alice@example.com", CALLER),
    justification: null,
    images: [],
    facts: {},
    changes: [],
    comparedWith: null,
    matched: [],
    incidentKey: "cloud-run-service/example-prod/europe-west1/checkout",
    aliases: [],
    links: {
      logs: `https://console.cloud.google.com/logs/query;query=insertId%3D%22${entry.insertId}%22?project=example-prod`,
      resource: null,
    },
    entry,
    ...part,
  };
}

function person(principal: string, via: string): Finding["actor"] {
  const confidence = "high";
  return { principal, kind: "user", via, confidence, person: { principal, via, confidence }, delegation: [] };
}

export const EXAMPLES: readonly Example[] = [
  {
    name: "cloud-run-break-glass-with-justification",
    counsel: breakGlass,
    finding: finding({
      rule: "cloudrun.breakglass",
      category: "break-glass",
      severity: "high",
      title: "Cloud Run deployment with break-glass",
      time: "2026-11-20T09:14:31.486995Z",
      resource: { type: "cloud_run_revision", name: "namespaces/example-prod/revisions/checkout-00042-kjq" },
      workload: cloudRunService,
      actor: person("alice@example.com", CREATOR),
      justification: "INC-4821 payment outage, hotfix without attestation",
      images: [CHECKOUT],
      aliases: ["operation/2798553d-def2-47fa-964b-5d12bba8a310"],
      links: {
        logs: "https://console.cloud.google.com/logs/query;query=insertId%3D%22-ep109zdlbhw%22?project=example-prod",
        resource: "https://console.cloud.google.com/run/detail/europe-west1/checkout/revisions?project=example-prod",
      },
    }),
  },
  {
    name: "cloud-run-break-glass-without-justification-by-a-deployer",
    counsel: breakGlass,
    finding: finding({
      rule: "cloudrun.breakglass_request",
      category: "break-glass",
      severity: "critical",
      title: "Break-glass asked for on Cloud Run",
      time: "2026-11-20T09:14:02.1Z",
      resource: { type: "cloud_run_revision", name: "projects/example-prod/locations/europe-west1/services/checkout" },
      workload: { ...cloudRunService, revision: null },
      actor: {
        principal: "deployer@example-prod.iam.gserviceaccount.com",
        kind: "service-account",
        via: CALLER,
        confidence: "high",
        person: {
          principal: "alice@example.com",
          via: "authenticationInfo.serviceAccountDelegationInfo",
          confidence: "medium",
        },
        delegation: ["alice@example.com", "impersonator@example-prod.iam.gserviceaccount.com"],
      },
      images: [CHECKOUT],
    }),
  },
  {
    name: "gke-break-glass-by-a-controller",
    counsel: podBreakGlass,
    finding: finding({
      rule: "gke.breakglass",
      category: "break-glass",
      severity: "high",
      title: "Pod admitted with break-glass",
      time: "2026-11-20T13:59:32.302702Z",
      resource: { type: "k8s_cluster", name: "core/v1/namespaces/payments/pods" },
      workload: {
        ...gkePod,
        kind: "gke-deployment",
        name: "checkout",
        pod: "checkout-548976df6c-xnxd5",
      },
      actor: {
        principal: "system:serviceaccount:kube-system:replicaset-controller",
        kind: "workload-controller",
        via: CALLER,
        confidence: "high",
        person: null,
        delegation: [],
      },
      images: [CHECKOUT],
      facts: {
        controller: "ReplicaSet/checkout-548976df6c",
        operation: "create",
        overridden: true,
        explanation: UNATTESTED,
        attestor: ATTESTOR,
        form: "label",
      },
      incidentKey: "gke-workload/example-prod/europe-west1/prod-ew1/payments/Deployment/checkout",
      links: {
        logs: "https://console.cloud.google.com/logs/query;query=insertId%3D%22c7c3b7a2%22?project=example-prod",
        resource:
          "https://console.cloud.google.com/kubernetes/deployment/europe-west1/prod-ew1/payments/checkout/overview?project=example-prod",
      },
    }),
  },
  {
    name: "cloud-run-denial-of-medium-confidence",
    counsel: refusal,
    finding: finding({
      rule: "cloudrun.denied",
      category: "policy-violation",
      severity: "medium",
      confidence: "medium",
      title: "Cloud Run deployment refused by policy",
      time: "2026-11-20T09:10:21.486995Z",
      resource: { type: "cloud_run_revision", name: "namespaces/example-prod/revisions/checkout-00041-xud" },
      workload: { ...cloudRunService, revision: "checkout-00041-xud" },
      actor: person("alice@example.com", CREATOR),
      images: [CHECKOUT],
      facts: {
        reason: "ContainerImageUnauthorized",
        explanation: `Container image '${CHECKOUT.reference}' is not authorized by policy.`,
        statusCode: 9,
      },
    }),
  },
  {
    name: "gke-dry-run",
    counsel: { ...refusal, steps: refusal.steps.slice(1) },
    finding: finding({
      rule: "gke.dryrun",
      category: "policy-violation",
      severity: "low",
      title: "Pod would have been refused (dry run)",
      time: "2026-11-20T16:00:32.702702Z",
      resource: { type: "k8s_cluster", name: "core/v1/namespaces/payments/pods/checkout-manual" },
      workload: gkePod,
      images: [CHECKOUT],
      facts: { operation: "create", attestor: ATTESTOR, explanation: UNATTESTED },
      incidentKey: "gke-workload/example-prod/europe-west1/prod-ew1/payments/Pod/checkout-manual",
    }),
  },
  {
    name: "gke-fail-open",
    counsel: failOpen,
    finding: finding({
      rule: "gke.failopen",
      category: "break-glass",
      severity: "high",
      title: "Pod admitted without a check: Binary Authorization failed open",
      time: "2026-11-20T16:10:32.702702Z",
      resource: { type: "k8s_cluster", name: "core/v1/namespaces/payments/pods/checkout-manual" },
      workload: gkePod,
      images: [CHECKOUT],
      facts: { operation: "create", verification: "unknown" },
      incidentKey: "gke-workload/example-prod/europe-west1/prod-ew1/payments/Pod/checkout-manual",
    }),
  },
  {
    name: "policy-weakened-with-changes",
    counsel: policyChange,
    finding: finding({
      rule: "binauthz.policy_weakened",
      category: "guardrail-change",
      severity: "critical",
      title: "Binary Authorization policy weakened",
      time: "2026-11-20T08:10:00.325967Z",
      location: null,
      resource: { type: "audited_resource", name: "projects/example-prod/policy" },
      changes: [
        {
          field: "defaultAdmissionRule.evaluationMode",
          before: "REQUIRE_ATTESTATION",
          after: "ALWAYS_ALLOW",
          effect: "weaker",
        },
        {
          field: "defaultAdmissionRule.requireAttestationsBy",
          before: ATTESTOR,
          after: null,
          effect: "weaker",
        },
        { field: "description", before: null, after: "temporary", effect: "neutral" },
      ],
      comparedWith: "previous",
      incidentKey: "binauthz-policy/example-prod",
      links: {
        logs: "https://console.cloud.google.com/logs/query;query=insertId%3D%221pmq2fce1k3%22?project=example-prod",
        resource: "https://console.cloud.google.com/security/binary-authorization/policy?project=example-prod",
      },
    }),
  },
];

/** An example by its name, for tests that change a part of it. */
export function example(name: string): Example {
  const found = EXAMPLES.find((one) => one.name === name);
  if (found === undefined) {
    throw new Error(`no example is called ${name}`);
  }
  return found;
}
