/** Sixty filters such as a catalogue of security rules has: most name a log, a service and a method, some a text. */
export function ruleFilters(): readonly { readonly id: string; readonly filter: string }[] {
  return [...kubernetes(), ...cloudRun(), ...management(), ...others()];
}

const ACTIVITY = 'log_id("cloudaudit.googleapis.com/activity")';
const SYSTEM_EVENT = 'log_id("cloudaudit.googleapis.com/system_event")';
const PODS = String.raw`protoPayload.methodName=~"^io\.k8s\.core\.v1\.pods(\.ephemeralcontainers)?\.(create|update|patch)$"`;
const WORKLOADS = String.raw`protoPayload.methodName=~"^io\.k8s\.(apps|batch)\.v1\.[a-z]+\.(create|update|patch)$"`;
const WEBHOOK = "imagepolicywebhook.image-policy.k8s.io";

function kubernetes() {
  const pod = `${ACTIVITY}\nprotoPayload.serviceName="k8s.io"\n${PODS}`;
  const workload = `${ACTIVITY}\nprotoPayload.serviceName="k8s.io"\n${WORKLOADS}`;
  return [
    { id: "pod.breakglass", filter: `${pod}\n"image-policy.k8s.io/break-glass"` },
    { id: "pod.failopen", filter: `${pod}\nlabels."${WEBHOOK}/failed-open"="true"` },
    { id: "pod.dryrun", filter: `${pod}\nlabels."${WEBHOOK}/dry-run"="true"` },
    { id: "pod.denied", filter: `${pod}\nprotoPayload.response.status="Failure"\n"denied by Binary Authorization"` },
    { id: "pod.overridden", filter: `${pod}\nlabels."${WEBHOOK}/overridden-verification-result":*` },
    { id: "pod.privileged", filter: `${pod}\nprotoPayload.request.spec.containers.securityContext.privileged=true` },
    { id: "pod.host_network", filter: `${pod}\nprotoPayload.request.spec.hostNetwork=true` },
    { id: "workload.breakglass", filter: `${workload}\n"image-policy.k8s.io/break-glass"` },
    { id: "workload.denied", filter: `${workload}\nprotoPayload.response.code=403` },
    {
      id: "webhook.changed",
      filter: `${ACTIVITY}\nprotoPayload.methodName=~"validatingwebhookconfigurations\\.(delete|update|patch)$"\nprotoPayload.resourceName:"binaryauthorization"`,
    },
    {
      id: "role.changed",
      filter: String.raw`${ACTIVITY} protoPayload.methodName=~"^io\.k8s\.authorization\.rbac\.v1\.clusterrolebindings\.create$"`,
    },
    {
      id: "exec.opened",
      filter: `${ACTIVITY}\nprotoPayload.methodName="io.k8s.core.v1.pods.exec.create"\nNOT protoPayload.authenticationInfo.principalEmail:"system:"`,
    },
  ];
}

function cloudRun() {
  const revision = `${SYSTEM_EVENT}\nprotoPayload.serviceName="run.googleapis.com"`;
  const change = `${ACTIVITY}\nprotoPayload.serviceName="run.googleapis.com"`;
  return [
    { id: "run.breakglass", filter: `${revision}\nprotoPayload.status.message:"breakglass"` },
    { id: "run.denied", filter: `${revision}\nprotoPayload.status.code=7` },
    { id: "run.dryrun", filter: `${revision}\nprotoPayload.status.message:"dry run"` },
    { id: "run.breakglass_request", filter: `${change}\n"run.googleapis.com/binary-authorization-breakglass"` },
    {
      id: "run.binauthz_disabled",
      filter: `${change}\nprotoPayload.methodName:("ReplaceService" OR "UpdateService") NOT "run.googleapis.com/binary-authorization"`,
    },
    {
      id: "run.public",
      filter: `${change}\nprotoPayload.methodName="google.cloud.run.v1.Services.SetIamPolicy" "allUsers"`,
    },
    {
      id: "run.image_tag",
      filter: `${change}\nprotoPayload.request.service.spec.template.spec.containers.image!~"@sha256:"`,
    },
  ];
}

