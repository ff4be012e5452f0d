import type { Actor } from "../finding.ts";
import { readableLine } from "./readable-text.ts";

/** One labelled line of a message. */
export interface Line {
  readonly label: string;
  readonly value: string;
}

const PRINCIPAL_LIMIT = 300;
const VIA_LIMIT = 200;
const DELEGATION_LIMIT = 10;
/** Where the name comes from says nothing when nobody is named. */
const MACHINES: ReadonlySet<Actor["kind"]> = new Set(["workload-controller", "redacted"]);

/** Who did it, in words that never show a machine as a person. */
export function whoLines(actor: Actor): readonly Line[] {
  const lines: Line[] = [{ label: "Who", value: who(actor) }];
  const { person, principal } = actor;
  if (person !== null && principal !== null && principal !== person.principal) {
    lines.push({ label: "Acting as", value: nameOf(principal) });
  }
  const named = actor.person ?? (MACHINES.has(actor.kind) ? null : actor);
  if (named !== null && named.via !== null && named.via !== "") {
    const certainty = named.confidence === "high" ? "" : ` (confidence ${named.confidence})`;
    lines.push({ label: "Known from", value: readableLine(named.via, VIA_LIMIT) + certainty });
  }
  if (actor.delegation.length > 0) {
    const chain = actor.delegation.slice(0, DELEGATION_LIMIT).map(nameOf);
    const more = actor.delegation.length > DELEGATION_LIMIT ? ["…"] : [];
    const last = principal === null ? [] : [nameOf(principal)];
    lines.push({ label: "Delegation", value: [...chain, ...more, ...last].join(" → ") });
  }
  return lines;
}

/** "by alice@example.com" for a headline, or null when no one can be named. */
export function byWhom(actor: Actor): string | null {
  if (actor.person !== null) {
    return `by ${nameOf(actor.person.principal)}`;
  }
  switch (actor.kind) {
    case "user":
    case "service-account":
    case "workforce":
      return actor.principal === null ? null : `by ${nameOf(actor.principal)}`;
    case "workload-controller":
    case "redacted":
    case "unknown":
      return null;
  }
}

function who(actor: Actor): string {
  if (actor.person !== null) {
    return nameOf(actor.person.principal);
  }
  const name = actor.principal === null ? null : nameOf(actor.principal) || null;
  switch (actor.kind) {
    case "user":
      return name ?? "not named in the log entry";
    case "workforce":
      return name === null ? "a workforce identity that is not named" : `${name} (workforce identity)`;
    case "service-account":
      return name === null
        ? "a service account that is not named; the person behind it is not known"
        : `service account ${name}; the person behind it is not known`;
    case "workload-controller":
      return `person not known: done by ${controllerOf(actor.principal)}`;
    case "redacted":
      return "withheld by Google Cloud in this log entry";
    case "unknown":
      return name === null ? "not named in the log entry" : `${name} (not known whether a person)`;
  }
}

/** "system:serviceaccount:kube-system:replicaset-controller" is the replicaset-controller. */
function controllerOf(principal: string | null): string {
  const name = principal === null ? "" : readableLine(principal.slice(principal.lastIndexOf(":") + 1), PRINCIPAL_LIMIT);
  return name === "" ? "a controller of the cluster" : `the ${name} of the cluster`;
}

function nameOf(principal: string): string {
  return readableLine(principal, PRINCIPAL_LIMIT);
}
