import { printPath } from "./print.ts";
import { article, refuse } from "./refuse.ts";
import type { FieldType, Message, ScalarType, Schema } from "./schema.ts";
import { looseName, nearestName } from "./suggest.ts";
import type { Path } from "./tree.ts";

/** One key to look up on the way to a value. */
export interface Step {
  readonly key: string;
  /** Set where the name may be spelled otherwise in the JSON: then it is compared without case and underscores. */
  readonly loose: string | undefined;
  /** Whether the schema knows the name; if not, it is a key that somebody chose. */
  readonly isField: boolean;
  /** Whether every object inherits a property of this name, so that only an own one may count. */
  readonly inherited: boolean;
}

/** What stands at the end of a path: a scalar of known type, an object of known shape, or whatever the JSON has. */
export type LeafType = ScalarType | "message" | "map" | "json";

/** The keys that lead to a value, and its type. */
export interface Branch {
  readonly steps: readonly Step[];
  readonly type: LeafType;
}

/** The way through a payload of one type. */
export interface PayloadBranch extends Branch {
  readonly typeName: string;
}

/** A path made ready for reading. */
export interface Route {
  /** The path as the language writes it, with the schema's own spelling. */
  readonly text: string;
  /** Where it leads: a field of a message, a value of a map (or something below one, which never is), free content. */
  readonly place: "field" | "map-value" | "below-map-value" | "content";
  /** Whether the field compares as its type's default value when it is not there. */
  readonly defaulted: boolean;
  /** The way when no typed payload is on it; otherwise the way for a payload of unknown type. */
  readonly main: Branch;
  /** A payload on the way: how many of the steps lead to it, and the ways below it by its `@type`. */
  readonly payload: { readonly depth: number; readonly branches: readonly PayloadBranch[] } | undefined;
}

/** Finds the way to a path's values; a field that does not exist is refused with QUERY_FIELD. */
export function findRoute(path: Path, schema: Schema): Route {
  const trail = new Trail(path, schema);
  let type: FieldType | "beyond" = { kind: "message", fields: schema.fields };
  let place: Route["place"] = "field";
  for (const [index, name] of path.components.entries()) {
    if (type === "beyond") {
      // Accepted, but it never finds anything: the values of a map are strings.
      trail.exact(name);
      place = "below-map-value";
    } else if (typeof type === "string" || type.kind === "enumeration") {
      trail.refuseSubfield(index, typeof type === "string" ? type : "enumeration");
    } else if (type.kind === "message") {
      const field: string = findField(type, name) ?? trail.refuseField(index, type);
      trail.field(field);
      type = type.fields[field] ?? "beyond";
    } else if (type.kind === "payload") {
      return trail.throughPayload(index, type.types);
    } else {
      trail[type.kind === "open" ? "loose" : "exact"](name);
      place = type.kind === "map" ? "map-value" : "content";
      if (type.kind === "map") type = "beyond";
    }
  }
  const leaf = leafType(type);
  const defaulted = schema.absent === "defaulted" && place === "field" && isScalar(leaf);
  return { text: trail.text(), place, defaulted, main: { steps: trail.steps, type: leaf }, payload: undefined };
}

/** Whether a value at the end of a path has a scalar type that the schema names. */
export function isScalar(type: LeafType): type is ScalarType {
  return typeof type === "object" || (type !== "message" && type !== "map" && type !== "json");
}

/** The field of a message that a name means, letter case and underscores ignored. */
function findField(type: Message, name: string): string | undefined {
  if (Object.hasOwn(type.fields, name)) return name;
  const loose = looseName(name);
  return Object.keys(type.fields).find((field) => looseName(field) === loose);
}

/** The names met so far on the way from the root of an entry. */
class Trail {
  readonly steps: Step[] = [];
  private readonly path: Path;
  private readonly schema: Schema;

  constructor(path: Path, schema: Schema) {
    this.path = path;
    this.schema = schema;
  }

