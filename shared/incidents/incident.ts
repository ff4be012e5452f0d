import { createHash } from "node:crypto";
import { type Category, compareSeverity, type Finding, type Image, type Person } from "../finding.ts";
import { type Grade, type GradingSettings, grade } from "./grade.ts";

export const INCIDENT_SCHEMA_VERSION = 1;

export const INCIDENT_STATES = ["open", "acknowledged", "justified", "overdue", "resolved"] as const;
export type IncidentState = (typeof INCIDENT_STATES)[number];

/** What an incident keeps of each of its findings; the findings themselves are in the ledger. */
export type Member = Pick<
  Finding,
  "id" | "rule" | "severity" | "time" | "project" | "actor" | "justification" | "images" | "workload"
>;

/** What a person did to an incident by hand. */
export interface IncidentAction {
  readonly what: "acknowledged" | "resolved" | "reopened";
  readonly at: string;
  readonly by: string;
  readonly note: string;
}

/**
 * Findings that are one story: of one category, joined by incident key or alias, over one open interval. Everything but
 * `id`, `actions` and `told` follows from the set of findings alone, in whatever order they come.
 */
export interface Incident {
  readonly schema: typeof INCIDENT_SCHEMA_VERSION;
  readonly id: string;
  readonly category: Category;
  /** The main finding's key. */
  readonly key: string;
  /** All keys and aliases of its findings, sorted: whatever carries one of them joins. */
  readonly names: readonly string[];
  readonly state: IncidentState;
  /** Event time of the first and of the last finding. */
  readonly openedAt: string;
  readonly lastAt: string;
  /** How many findings, whether or not they are still among the members. */
  readonly count: number;
  /** The first and the last ones by event time. */
  readonly members: readonly Member[];
  /** The one that says most, with what the others know of person, reason and images filled in. */
  readonly face: Finding;
  /** The main finding as it came. */
  readonly main: Finding;
  readonly grade: Grade;
  readonly actions: readonly IncidentAction[];
  readonly resolvedAt: string | null;
  /** Number of the last piece of news that people were to be told. */
  readonly sequence: number;
  /** The incident that this one turned out to be a part of: that one holds its findings and goes on. */
  readonly mergedInto: string | null;
}

export interface IncidentSettings extends GradingSettings {
  /** How long after its last finding an incident of these categories is over; others end by being resolved only. */
  readonly quietAfterMs: Readonly<Partial<Record<Category, number>>>;
  /** How long after its resolution an incident is reopened by a new finding; later ones open a new incident. */
  readonly reopenWithinMs: number;
}

/** Firestore documents hold 1 MiB: this many findings at each end of the story fit by far. */
const MEMBERS_AT_EACH_END = 100;

/** The incident that a finding opens. */
export function opened(finding: Finding, settings: GradingSettings): Incident {
  const id = createHash("sha256")
    .update(JSON.stringify([finding.category, finding.incidentKey, finding.id]))
    .digest("hex")
    .slice(0, 24);
  return derived(
    { id, state: "open", actions: [], resolvedAt: null, sequence: 1, mergedInto: null },
    [finding],
    [memberOf(finding)],
    1,
    settings,
  );
}

/** The incident with one more finding; a finding that is among the members already changes nothing. */
export function joined(incident: Incident, finding: Finding, settings: GradingSettings): Incident {
  if (incident.members.some(({ id }) => id === finding.id)) return incident;
  const members = kept([...incident.members, memberOf(finding)]);
  return derived(incident, [incident.main, finding], members, incident.count + 1, settings, incident);
}

/** Two incidents whose findings have turned out to be one story: the first goes on with the findings of both. */
export function merged(incident: Incident, other: Incident, settings: GradingSettings): Incident {
  const members = kept([...incident.members, ...other.members]);
  const mains = [incident.main, other.main];
  return derived(incident, mains, members, incident.count + other.count, settings, incident, other);
}

type Kept = Pick<Incident, "id" | "state" | "actions" | "resolvedAt" | "sequence" | "mergedInto">;

function derived(
  { id, state, actions, resolvedAt, sequence, mergedInto }: Kept,
  mains: readonly Finding[],
  members: readonly Member[],
  count: number,
  settings: GradingSettings,
  ...before: readonly Incident[]
): Incident {
  const main = mains.reduce((a, b) => (saysMore(b, a) ? b : a));
  const times = [...members.map(({ time }) => time), ...before.flatMap(({ openedAt, lastAt }) => [openedAt, lastAt])];
  const names = [...before.flatMap((one) => one.names), ...mains.flatMap(namesOf)];
  return {
    schema: INCIDENT_SCHEMA_VERSION,
    id,
    category: main.category,
    key: main.incidentKey,
    names: [...new Set(names)].toSorted(),
    state,
    openedAt: times.reduce((a, b) => (instant(b) < instant(a) ? b : a)),
    lastAt: times.reduce((a, b) => (instant(b) > instant(a) ? b : a)),
    count,
    members,
    face: faceOf(main, members),
    main,
    grade: grade(members as readonly [Member, ...Member[]], settings),
    actions,
    resolvedAt,
    sequence,
    mergedInto,
  };
}

