import { type EntryView, field } from "./view.ts";

/**
 * Which fields a request changes. Entries write the mask as one text with commas; its names come in either spelling.
 * https://cloud.google.com/logging/docs/reference/v2/rest/v2/projects.sinks/update
 */
const MASK = field("protoPayload.request.updateMask");
const MASK_PATHS = field("protoPayload.request.updateMask.paths");

export const UPDATE_MASK_FIELDS = [MASK, MASK_PATHS];

/** Names as JSON spells them; empty where the request does not say. */
export function updateMask(view: EntryView): readonly string[] {
  return [...view.texts(MASK), ...view.texts(MASK_PATHS)]
    .flatMap((text) => text.split(","))
    .map((name) => name.trim().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()))
    .filter((name) => name !== "");
}

/** A request that does not say changes whatever it holds. */
export function changesField(mask: readonly string[], name: string): boolean {
  return mask.length === 0 || mask.some((path) => path === "*" || path.split(".").includes(name));
}
