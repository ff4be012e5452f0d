import type { Branch, Route, Step } from "./route.ts";
import { looseName } from "./suggest.ts";

/**
 * What a path finds in an entry: undefined when nothing is there, one leaf (a scalar, null or an object), or an array
 * of leaves where arrays were met on the way. Leaves are never arrays, and such an array is never empty.
 */
export type Found = unknown;

/** The way through an entry, which for a typed payload hangs on the `@type` that it has. */
export function branchFor({ main, payload }: Route, entry: unknown): Branch {
  if (payload === undefined) return main;
  let value = entry;
  for (let index = 0; index < payload.depth; index++) {
    if (typeof value !== "object" || value === null) return main;
    value = property(value, main.steps[index] as Step);
  }
  if (typeof value !== "object" || value === null) return main;
  const typeName = (value as Readonly<Record<string, unknown>>)["@type"];
  // Two or three names are compared faster than a map hashes one that was just parsed.
  for (const branch of payload.branches) if (branch.typeName === typeName) return branch;
  return main;
}

/**
 * Follows keys from a value on. Arrays on the way and at its end are spread; a scalar or null on the way makes the rest
 * missing.
 */
export function walk(start: unknown, steps: readonly Step[], from: number): Found {
  let value = start;
  for (let index = from; index < steps.length; index++) {
    if (typeof value !== "object" || value === null) return undefined;
    if (Array.isArray(value)) return spread(value, steps, index);
    value = property(value, steps[index] as Step);
  }
  return Array.isArray(value) ? spread(value, steps, steps.length) : value;
}

/** The value of a key, by the rules of the step; undefined when it is not there. */
export function property(object: object, step: Step): unknown {
  const record = object as Readonly<Record<string, unknown>>;
  if (!step.inherited || Object.hasOwn(object, step.key)) {
    const value = record[step.key];
    if (value !== undefined) return value;
  }
  if (step.loose === undefined) return undefined;
  const key = findLooseKey(object, step.loose);
  return key === undefined ? undefined : record[key];
}

/** The first key that differs from a name in letter case and underscores only. */
export function findLooseKey(object: object, loose: string): string | undefined {
  for (const key of Object.keys(object)) {
    if (key.length >= loose.length && looseName(key) === loose) return key;
  }
  return undefined;
}

/** Kept apart from `walk`, and without recursion: arrays may be nested deeper than the stack. */
function spread(values: readonly unknown[], steps: readonly Step[], from: number): Found {
  const leaves: unknown[] = [];
  const open: { readonly values: readonly unknown[]; readonly from: number; next: number }[] = [
    { values, from, next: 0 },
  ];
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    if (top.next === top.values.length) {
      open.pop();
      continue;
    }
    let value = top.values[top.next++];
    let index = top.from;
    while (index < steps.length && typeof value === "object" && value !== null && !Array.isArray(value)) {
      value = property(value, steps[index] as Step);
      index++;
    }
    if (Array.isArray(value)) open.push({ values: value, from: index, next: 0 });
    else if (index === steps.length && value !== undefined) leaves.push(value);
  }
  return leaves.length === 0 ? undefined : leaves;
}

/** Calls a test with each leaf found, until one passes. */
export function anyLeaf(found: Found, test: (leaf: unknown) => boolean): boolean {
  if (found === undefined) return false;
  return Array.isArray(found) ? found.some(test) : test(found);
}

/** The first leaf found. */
export function firstLeaf(found: Found): unknown {
  return Array.isArray(found) ? found[0] : found;
}

export function leavesOf(found: Found): readonly unknown[] {
  if (found === undefined) return [];
  return Array.isArray(found) ? found : [found];
}

/** Whether a scalar anywhere below an object passes a test: its values, not its keys. */
export function anyScalarBelow(root: object, test: (scalar: unknown) => boolean): boolean {
  const open: unknown[] = [root];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value !== "object" || value === null) {
      if (test(value)) return true;
    } else if (Array.isArray(value)) {
      for (const element of value) open.push(element);
    } else {
      for (const key of Object.keys(value)) open.push((value as Record<string, unknown>)[key]);
    }
  }
  return false;
}
