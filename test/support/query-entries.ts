/** Seeded audit-log entries of the kinds and sizes that a Google Cloud organization writes, for benches and tests. */

const AUDIT_LOG = "type.googleapis.com/google.cloud.audit.AuditLog";
const HEX = "0123456789abcdef";
const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";

type Json = Record<string, unknown>;

/** A stream of entries; the same seed always gives the same ones. `relevant` is the share that security rules look for. */
export class EntryGenerator {
  private state: number;
  private readonly relevant: number;

  constructor(seed: number, relevant = 0.002) {
    this.state = seed >>> 0 || 1;
    this.relevant = relevant;
  }

  next(): Json {
    if (this.random() < this.relevant) return this.breakGlassPod();
    const dice = this.random();
    if (dice < 0.12) return this.podCreation();
    if (dice < 0.15) return this.pod("delete");
    if (dice < 0.37) return this.kubernetesRead();
    if (dice < 0.45) return this.deployment();
    if (dice < 0.49) return this.cloudRun();
    if (dice < 0.67) return this.storage();
    if (dice < 0.76) return this.query();
    return this.management();
  }

  /** The largest kind that is common: every Pod of every cluster writes one. */
  podCreation(): Json {
    return this.pod("create");
  }

  many(count: number): Json[] {
    return Array.from({ length: count }, () => this.next());
  }