/** Keys and aliases share one space of names: what carries a name of the story belongs to it. */
export function namesOf(finding: Pick<Finding, "incidentKey" | "aliases">): readonly string[] {
  return [finding.incidentKey, ...finding.aliases];
}

function memberOf(finding: Finding): Member {
  const { id, rule, severity, time, project, actor, justification, images, workload } = finding;
  return { id, rule, severity, time, project, actor, justification, images, workload };
}

/** The first and the last of the story: whatever is left out stays out, in whatever order findings come. */
function kept(members: readonly Member[]): readonly Member[] {
  const sorted = members.toSorted((a, b) => instant(a.time) - instant(b.time) || (a.id < b.id ? -1 : 1));
  if (sorted.length <= 2 * MEMBERS_AT_EACH_END) return sorted;
  return [...sorted.slice(0, MEMBERS_AT_EACH_END), ...sorted.slice(-MEMBERS_AT_EACH_END)];
}

/** A total order, so that every permutation of a story has the same main finding. */
function saysMore(a: Finding, b: Finding): boolean {
  const bySeverity = compareSeverity(a.severity, b.severity);
  if (bySeverity !== 0) return bySeverity > 0;
  const byPerson = Number(a.actor.person !== null) - Number(b.actor.person !== null);
  if (byPerson !== 0) return byPerson > 0;
  const byTime = instant(a.time) - instant(b.time);
  return byTime === 0 ? a.id < b.id : byTime < 0;
}

/** The main finding, with person, reason and images that only other entries of the story hold. */
function faceOf(main: Finding, members: readonly Member[]): Finding {
  const person = main.actor.person ?? firstKnown(members, ({ actor }) => actor.person);
  const justification =
    main.justification || (firstKnown(members, (m) => m.justification || null) ?? main.justification);
  return {
    ...main,
    actor: { ...main.actor, person: person ?? null },
    justification,
    images: imagesOf([main, ...members]),
  };
}

function firstKnown<T>(members: readonly Member[], of: (member: Member) => T | null): T | null {
  for (const member of members) {
    const value = of(member);
    if (value !== null) return value;
  }
  return null;
}

function imagesOf(findings: readonly Pick<Finding, "images">[]): readonly Image[] {
  const byReference = new Map<string, Image>();
  for (const image of findings.flatMap(({ images }) => images)) {
    const known = byReference.get(image.reference);
    if (known === undefined || known.digest === null) byReference.set(image.reference, image);
  }
  return [...byReference.values()].toSorted((a, b) => (a.reference < b.reference ? -1 : 1));
}

/** What becomes of a finding whose story has an incident already. */
export type Fit =
  /** Joins an incident that is not resolved. */
  | "joins"
  /** Happened before the incident was resolved, and only arrived later: it changes no state. */
  | "late"
  /** The story goes on soon after it was resolved. */
  | "reopens"
  /** Another story, later, about the same thing. */
  | "apart";

export function fitOf(incident: Incident, finding: Finding, settings: IncidentSettings): Fit {
  const time = instant(finding.time);
  if (incident.resolvedAt !== null) {
    const resolved = instant(incident.resolvedAt);
    if (time <= resolved) return "late";
    return time - resolved <= settings.reopenWithinMs ? "reopens" : "apart";
  }
  const quiet = settings.quietAfterMs[incident.category];
  if (quiet === undefined) return "joins";
  return time - instant(incident.lastAt) <= quiet && instant(incident.openedAt) - time <= quiet ? "joins" : "apart";
}

/** The incident after somebody did something to it; undefined where that makes no difference. */
export function acted(incident: Incident, action: IncidentAction): Incident | undefined {
  const actions = [...incident.actions, action];
  switch (action.what) {
    case "acknowledged":
      return incident.state === "open" || incident.state === "overdue"
        ? { ...incident, state: "acknowledged", actions }
        : undefined;
    case "resolved":
      return incident.state === "resolved"
        ? undefined
        : { ...incident, state: "resolved", resolvedAt: action.at, actions };
    case "reopened":
      return incident.state === "resolved" ? { ...incident, state: "open", resolvedAt: null, actions } : undefined;
  }
}

/** What the second state of an incident says that the first did not, as lines for people. */
export function newFacts(before: Incident, after: Incident): readonly string[] {
  const facts: string[] = [];
  const person = after.face.actor.person;
  if (before.face.actor.person === null && person !== null) facts.push(`the person is known now: ${described(person)}`);
  if (!before.face.justification && after.face.justification) facts.push("somebody gave a reason");
  const images = after.face.images.filter(
    ({ reference }) => !before.face.images.some((image) => image.reference === reference),
  );
  for (const { reference } of images) facts.push(`another image: ${reference}`);
  if (compareSeverity(after.grade.severity, before.grade.severity) > 0) {
    const reasons = after.grade.steps
      .filter(({ reason }) => !before.grade.steps.some((step) => step.reason === reason))
      .map(({ text }) => text);
    facts.push(`graded ${after.grade.severity} now${reasons.length === 0 ? "" : `: ${reasons.join("; ")}`}`);
  }
  return facts;
}

function described({ principal, via }: Person): string {
  return `${principal} (${via})`;
}

function instant(time: string): number {
  return Date.parse(time);
}