function management() {
  const methods: readonly (readonly [string, string])[] = [
    [
      "binaryauthorization.googleapis.com",
      "google.cloud.binaryauthorization.v1beta1.BinauthzManagementServiceV1Beta1.UpdatePolicy",
    ],
    [
      "binaryauthorization.googleapis.com",
      "google.cloud.binaryauthorization.v1.BinauthzManagementServiceV1.UpdatePolicy",
    ],
    [
      "binaryauthorization.googleapis.com",
      "google.cloud.binaryauthorization.v1.BinauthzManagementServiceV1.CreateAttestor",
    ],
    [
      "binaryauthorization.googleapis.com",
      "google.cloud.binaryauthorization.v1.BinauthzManagementServiceV1.UpdateAttestor",
    ],
    [
      "binaryauthorization.googleapis.com",
      "google.cloud.binaryauthorization.v1.BinauthzManagementServiceV1.DeleteAttestor",
    ],
    ["logging.googleapis.com", "google.logging.v2.ConfigServiceV2.CreateSink"],
    ["logging.googleapis.com", "google.logging.v2.ConfigServiceV2.DeleteSink"],
    ["logging.googleapis.com", "google.logging.v2.ConfigServiceV2.CreateExclusion"],
    ["logging.googleapis.com", "google.logging.v2.ConfigServiceV2.UpdateBucket"],
    ["logging.googleapis.com", "google.logging.v2.ConfigServiceV2.DeleteBucket"],
    ["logging.googleapis.com", "google.logging.v2.LoggingServiceV2.DeleteLog"],
    ["orgpolicy.googleapis.com", "google.cloud.orgpolicy.v2.OrgPolicy.CreatePolicy"],
    ["orgpolicy.googleapis.com", "google.cloud.orgpolicy.v2.OrgPolicy.UpdatePolicy"],
    ["orgpolicy.googleapis.com", "google.cloud.orgpolicy.v2.OrgPolicy.DeletePolicy"],
    ["cloudresourcemanager.googleapis.com", "SetOrgPolicy"],
    ["cloudresourcemanager.googleapis.com", "ClearOrgPolicy"],
    ["serviceusage.googleapis.com", "google.api.serviceusage.v1.ServiceUsage.DisableService"],
    ["cloudkms.googleapis.com", "DestroyCryptoKeyVersion"],
    ["cloudkms.googleapis.com", "UpdateCryptoKeyVersion"],
    ["container.googleapis.com", "google.container.v1.ClusterManager.UpdateCluster"],
    ["containeranalysis.googleapis.com", "grafeas.v1.Grafeas.CreateOccurrence"],
    ["containeranalysis.googleapis.com", "grafeas.v1.Grafeas.DeleteOccurrence"],
    ["pubsub.googleapis.com", "google.pubsub.v1.Publisher.DeleteTopic"],
    ["pubsub.googleapis.com", "google.pubsub.v1.Subscriber.DeleteSubscription"],
    ["artifactregistry.googleapis.com", "google.devtools.artifactregistry.v1.ArtifactRegistry.DeleteRepository"],
    ["iam.googleapis.com", "google.iam.admin.v1.CreateServiceAccountKey"],
    ["iam.googleapis.com", "google.iam.admin.v1.CreateRole"],
    ["storage.googleapis.com", "storage.buckets.delete"],
    ["compute.googleapis.com", "v1.compute.firewalls.insert"],
    ["compute.googleapis.com", "v1.compute.routes.delete"],
    ["secretmanager.googleapis.com", "google.cloud.secretmanager.v1.SecretManagerService.DestroySecretVersion"],
  ];
  return methods.map(([service, method], index) => ({
    id: `management.${index}`,
    filter: `${ACTIVITY}\nprotoPayload.serviceName="${service}"\nprotoPayload.methodName="${method}"\nNOT protoPayload.status.code>0`,
  }));
}

function others() {
  return [
    {
      id: "cv.violation",
      filter:
        'log_id("binaryauthorization.googleapis.com/continuous_validation") jsonPayload.podEvent.verdict="VIOLATES_POLICY"',
    },
    {
      id: "cv.error",
      filter: 'log_id("binaryauthorization.googleapis.com/continuous_validation") jsonPayload.configErrorEvent:*',
    },
    { id: "orgpolicy.dryrun", filter: 'log_id("cloudaudit.googleapis.com/policy") protoPayload.metadata.dryRun=true' },
    {
      id: "vpcsc.denied",
      filter:
        'log_id("cloudaudit.googleapis.com/policy") protoPayload.metadata.@type="type.googleapis.com/google.cloud.audit.VpcServiceControlAuditMetadata"',
    },
    {
      id: "gdc.breakglass",
      filter: 'log_id("externalaudit.googleapis.com/activity") "image-policy.k8s.io/break-glass"',
    },
    {
      id: "iam.policy",
      filter: `${ACTIVITY}\nprotoPayload.methodName=("SetIamPolicy" OR "google.iam.admin.v1.SetIAMPolicy")\nprotoPayload.serviceData.policyDelta.bindingDeltas.action="ADD"\nprotoPayload.serviceData.policyDelta.bindingDeltas.role=("roles/owner" OR "roles/editor")`,
    },
    { id: "firewall.open", filter: `resource.type="gce_firewall_rule" ${ACTIVITY} "0.0.0.0/0"` },
    {
      id: "denied.change",
      filter: `${ACTIVITY}\nprotoPayload.serviceName=("binaryauthorization.googleapis.com" OR "orgpolicy.googleapis.com")\nprotoPayload.status.code=7`,
    },
    { id: "heartbeat", filter: 'logName="projects/ops/logs/glasswatch-heartbeat" jsonPayload.nonce:*' },
    { id: "errors", filter: "severity>=CRITICAL resource.type=k8s_cluster" },
  ];
}
