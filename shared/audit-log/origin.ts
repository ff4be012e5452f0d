import { type EntryView, field } from "./view.ts";

const LOG_NAME = field("logName");
const PROJECT_LABEL = field("resource.labels.project_id");
const LOCATION_LABELS = [
  field("resource.labels.location"),
  field("resource.labels.region"),
  field("resource.labels.zone"),
];
const CURRENT_LOCATIONS = field("protoPayload.resourceLocation.currentLocations");

export const ORIGIN_FIELDS = [LOG_NAME, PROJECT_LABEL, ...LOCATION_LABELS, CURRENT_LOCATIONS];

/** The resource whose log holds the entry: projects/ID, folders/ID, organizations/ID or billingAccounts/ID. */
export function scopeOf(view: EntryView): string {
  const logName = view.text(LOG_NAME) ?? "";
  return logName.slice(0, Math.max(0, logName.indexOf("/logs/")));
}

/** The project's id; the resource label wins, since log names and resource names carry its number in places. */
export function projectOf(view: EntryView): string | null {
  const label = view.text(PROJECT_LABEL);
  if (label !== undefined && label !== "") return label;
  const scope = scopeOf(view);
  return scope.startsWith("projects/") ? scope.slice("projects/".length) : null;
}

export function locationOf(view: EntryView): string | null {
  for (const label of LOCATION_LABELS) {
    const text = view.text(label);
    if (text !== undefined && text !== "") return text;
  }
  return view.texts(CURRENT_LOCATIONS)[0] ?? null;
}