  private random(): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
    return this.state / 2 ** 32;
  }

  private below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  private pick<Each>(items: readonly Each[]): Each {
    return items[this.below(items.length)] as Each;
  }

  private letters(length: number, alphabet = LETTERS): string {
    return Array.from({ length }, () => alphabet[this.below(alphabet.length)]).join("");
  }

  private project(): string {
    return `${this.pick(["shop", "core", "data", "ml"])}-${this.pick(["prod", "stage", "dev"])}-${100 + this.below(12)}`;
  }

  private audit(parts: Json & { serviceName: string; methodName: string; resourceName: string }, more: Json): Json {
    const project = this.project();
    const second = String(this.below(60)).padStart(2, "0");
    const timestamp = `2026-09-14T${String(this.below(24)).padStart(2, "0")}:${second}:${second}.${this.letters(9, "0123456789")}Z`;
    const principal = this.pick([
      `ci-deployer@${project}.iam.gserviceaccount.com`,
      `ana.smith${this.below(9)}@example.com`,
      `zoë.müller${this.below(9)}@example.com`,
      "system:serviceaccount:kube-system:replicaset-controller",
    ]);
    return {
      insertId: this.letters(13),
      logName: `projects/${project}/logs/cloudaudit.googleapis.com%2F${(more.log as string | undefined) ?? "activity"}`,
      operation: { first: true, id: this.letters(32, HEX), last: true, producer: parts.serviceName },
      ...(more.labels === undefined ? {} : { labels: more.labels }),
      protoPayload: {
        "@type": AUDIT_LOG,
        authenticationInfo: { principalEmail: principal, principalSubject: `serviceAccount:${principal}` },
        authorizationInfo: [
          {
            granted: true,
            permission: `${parts.serviceName}.${this.letters(6)}.update`,
            permissionType: "ADMIN_WRITE",
            resource: parts.resourceName,
            resourceAttributes: {
              name: parts.resourceName,
              service: parts.serviceName,
              type: `${parts.serviceName}/Object`,
            },
          },
        ],
        requestMetadata: {
          callerIp: `10.${this.below(256)}.${this.below(256)}.${this.below(256)}`,
          callerSuppliedUserAgent: this.pick([
            "kube-controller-manager/v1.33.4 (linux/amd64) kubernetes/f39c2a1/system:serviceaccount:kube-system",
            "argocd-application-controller/v3.1.0 (linux/amd64) kubernetes/$Format",
            "google-cloud-sdk gcloud/528.0.0 command/gcloud.run.deploy (Linux 6.1.0),gzip(gfe)",
          ]),
          destinationAttributes: {},
          requestAttributes: { auth: {}, time: timestamp },
        },
        status: {},
        ...parts,
      },
      receiveTimestamp: timestamp,
      resource: more.resource ?? {
        labels: {
          cluster_name: this.pick(["prod-eu", "prod-us", "stage"]),
          location: "europe-west1",
          project_id: project,
        },
        type: "k8s_cluster",
      },
      severity: (more.severity as string | undefined) ?? "NOTICE",
      timestamp,
    };
  }

  private pod(verb: string, labels: Json = {}, entryLabels?: Json): Json {
    const namespace = this.pick(["default", "payments", "web", "search", "ingest"]);
    const name = `${this.pick(["checkout", "cart", "frontend", "ranker"])}-${this.letters(10, HEX)}-${this.letters(5)}`;
    const pod = this.podObject(name, namespace, labels);
    const conditions = ["Initialized", "Ready", "PodScheduled"].map((type) => ({
      lastTransitionTime: null,
      status: "True",
      type,
    }));
    const response = { ...pod, status: { conditions, phase: "Pending", qosClass: "Burstable", startTime: null } };
    return this.audit(
      {
        serviceName: "k8s.io",
        methodName: `io.k8s.core.v1.pods.${verb}`,
        resourceName: `core/v1/namespaces/${namespace}/pods/${name}`,
        request: verb === "delete" ? { "@type": "meta.k8s.io/__internal.DeleteOptions", kind: "DeleteOptions" } : pod,
        response,
      },
      { labels: { "authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": "RBAC", ...entryLabels } },
    );
  }

  private breakGlassPod(): Json {
    return this.pod(
      "create",
      { "image-policy.k8s.io/break-glass": "true" },
      { "imagepolicywebhook.image-policy.k8s.io/break-glass": "true" },
    );
  }

  private podObject(name: string, namespace: string, labels: Json): Json {
    const containers = Array.from({ length: 1 + this.below(2) }, (_, index) =>
      this.container(index === 0 ? "app" : "sidecar"),
    );
    return {
      "@type": "core.k8s.io/v1.Pod",
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        generateName: name.slice(0, -5),
        labels: { app: name.split("-")[0], "pod-template-hash": this.letters(10, HEX), ...labels },
        namespace,
        ownerReferences: [
          { apiVersion: "apps/v1", controller: true, kind: "ReplicaSet", name, uid: this.letters(32, HEX) },
        ],
      },
      spec: {
        containers,
        dnsPolicy: "ClusterFirst",
        enableServiceLinks: true,
        priority: 0,
        restartPolicy: "Always",
        schedulerName: "default-scheduler",
        securityContext: {},
        serviceAccountName: "app",
        terminationGracePeriodSeconds: 30,
        tolerations: [
          { effect: "NoExecute", key: "node.kubernetes.io/not-ready", operator: "Exists", tolerationSeconds: 300 },
          { effect: "NoExecute", key: "node.kubernetes.io/unreachable", operator: "Exists", tolerationSeconds: 300 },
        ],
        volumes: [
          {
            name: "kube-api-access",
            projected: { defaultMode: 420, sources: [{ configMap: { name: "kube-root-ca.crt" } }] },
          },
        ],
      },
    };
  }

  private container(name: string): Json {
    return {
      args: ["--config=/etc/app/config.yaml", "--v=2", `--shard=${this.below(64)}`],
      env: Array.from({ length: 2 + this.below(8) }, () => ({
        name: `${this.pick(["DB_HOST", "LOG_LEVEL", "API_URL", "CACHE_TTL"])}_${this.letters(3).toUpperCase()}`,
        value: this.pick([
          "true",
          "info",
          `https://api.internal.example.com/v2/${this.letters(8)}?a=1`,
          this.letters(24),
        ]),
      })),
      image: `europe-docker.pkg.dev/${this.project()}/apps/${this.letters(8)}@sha256:${this.letters(64, HEX)}`,
      imagePullPolicy: "IfNotPresent",
      livenessProbe: {
        failureThreshold: 3,
        httpGet: { path: "/healthz", port: 8080, scheme: "HTTP" },
        periodSeconds: 10,
      },
      name,
      ports: [{ containerPort: 8080, name: "http", protocol: "TCP" }],
      resources: { limits: { cpu: "1", memory: "512Mi" }, requests: { cpu: "250m", memory: "256Mi" } },
      securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
      terminationMessagePath: "/dev/termination-log",
      volumeMounts: [
        { mountPath: "/var/run/secrets/kubernetes.io/serviceaccount", name: "kube-api-access", readOnly: true },
      ],
    };
  }

  /** Reads, and the renewals of leases that make most of a cluster's writes. */
  private kubernetesRead(): Json {
    const kind = this.pick([
      "core.v1.configmaps",
      "coordination.v1.leases",
      "core.v1.endpoints",
      "apps.v1.deployments",
    ]);
    const verb = this.pick(["get", "list", "update", "patch"]);
    const name = this.letters(12);
    const spec = { holderIdentity: `${name}_${this.letters(32, HEX)}`, leaseDurationSeconds: 15, leaseTransitions: 3 };
    const request = {
      "@type": `${kind}.Object`,
      metadata: { name, namespace: "kube-system", resourceVersion: "91" },
      spec,
    };
    return this.audit(
      {
        serviceName: "k8s.io",
        methodName: `io.k8s.${kind}.${verb}`,
        resourceName: `${kind}/namespaces/kube-system/${name}`,
        ...(verb === "update" || verb === "patch" ? { request } : {}),
      },
      { log: "data_access", severity: "INFO" },
    );
  }

  private deployment(): Json {
    const name = this.pick(["checkout", "cart", "frontend"]);
    const template = this.podObject(`${name}-0123456789-abcde`, "web", {});
    return this.audit(
      {
        serviceName: "k8s.io",
        methodName: `io.k8s.apps.v1.deployments.${this.pick(["update", "patch", "create"])}`,
        resourceName: `apps/v1/namespaces/web/deployments/${name}`,
        request: {
          "@type": "apps.k8s.io/v1.Deployment",
          kind: "Deployment",
          metadata: { name },
          spec: { replicas: 3, template },
        },
      },
      {},
    );
  }

  private cloudRun(): Json {
    const name = this.pick(["api", "web", "hook"]);
    const service = {
      apiVersion: "serving.knative.dev/v1",
      kind: "Service",
      metadata: { annotations: { "run.googleapis.com/binary-authorization": "default" }, name },
      spec: { template: { spec: { containers: [this.container("user")], timeoutSeconds: 300 } } },
    };
    return this.audit(
      {
        serviceName: "run.googleapis.com",
        methodName: "google.cloud.run.v1.Services.ReplaceService",
        resourceName: `namespaces/${this.project()}/services/${name}`,
        request: { "@type": "type.googleapis.com/google.cloud.run.v1.ReplaceServiceRequest", service },
        response: service,
      },
      { resource: { labels: { location: "europe-west1", service_name: name }, type: "cloud_run_revision" } },
    );
  }

  private storage(): Json {
    const bucket = `${this.project()}-assets`;
    return this.audit(
      {
        serviceName: "storage.googleapis.com",
        methodName: this.pick(["storage.objects.get", "storage.objects.create", "storage.setIamPermissions"]),
        resourceName: `projects/_/buckets/${bucket}/objects/${this.letters(30)}`,
      },
      { log: "data_access", severity: "INFO", resource: { labels: { bucket_name: bucket }, type: "gcs_bucket" } },
    );
  }

  private query(): Json {
    const project = this.project();
    const table = `${project}.events.raw_${this.letters(5)}`;
    const query = `SELECT user_id, COUNT(*) AS n, MAX(ts) AS last\nFROM \`${table}\`\nWHERE ts >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 DAY)\nGROUP BY user_id`;
    const configuration = {
      query: { query, destinationTable: `${table}_daily`, statementType: "SELECT", priority: "QUERY_BATCH" },
    };
    const jobStats = {
      createTime: "2026-09-14T03:00:00Z",
      totalBilledBytes: String(this.below(1e9)),
      totalSlotMs: "51234",
    };
    return this.audit(
      {
        serviceName: "bigquery.googleapis.com",
        methodName: "google.cloud.bigquery.v2.JobService.InsertJob",
        resourceName: `projects/${project}/jobs/${this.letters(20)}`,
        request: { "@type": "type.googleapis.com/google.cloud.audit.BigQueryAuditMetadata", configuration },
        metadata: { jobChange: { job: { jobConfig: configuration, jobStats, jobStatus: { jobState: "DONE" } } } },
      },
      { log: "data_access", severity: "INFO", resource: { labels: { project_id: project }, type: "bigquery_project" } },
    );
  }

  private management(): Json {
    const [serviceName, methodName] = this.pick([
      ["iam.googleapis.com", "google.iam.admin.v1.SetIAMPolicy"],
      ["compute.googleapis.com", "v1.compute.instances.insert"],
      ["cloudresourcemanager.googleapis.com", "SetIamPolicy"],
      ["logging.googleapis.com", "google.logging.v2.ConfigServiceV2.UpdateSink"],
      ["iamcredentials.googleapis.com", "GenerateAccessToken"],
      ["iamcredentials.googleapis.com", "GenerateAccessToken"],
      ["secretmanager.googleapis.com", "google.cloud.secretmanager.v1.SecretManagerService.AccessSecretVersion"],
      ["artifactregistry.googleapis.com", "Docker-GetManifest"],
      ["cloudsql.googleapis.com", "cloudsql.instances.connect"],
    ] as const);
    return this.audit(
      {
        serviceName,
        methodName,
        resourceName: `projects/${this.project()}`,
        request: { policy: { bindings: [], etag: this.letters(9) } },
      },
      { resource: { labels: { method: methodName, service: serviceName }, type: "audited_resource" } },
    );
  }
}
