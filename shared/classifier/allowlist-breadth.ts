/**
 * How much a pattern of the allowlist lets in. A trailing `*` stops at a slash and a trailing `**` does not; the pattern
 * is compared with the whole image, tag or digest included.
 * https://cloud.google.com/binary-authorization/docs/policy-yaml-reference#admissionwhitelistpatterns
 */
export interface Breadth {
  readonly gravity: "critical" | "high";
  /** What it lets in beyond what it looks like; null where it says what it does. */
  readonly warning: string | null;
}

/** Registries in which anybody can have a repository of their own. */
const PUBLIC_REGISTRIES: ReadonlySet<string> = new Set([
  "docker.io",
  "ghcr.io",
  "index.docker.io",
  "mcr.microsoft.com",
  "mirror.gcr.io",
  "public.ecr.aws",
  "quay.io",
  "registry-1.docker.io",
  "registry.gitlab.com",
  "registry.hub.docker.com",
]);

/** Registries of Google and Kubernetes that Google's own pages tell people to allow as a whole. */
const SYSTEM_REGISTRIES: ReadonlySet<string> = new Set(["gke.gcr.io", "k8s.gcr.io", "registry.k8s.io"]);

export function breadthOf(pattern: string): Breadth {
  const { stem, wildcard } = split(pattern);
  if (wildcard !== "" && stem === "") return critical(`${pattern} covers every image`);
  const slash = stem.indexOf("/");
  const first = slash === -1 ? stem : stem.slice(0, slash);
  const isRegistry = /[.:]/.test(first) || first === "localhost";
  const deep = wildcard === "**";
  if (slash === -1 && isRegistry && deep) {
    return critical(`${pattern} also covers every registry whose name begins with ${first}: write ${first}/**`);
  }
  // An image without a registry is looked for on Docker Hub.
  const registry = isRegistry ? first.toLowerCase() : "docker.io";
  if (PUBLIC_REGISTRIES.has(registry)) {
    const warning = `${pattern} is on a public registry, where anybody can publish images`;
    return deep ? critical(warning) : { gravity: "high", warning };
  }
  const path = stem.slice(slash + 1);
  if (!deep || SYSTEM_REGISTRIES.has(registry)) return { gravity: "high", warning: null };
  if (path === "") return critical(`${pattern} covers the whole registry, whoever owns the project`);
  if (stem.endsWith("/")) {
    const isWholeProject = path.indexOf("/") === path.length - 1;
    return { gravity: "high", warning: isWholeProject ? `${pattern} covers every repository of the project` : null };
  }
  const trap = `${pattern} also covers ${stem}-anything/…: write ${stem}/**`;
  return path.includes("/") ? { gravity: "high", warning: trap } : critical(trap);
}

/** Whether one of the patterns already lets in whatever another one would. */
export function coverageOf(patterns: readonly string[]): (narrow: string) => boolean {
  const whole = new Set(patterns);
  const stems = { "*": new Set<string>(), "**": new Set<string>() };
  const lengths = new Set<number>();
  for (const pattern of patterns) {
    const { stem, wildcard } = split(pattern);
    if (wildcard === "") continue;
    stems[wildcard].add(stem);
    lengths.add(stem.length);
  }
  return (narrow) => {
    if (whole.has(narrow)) return true;
    const { stem, wildcard } = split(narrow);
    const lastSlash = stem.lastIndexOf("/");
    for (const length of lengths) {
      const head = stem.slice(0, length);
      if (stems["**"].has(head)) return true;
      if (wildcard !== "**" && lastSlash < length && stems["*"].has(head)) return true;
    }
    return false;
  };
}

function split(pattern: string): { readonly stem: string; readonly wildcard: "" | "*" | "**" } {
  if (pattern.endsWith("**")) return { stem: pattern.slice(0, -2), wildcard: "**" };
  return pattern.endsWith("*") ? { stem: pattern.slice(0, -1), wildcard: "*" } : { stem: pattern, wildcard: "" };
}

function critical(warning: string): Breadth {
  return { gravity: "critical", warning };
}
