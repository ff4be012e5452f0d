import type { EntryIdentity } from "../audit-log/identity.ts";
import type { Workload } from "../finding.ts";

const CONSOLE = "https://console.cloud.google.com";

/** Logs Explorer with a query that finds this one entry; null where the scope has no page of its own. */
export function logsLink(scope: string, entry: EntryIdentity): string | null {
  const parameter = scopeParameter(scope);
  if (parameter === null) return null;
  const query = [
    `logName=${quoted(entry.logName)}`,
    `insertId=${quoted(entry.insertId)}`,
    `timestamp=${quoted(entry.timestamp)}`,
  ].join("\n");
  const cursor = encodeURIComponent(entry.timestamp);
  return `${CONSOLE}/logs/query;query=${strictlyEncoded(query)};cursorTimestamp=${cursor}?${parameter}`;
}

/** The workload's own page in the Google Cloud console, when it has one. */
export function resourceLink(
  workload: Workload | null,
  project: string | null,
  location: string | null,
): string | null {
  if (workload === null || project === null || location === null) return null;
  const { kind, name, cluster, namespace, pod } = workload;
  const page = (...parts: readonly string[]) =>
    `${CONSOLE}/${parts.map(strictlyEncoded).join("/")}?project=${strictlyEncoded(project)}`;
  if (kind.startsWith("cloud-")) {
    if (name === null) return null;
    if (kind === "cloud-run-job") return page("run", "jobs", "details", location, name, "executions");
    if (kind === "cloud-run-worker-pool") return page("run", "workerpools", "details", location, name, "revisions");
    if (kind === "cloud-function") return page("functions", "details", location, name);
    return page("run", "detail", location, name, "revisions");
  }
  if (cluster === null || kind === "gdc-pod") return null;
  if (kind === "gke-cluster") return page("kubernetes", "clusters", "details", location, cluster, "details");
  if (namespace === null) return null;
  if (kind === "gke-pod") {
    return pod === null ? null : page("kubernetes", "pod", location, cluster, namespace, pod, "details");
  }
  if (name === null) return null;
  return page("kubernetes", kind.slice("gke-".length), location, cluster, namespace, name, "overview");
}

function scopeParameter(scope: string): string | null {
  const [collection, id] = scope.split("/") as [string, string | undefined];
  if (id === undefined || id === "") return null;
  const names: Record<string, string> = { projects: "project", folders: "folder", organizations: "organizationId" };
  const name = names[collection];
  return name === undefined ? null : `${name}=${strictlyEncoded(id)}`;
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** Also what encodeURIComponent leaves alone and a page, a chat client or a shell could take for its own. */
function strictlyEncoded(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*~]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
