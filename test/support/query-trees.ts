import { parse } from "../../shared/query/parse.ts";
import type { Schema } from "../../shared/query/schema.ts";
import type { Tree } from "../../shared/query/tree.ts";

/** A tree without its positions: two filters that mean the same have the same one. */
export function shapeOf(tree: Tree): unknown {
  return JSON.parse(JSON.stringify(tree, (key, value: unknown) => (key === "at" ? undefined : value)));
}

export function parsedShape(filter: string, schema?: Schema): unknown {
  return shapeOf(parse(filter, schema === undefined ? {} : { schema }));
}