  field(name: string): void {
    this.steps.push({ key: name, loose: undefined, isField: true, inherited: name in Object.prototype });
  }

  exact(key: string): void {
    this.steps.push({ key, loose: undefined, isField: false, inherited: key in Object.prototype });
  }

  loose(key: string): void {
    this.steps.push({ key, loose: looseName(key), isField: false, inherited: key in Object.prototype });
  }

  text(): string {
    return printPath({ ...this.path, components: this.steps.map(({ key }) => key) });
  }

  /** Below a typed payload no field is undefined: one that its type does not have is simply missing. */
  throughPayload(index: number, types: Readonly<Record<string, Message>>): Route {
    const above = [...this.steps];
    const names = this.path.components.slice(index);
    const branches: PayloadBranch[] = [];
    for (const [typeName, type] of Object.entries(types)) {
      const below = new Trail(this.path, this.schema);
      const leaf = below.descend(type, names);
      branches.push({ typeName, steps: [...above, ...below.steps], type: leaf });
    }
    for (const name of names) this.loose(name);
    const main: Branch = { steps: this.steps, type: "json" };
    return { text: this.text(), place: "content", defaulted: false, main, payload: { depth: above.length, branches } };
  }

  private descend(root: Message, names: readonly string[]): LeafType {
    let type: FieldType | "beyond" = root;
    for (const name of names) {
      if (type === "beyond" || typeof type === "string" || type.kind === "enumeration") {
        this.exact(name);
        type = "beyond";
      } else if (type.kind === "message") {
        const field: string | undefined = findField(type, name);
        if (field === undefined) this.loose(name);
        else this.field(field);
        type = field === undefined ? { kind: "open" } : (type.fields[field] ?? "beyond");
      } else {
        this[type.kind === "struct" || type.kind === "map" ? "exact" : "loose"](name);
        if (type.kind === "map") type = "beyond";
      }
    }
    return leafType(type);
  }

  refuseField(index: number, type: Message): never {
    const name = this.path.components[index] ?? "";
    const written = printPath({ ...this.path, components: this.path.components.slice(0, index + 1) });
    const near = nearestName(name, Object.keys(type.fields));
    const advice = near ?? (index === 0 ? this.elsewhere(name) : undefined);
    const whole = near === undefined ? advice : [...this.steps.map(({ key }) => key), near].join(".");
    const suggestion =
      advice === undefined ? `known are ${Object.keys(type.fields).join(", ")}` : `did you mean \`${whole}\`?`;
    refuse("QUERY_FIELD", `Field not found: '${written}'; ${suggestion}`, this.path.at);
  }

  refuseSubfield(index: number, typeName: string): never {
    const written = printPath({ ...this.path, components: this.path.components.slice(0, index + 1) });
    refuse(
      "QUERY_FIELD",
      `Field not found: '${written}'; ${this.text()} is ${article(typeName)} ${typeName} and has no fields below it`,
      this.path.at,
    );
  }

  /** A field deeper in the schema that has exactly this name: authors often leave its parents out. */
  private elsewhere(name: string): string | undefined {
    const loose = looseName(name);
    const queue: { readonly prefix: string; readonly fields: Readonly<Record<string, FieldType>> }[] = [
      { prefix: "", fields: this.schema.fields },
    ];
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      for (const [field, type] of Object.entries(next.fields)) {
        if (next.prefix !== "" && looseName(field) === loose) return next.prefix + field;
        if (typeof type === "string") continue;
        const prefix = `${next.prefix}${field}.`;
        if (type.kind === "message") queue.push({ prefix, fields: type.fields });
        if (type.kind === "payload")
          for (const each of Object.values(type.types)) queue.push({ prefix, fields: each.fields });
      }
    }
    return undefined;
  }
}

function leafType(type: FieldType | "beyond"): LeafType {
  if (type === "beyond") return "json";
  if (typeof type === "string" || type.kind === "enumeration") return type;
  if (type.kind === "message") return "message";
  return type.kind === "map" ? "map" : "json";
}
