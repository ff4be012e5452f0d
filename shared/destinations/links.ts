/** Where a person can go from a message. */
export interface Link {
  readonly kind: "log-entry" | "resource" | "runbook" | "ledger";
  readonly label: string;
  readonly url: string;
}

const LABELS = { "log-entry": "Log entry", resource: "Resource", runbook: "Runbook" } as const;
const CONSOLE_HOSTS: ReadonlySet<string> = new Set(["console.cloud.google.com"]);
const DOCUMENTATION_HOSTS: ReadonlySet<string> = new Set([
  "console.cloud.google.com",
  "cloud.google.com",
  "docs.cloud.google.com",
]);
/** The longest address that every platform takes. */
const MAX_URL = 3000;

/** A link into the Google Cloud console, or null when the address leads anywhere else. */
export function consoleLink(kind: "log-entry" | "resource", address: string | null): Link | null {
  const url = address === null ? null : safeUrl(address);
  return url !== null && CONSOLE_HOSTS.has(url.hostname) ? { kind, label: LABELS[kind], url: url.href } : null;
}

/**
 * The runbook that a rule refers to: an address in Google's documentation, or a path below the runbook base of the
 * settings. Anything else is no link.
 */
export function runbookLink(reference: string, runbookBase: string | undefined): Link | null {
  const base = runbookBase === undefined ? null : safeUrl(runbookBase);
  const url = safeUrl(reference, base?.href);
  if (url === null || (!DOCUMENTATION_HOSTS.has(url.hostname) && !isBelow(url, base))) {
    return null;
  }
  return { kind: "runbook", label: LABELS.runbook, url: url.href };
}

/** Whether an address may stand behind a button: https, no credentials or port, short enough. */
export function safeUrl(address: string, base?: string): URL | null {
  const url = URL.parse(address, base);
  if (url === null || url.protocol !== "https:" || url.username !== "" || url.password !== "" || url.port !== "") {
    return null;
  }
  return url.href.length <= MAX_URL ? url : null;
}

function isBelow(url: URL, base: URL | null): boolean {
  if (base === null || url.host !== base.host) {
    return false;
  }
  const folder = base.pathname.slice(0, base.pathname.lastIndexOf("/") + 1);
  return url.pathname.startsWith(folder);
}
