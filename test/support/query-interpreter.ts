import { createHash } from "node:crypto";
import { isIPv4, isIPv6 } from "node:net";
import { RE2JS } from "re2js";
import type { Atom, Combination, Comparison, Literal, Operator, Path, Subject, Tree } from "../../shared/query/tree.ts";

/**
 * The query language a second time, from the specification: a plain walk over the tree for each entry, as slow and as
 * literal as can be, sharing nothing with the engine but the tree. The two must agree.
 */
export function interpret(tree: Tree, entry: unknown): boolean {
  return tree.condition === null || truth(tree.condition, (atom: Atom) => holds(atom, entry));
}

function truth<Leaf extends object>(node: Combination<Leaf>, ofLeaf: (leaf: Leaf) => boolean): boolean {
  if ("terms" in node) {
    const verdicts = node.terms.map((term) => truth(term, ofLeaf));
    return node.kind === "and" ? !verdicts.includes(false) : verdicts.includes(true);
  }
  if ("term" in node) return !truth(node.term, ofLeaf);
  return ofLeaf(node);
}

function holds(atom: Atom, entry: unknown): boolean {
  switch (atom.kind) {
    case "comparison":
      return truth(atom.values, (literal: Literal) => compares(atom, literal, entry));
    case "global":
      return everything(entry).some(({ kind, value }) => globalHit(kind, value, atom.literal));
    case "log_id": {
      const name = logName(entry);
      return name !== undefined && encoded(name.id) === encoded(atom.logId.text);
    }
    case "source": {
      const name = logName(entry);
      return name !== undefined && folded(name.parent) === folded(atom.resource.text);
    }
    case "sample": {
      const { kind, leaves, defaulted } = find(atom.field, entry);
      const first = leaves[0];
      const value =
        first === undefined || first === null ? (defaulted ? (kind === "string" ? "" : 0) : undefined) : first;
      if (typeof value !== "string" && typeof value !== "number") return false;
      const hash = createHash("sha256").update(String(value)).digest().subarray(0, 8);
      return Number(BigInt(`0x${hash.toString("hex")}`)) / 2 ** 64 <= Number(atom.fraction.text);
    }
    case "ip_in_net":
      return find(atom.field, entry).leaves.some((leaf) => typeof leaf === "string" && inNet(leaf, atom.subnet.text));
    case "search": {
      const texts =
        atom.field === null
          ? everything(entry).filter(({ kind }) => kind === "string" || kind === "json")
          : searchable(find(atom.field, entry));
      return searchHit(
        atom.query.text,
        texts.map(({ value }) => value).filter((value) => typeof value === "string"),
      );
    }
  }
}

// Paths

type Kind =
  | "string"
  | "bool"
  | "int32"
  | "int64"
  | "double"
  | "timestamp"
  | "duration"
  | "severity"
  | "permissionType"
  | "json"
  | "map"
  | "message";

interface FoundField {
  readonly kind: Kind;
  readonly leaves: readonly unknown[];
  readonly defaulted: boolean;
}

/** Fields of a LogEntry that have a type of their own; everything else below these roots is free. */
const TYPES: Readonly<Record<string, Kind>> = {
  logName: "string",
  textPayload: "string",
  insertId: "string",
  trace: "string",
  spanId: "string",
  traceSampled: "bool",
  timestamp: "timestamp",
  receiveTimestamp: "timestamp",
  severity: "severity",
  resource: "message",
  "resource.type": "string",
  "resource.labels": "map",
  labels: "map",
  metadata: "message",
  "metadata.userLabels": "map",
  "metadata.systemLabels": "json",
  jsonPayload: "json",
  httpRequest: "message",
  "httpRequest.requestMethod": "string",
  "httpRequest.requestUrl": "string",
  "httpRequest.userAgent": "string",
  "httpRequest.remoteIp": "string",
  "httpRequest.serverIp": "string",
  "httpRequest.referer": "string",
  "httpRequest.protocol": "string",
  "httpRequest.requestSize": "int64",
  "httpRequest.responseSize": "int64",
  "httpRequest.cacheFillBytes": "int64",
  "httpRequest.status": "int32",
  "httpRequest.latency": "duration",
  "httpRequest.cacheLookup": "bool",
  "httpRequest.cacheHit": "bool",
  "httpRequest.cacheValidatedWithOriginServer": "bool",
  operation: "message",
  "operation.id": "string",
  "operation.producer": "string",
  "operation.first": "bool",
  "operation.last": "bool",
  sourceLocation: "message",
  "sourceLocation.file": "string",
  "sourceLocation.function": "string",
  "sourceLocation.line": "int64",
  split: "message",
  "split.uid": "string",
  "split.index": "int32",
  "split.totalSplits": "int32",
};

/** What differs, in an audit entry, from free content: types that are not strings, and Structs with exact keys. */
const AUDIT_TYPES: Readonly<Record<string, Kind>> = {
  numResponseItems: "int64",
  "status.code": "int32",
  "authorizationInfo.granted": "bool",
  "authorizationInfo.permissionType": "permissionType",
  "requestMetadata.requestAttributes.time": "timestamp",
};
const AUDIT_STRUCTS = ["request", "response", "metadata", "resourceOriginalState"];
const AUDIT_FIELDS = [
  "@type",
  "serviceName",
  "methodName",
  "resourceName",
  "numResponseItems",
  "status",
  "authenticationInfo",
  "authorizationInfo",
  "requestMetadata",
  "serviceData",
  "request",
  "response",
  "metadata",
  "resourceOriginalState",
  "code",
  "message",
  "details",
  "granted",
  "permission",
  "resource",
  "permissionType",
  "principalEmail",
  "callerIp",
  "requestAttributes",
  "time",
];
const AUDIT = "type.googleapis.com/google.cloud.audit.AuditLog";

function plain(name: string): string {
  return name.replaceAll("_", "").toLowerCase();
}

function find(path: Path, entry: unknown): FoundField {
  const names: string[] = [];
  let kind: Kind | "none" = "message";
  for (const [index, component] of path.components.entries()) {
    if (kind !== "message") {
      names.push(component);
      continue;
    }
    const known = Object.keys(TYPES).find((text) => {
      const parts = text.split(".");
      const parent = names.length === 0 ? "" : `${names.join(".")}.`;
      return parts.length === index + 1 && plain(text) === plain(parent + component);
    });
    if (known === undefined) return findBelowPayload(path, entry);
    names.push(known.split(".").at(-1) ?? "");
    kind = TYPES[known] ?? "json";
  }
  const map = ["labels", "resource.labels", "metadata.userLabels"].find((name) =>
    names.join(".").startsWith(`${name}.`),
  );
  if (map !== undefined && names.length > map.split(".").length + 1)
    return { kind: "json", leaves: [], defaulted: false };
  const typed = TYPES[names.join(".")];
  const isField = typed !== undefined && typed !== "json" && typed !== "map" && typed !== "message";
  return {
    kind: typed ?? "json",
    leaves: collect(
      entry,
      names.map((name) => exactly(name)),
    ),
    defaulted: isField,
  };
}

/** protoPayload, and the roots that only newer versions have: names in free spelling, except below a Struct. */
function findBelowPayload(path: Path, entry: unknown): FoundField {
  const [root = "", ...names] = path.components;
  const rootName = ["protoPayload", "errorGroups", "apphub", "apphubDestination", "apphubSource"].find(
    (name) => plain(name) === plain(root),
  );
  const steps: Step[] = [exactly(rootName ?? root)];
  const payload = isObject(entry) ? entry.protoPayload : undefined;
  const isAudit = rootName === "protoPayload" && isObject(payload) && payload["@type"] === AUDIT;
  if (!isAudit) return { kind: "json", leaves: collect(entry, [...steps, ...names.map(freely)]), defaulted: false };
  let inStruct = false;
  let inAny = false;
  const canonical: string[] = [];
  for (const name of names) {
    const field = inStruct || inAny ? undefined : AUDIT_FIELDS.find((known) => plain(known) === plain(name));
    canonical.push(field ?? name);
    steps.push(inStruct ? exactly(name) : field === undefined ? freely(name) : exactly(field));
    if (canonical.length === 1 && field !== undefined && AUDIT_STRUCTS.includes(field)) inStruct = true;
    if (field === undefined || field === "details" || field === "serviceData") inAny = true;
  }
  return { kind: AUDIT_TYPES[canonical.join(".")] ?? "json", leaves: collect(entry, steps), defaulted: false };
}

/** Gives the value of one key of an object, or undefined. */
type Step = (object: Readonly<Record<string, unknown>>) => unknown;

function exactly(name: string): Step {
  return (object) => (Object.keys(object).includes(name) ? object[name] : undefined);
}

function freely(name: string): Step {
  return (object) => {
    const keys = Object.keys(object);
    const key = keys.find((each) => each === name) ?? keys.find((each) => plain(each) === plain(name));
    return key === undefined ? undefined : object[key];
  };
}

function collect(value: unknown, steps: readonly Step[]): readonly unknown[] {
  if (Array.isArray(value)) return value.flatMap((element) => collect(element, steps));
  const [step, ...rest] = steps;
  if (step === undefined) return value === undefined ? [] : [value];
  return isObject(value) ? collect(step(value), rest) : [];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// Comparisons

function compares({ subject, operator }: Comparison, literal: Literal, entry: unknown): boolean {
  if (subject.kind !== "path") return comparesResult(subject, operator, literal, entry);
  const { kind, leaves, defaulted } = find(subject, entry);
  if (isStar(operator, literal)) return leaves.some((leaf) => isPresent(kind, defaulted, leaf));
  if (isNull(literal)) {
    if (operator === "!=") return leaves.some((leaf) => leaf !== null);
    return (operator === "=" || operator === ":") && leaves.includes(null);
  }
  const real = defaulted ? leaves.map((leaf) => (leaf === null ? standIn(kind) : leaf)) : leaves;
  const values = real.length === 0 && defaulted ? [standIn(kind)] : real;
  return values.some((value) => leafCompares(kind, operator, literal, value));
}

function isStar(operator: Operator, literal: Literal): boolean {
  return operator === ":" && literal.text === "*" && !literal.quoted;
}

function isNull(literal: Literal): boolean {
  return !literal.quoted && /^null_value$/i.test(literal.text);
}

/** The JSON form of a type's default. */
function standIn(kind: Kind): unknown {
  const values: Partial<Record<Kind, unknown>> = {
    string: "",
    bool: false,
    timestamp: "1970-01-01T00:00:00Z",
    duration: "0s",
    severity: "DEFAULT",
  };
  return kind in values ? values[kind] : 0;
}

function isPresent(kind: Kind, defaulted: boolean, leaf: unknown): boolean {
  if (kind === "map") return isObject(leaf) ? Object.keys(leaf).length > 0 : leaf !== null;
  if (!defaulted) return true;
  if (kind === "string") return leaf !== null && leaf !== "";
  return leaf !== null && !same(read(kind, leaf), read(kind, standIn(kind)));
}

function leafCompares(kind: Kind, operator: Operator, literal: Literal, value: unknown): boolean {
  if (kind !== "json" && kind !== "string" && kind !== "map" && kind !== "message") {
    if (operator === "=~" || operator === "!~") return false;
    const operand = parseAs(kind, literal.text);
    if (operand === undefined) return false;
    const own = read(kind, value);
    if (own !== undefined) return ordered(operator, own, operand);
  }
  if (typeof value === "string") return textCompares(operator, value, literal);
  if (operator === "=~" || operator === "!~") return false;
  if (typeof value === "number" || typeof value === "boolean") {
    const operand = parseAs(typeof value === "number" ? "double" : "bool", literal.text);
    return operand !== undefined && ordered(operator, value, operand);
  }
  return (
    operator === ":" && isObject(value) && scalarsBelow(value).some((each) => leafCompares("json", ":", literal, each))
  );
}

function scalarsBelow(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value.flatMap(scalarsBelow);
  return isObject(value) ? Object.values(value).flatMap(scalarsBelow) : [value];
}

function textCompares(operator: Operator, text: string, literal: Literal): boolean {
  if (operator === "=~") return RE2JS.compile(literal.text).matcher(text).find();
  if (operator === "!~") return !RE2JS.compile(literal.text).matcher(text).find();
  const [left, right] = [folded(text), folded(literal.text)];
  if (operator === ":") return left.includes(right);
  const [a, b] = [Array.from(left), Array.from(right)].map((points) =>
    points.map((point) => point.codePointAt(0) ?? 0),
  );
  const difference = byCodePoints(a ?? [], b ?? []);
  return ordered(operator, difference, 0);
}

function byCodePoints(left: readonly number[], right: readonly number[]): number {
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? -1) - (right[index] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}

type Value = number | bigint | boolean;

function same(left: Value | string | undefined, right: Value | string | undefined): boolean {
  // biome-ignore lint/suspicious/noDoubleEquals: a number and a bigint of one value are one value
  return left == right;
}

function ordered(operator: Operator, left: Value, right: Value): boolean {
  switch (operator) {
    case "=":
    case ":":
      return same(left, right);
    case "!=":
      return !same(left, right);
    case "<":
      return left < right;
    case "<=":
      return left <= right;
    case ">":
      return left > right;
    default:
      return left >= right;
  }
}

const SEVERITIES: Readonly<Record<string, number>> = {
  DEFAULT: 0,
  DEBUG: 100,
  INFO: 200,
  NOTICE: 300,
  WARNING: 400,
  ERROR: 500,
  CRITICAL: 600,
  ALERT: 700,
  EMERGENCY: 800,
};
const PERMISSION_TYPES: Readonly<Record<string, number>> = {
  PERMISSION_TYPE_UNSPECIFIED: 0,
  ADMIN_READ: 1,
  ADMIN_WRITE: 2,
  DATA_READ: 3,
  DATA_WRITE: 4,
};

/** A literal, or the text of a JSON string, as a value of a type. */
function parseAs(kind: Kind, text: string): Value | undefined {
  switch (kind) {
    case "bool":
      return /^true$/i.test(text) ? true : /^false$/i.test(text) ? false : undefined;
    case "int32":
    case "int64": {
      if (!/^[-+]?\d+$/.test(text)) return undefined;
      const value = BigInt(text.replace("+", ""));
      return BigInt.asIntN(kind === "int32" ? 32 : 64, value) === value ? value : undefined;
    }
    case "double":
      if (/^nan$/i.test(text)) return Number.NaN;
      if (/^-?infinity$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
      return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : undefined;
    case "timestamp":
      return instant(text);
    case "duration":
      return length(text);
    default: {
      const names = kind === "severity" ? SEVERITIES : PERMISSION_TYPES;
      const name = Object.keys(names).find((each) => each === text.toUpperCase() || String(names[each]) === text);
      return name === undefined ? undefined : names[name];
    }
  }
}

/** A JSON value as a value of a declared type. */
function read(kind: Kind, leaf: unknown): Value | undefined {
  if (kind === "string") return undefined;
  if (kind === "bool") return typeof leaf === "boolean" ? leaf : undefined;
  if (typeof leaf === "string") return parseAs(kind, leaf);
  if (typeof leaf !== "number" || kind === "timestamp" || kind === "duration") return undefined;
  if (kind === "int32" || kind === "int64") return Number.isInteger(leaf) ? BigInt(leaf) : undefined;
  return leaf;
}

function instant(text: string): bigint | undefined {
  const parts = /^(\d{4}-\d\d-\d\d)(?:t(\d\d:\d\d:\d\d)(\.\d{1,9})?(z|[-+]\d\d:?\d\d)?)?$/i.exec(text);
  if (parts === null) return undefined;
  const [, date = "", time = "00:00:00", fraction = ".", zone = "Z"] = parts;
  const at = Date.parse(`${date}T${time}Z`);
  if (Number.isNaN(at) || !new Date(at).toISOString().startsWith(`${date}T${time}`) || date.startsWith("0000"))
    return undefined;
  const nanoseconds = BigInt(fraction.slice(1).padEnd(9, "0"));
  if (/z/i.test(zone)) return BigInt(at) * 1_000_000n + nanoseconds;
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(-2))];
  if (hours > 23 || minutes > 59) return undefined;
  const shift = (hours * 60 + minutes) * 60_000 * (zone.startsWith("-") ? -1 : 1);
  return BigInt(at - shift) * 1_000_000n + nanoseconds;
}

function length(text: string): bigint | undefined {
  const parts = /^([-+]?)(\d+)(?:\.(\d+))?(ns|us|ms|s|m|h)$/i.exec(text);
  if (parts === null) return undefined;
  const [, sign, whole = "", fraction = "", unit = ""] = parts;
  const unitSize =
    { ns: 1n, us: 10n ** 3n, ms: 10n ** 6n, s: 10n ** 9n, m: 60n * 10n ** 9n, h: 3600n * 10n ** 9n }[
      unit.toLowerCase()
    ] ?? 0n;
  const scaled = (BigInt(whole + fraction) * unitSize) / 10n ** BigInt(fraction.length);
  return sign === "-" ? -scaled : scaled;
}

function folded(text: string): string {
  const kept = Array.from(text.normalize("NFKC")).filter((point) => !/\p{Default_Ignorable_Code_Point}/u.test(point));
  return kept
    .map((point) => (point === "ı" ? point : point.toLowerCase().toUpperCase().toLowerCase()))
    .join("")
    .normalize("NFKC");
}

// Everything an entry has

interface Piece {
  readonly kind: Kind | "key";
  readonly value: unknown;
}

/** All values with their types, and the keys of maps and free content. */
function everything(entry: unknown): readonly Piece[] {
  if (!isObject(entry)) return [];
  return Object.entries(entry).flatMap(([name, value]) =>
    name === "protoPayload" ? payloadPieces(value) : fieldPieces(name, value),
  );
}

function fieldPieces(path: string, value: unknown): readonly Piece[] {
  const kind = TYPES[path];
  return flat(value).flatMap((each): readonly Piece[] => {
    if (kind === "message" && isObject(each)) {
      return Object.entries(each).flatMap(([name, inner]) => fieldPieces(`${path}.${name}`, inner));
    }
    if (kind === undefined || kind === "map" || kind === "json" || kind === "message" || isObject(each))
      return freePieces(each);
    return [{ kind, value: each }];
  });
}

function payloadPieces(payload: unknown): readonly Piece[] {
  return flat(payload).flatMap((each) =>
    isObject(each) && each["@type"] === AUDIT ? auditPieces("", each) : freePieces(each),
  );
}

/** The messages of an audit entry whose own field names are not searched, as far as the test entries have them. */
const AUDIT_MESSAGES: Readonly<Record<string, readonly string[]>> = {
  "": [
    "@type",
    "serviceName",
    "methodName",
    "resourceName",
    "numResponseItems",
    "status",
    "authenticationInfo",
    "authorizationInfo",
    "requestMetadata",
  ],
  status: ["code", "message"],
  authenticationInfo: ["principalEmail"],
  authorizationInfo: ["granted", "permission", "resource", "permissionType"],
  requestMetadata: ["callerIp", "requestAttributes"],
  "requestMetadata.requestAttributes": ["time"],
};

function auditPieces(path: string, value: unknown): readonly Piece[] {
  return flat(value).flatMap((each): readonly Piece[] => {
    const fields = AUDIT_MESSAGES[path];
    if (fields === undefined || !isObject(each)) {
      const kind = AUDIT_TYPES[path];
      return kind === undefined || isObject(each) ? freePieces(each) : [{ kind, value: each }];
    }
    return Object.entries(each).flatMap(([name, inner]) => {
      if (!fields.includes(name)) return freePieces(inner);
      return auditPieces(path === "" ? name : `${path}.${name}`, inner);
    });
  });
}

function freePieces(value: unknown): readonly Piece[] {
  if (Array.isArray(value)) return value.flatMap(freePieces);
  if (!isObject(value)) return [{ kind: "json", value }];
  return Object.entries(value).flatMap(([key, inner]): readonly Piece[] => [
    ...(key === "@type" ? [] : [{ kind: "key" as const, value: key }]),
    ...freePieces(inner),
  ]);
}

function flat(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value.flatMap(flat) : [value];
}

function globalHit(kind: Kind | "key", value: unknown, literal: Literal): boolean {
  if (isStar(":", literal)) return true;
  if (isNull(literal)) return value === null;
  return leafCompares(kind === "key" ? "json" : kind, ":", literal, value);
}

// Functions

function logName(entry: unknown): { readonly parent: string; readonly id: string } | undefined {
  const [name] = collect(entry, [exactly("logName")]);
  if (typeof name !== "string") return undefined;
  const [type, owner, logs, ...id] = name.split("/");
  if (!type || !owner || logs !== "logs" || id.length === 0) return undefined;
  return { parent: `${type}/${owner}`, id: id.join("/") };
}

/** Encoded, if it was not, and in lower case. */
function encoded(id: string): string {
  let text = "";
  for (let index = 0; index < id.length; index++) {
    if (/^%[0-9a-f]{2}/i.test(id.slice(index))) {
      text += id.slice(index, index + 3);
      index += 2;
    } else if (/[a-z0-9._~-]/i.test(id[index] ?? "")) {
      text += id[index];
    } else {
      const point = String.fromCodePoint(id.codePointAt(index) ?? 0);
      text += Buffer.from(point).toString("hex").replace(/../g, "%$&");
      index += point.length - 1;
    }
  }
  return text.toLowerCase();
}

function inNet(address: string, subnet: string): boolean {
  const [inner, outer] = [bitsOf(address), bitsOf(subnet)];
  if (inner === undefined || outer === undefined || inner.all !== outer.all) return false;
  return inner.bits.startsWith(outer.bits);
}

/** The fixed bits of an address or range, as a text of zeros and ones. */
function bitsOf(text: string): { readonly bits: string; readonly all: number } | undefined {
  const [address = "", prefix, ...more] = text.split("/");
  if (more.length > 0 || address.includes("%")) return undefined;
  const bits = isIPv4(address) ? ipv4Bits(address) : isIPv6(address) ? ipv6Bits(address) : undefined;
  if (bits === undefined) return undefined;
  if (prefix === undefined) return { bits, all: bits.length };
  if (!/^(0|[1-9]\d*)$/.test(prefix) || Number(prefix) > bits.length) return undefined;
  return { bits: bits.slice(0, Number(prefix)), all: bits.length };
}

function ipv4Bits(address: string): string {
  return address
    .split(".")
    .map((part) => Number(part).toString(2).padStart(8, "0"))
    .join("");
}

function ipv6Bits(address: string): string {
  const text = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (ipv4) => {
    const bits = ipv4Bits(ipv4);
    return `${Number.parseInt(bits.slice(0, 16), 2).toString(16)}:${Number.parseInt(bits.slice(16), 2).toString(16)}`;
  });
  const [head = "", tail] = text.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const middle = tail === undefined ? [] : Array.from({ length: 8 - before.length - after.length }, () => "0");
  return [...before, ...middle, ...after]
    .map((group) => Number.parseInt(group, 16).toString(2).padStart(16, "0"))
    .join("");
}

function searchable({ kind, leaves }: FoundField): readonly Piece[] {
  if (!["string", "json", "map", "message"].includes(kind)) return [];
  return leaves.flatMap((leaf) => freePieces(leaf).filter((piece) => piece.kind !== "key"));
}

const DELIMITERS = "[]<>(){}|!;,'\"*&?+/:=@.-$%\\_";
const ENCODED = [
  "%2520",
  "%2526",
  "%21",
  "%26",
  "%3b",
  "%7c",
  "%20",
  "%2b",
  "%3d",
  "%5d",
  "%5b",
  "%3a",
  "%0a",
  "%2c",
  "%28",
  "%29",
];

function searchHit(query: string, texts: readonly string[]): boolean {
  const pieces = query.toLowerCase().split("`");
  const words = pieces.filter((_, index) => index % 2 === 0).flatMap(tokens);
  const phrases = pieces.filter((piece, index) => index % 2 === 1 && tokens(piece).length > 0);
  const lower = texts.map((text) => text.toLowerCase());
  return (
    words.every((word) => lower.some((text) => tokens(text).includes(word))) &&
    phrases.every((phrase) => lower.some((text) => phraseIn(text, phrase)))
  );
}

function isDelimiter(character: string): boolean {
  return /\s/.test(character) || DELIMITERS.includes(character);
}

function tokens(text: string): readonly string[] {
  const found = [""];
  for (let index = 0; index < text.length; ) {
    const code = ENCODED.find((each) => text.startsWith(each, index));
    if (code !== undefined || isDelimiter(text[index] ?? "")) found.push("");
    else found.push((found.pop() ?? "") + text[index]);
    index += code?.length ?? 1;
  }
  return found.filter((token) => token !== "");
}

function phraseIn(text: string, phrase: string): boolean {
  for (let at = 0; at + phrase.length <= text.length; at++) {
    if (!text.startsWith(phrase, at)) continue;
    const before = text.slice(0, at);
    const after = text.slice(at + phrase.length);
    const begins = before === "" || isDelimiter(before.at(-1) ?? "") || ENCODED.some((code) => before.endsWith(code));
    if (begins && (after === "" || isDelimiter(after[0] ?? ""))) return true;
  }
  return false;
}

// Values of functions

interface Result {
  readonly kind: Kind;
  readonly value: Value | string;
}

function comparesResult(subject: Subject, operator: Operator, literal: Literal, entry: unknown): boolean {
  if (isStar(operator, literal)) return results(subject, entry, false).length > 0;
  if (isNull(literal)) return operator === "!=" && results(subject, entry, false).length > 0;
  return results(subject, entry, true).some(({ kind, value }) => {
    if (typeof value === "string") return textCompares(operator, value, literal);
    if (operator === "=~" || operator === "!~") return false;
    const operand = parseAs(kind, literal.text);
    return operand !== undefined && ordered(operator, value, operand);
  });
}

function results(subject: Subject, entry: unknown, withDefault: boolean): readonly Result[] {
  if (subject.kind === "path") {
    const { kind, leaves, defaulted } = find(subject, entry);
    const real = withDefault && defaulted ? leaves.map((leaf) => (leaf === null ? standIn(kind) : leaf)) : leaves;
    const values = real.length === 0 && defaulted && withDefault ? [standIn(kind)] : real;
    return values.flatMap((value): readonly Result[] => {
      const own = read(kind, value);
      if (own !== undefined) return [{ kind, value: own }];
      if (typeof value === "string") return [{ kind: "string", value }];
      if (typeof value === "number") return [{ kind: "double", value }];
      return typeof value === "boolean" ? [{ kind: "bool", value }] : [];
    });
  }
  return results(subject.value, entry, withDefault).flatMap((result): readonly Result[] => {
    if (subject.kind === "regexp_extract") {
      if (typeof result.value !== "string") return [];
      const matcher = RE2JS.compile(subject.pattern.text).matcher(result.value);
      const group: string | null = matcher.find() ? matcher.group(1) : null;
      return group === null ? [] : [{ kind: "string", value: group }];
    }
    return cast(result, subject.type, subject.timeZone);
  });
}

function cast({ kind, value }: Result, type: string, zone: string | null): readonly Result[] {
  const give = (to: Kind, result: Value | string | undefined): readonly Result[] =>
    result === undefined ? [] : [{ kind: to, value: result }];
  const isText = typeof value === "string";
  const isInteger = kind === "int32" || kind === "int64";
  switch (type) {
    case "STRING":
      return give("string", textOf({ kind, value }, zone));
    case "INT64":
      if (isText) return give("int64", parseAs("int64", value));
      if (typeof value === "boolean") return give("int64", value ? 1n : 0n);
      if (isInteger) return give("int64", value);
      if (typeof value !== "number" || !Number.isFinite(value)) return [];
      return give("int64", parseAs("int64", BigInt(value < 0 ? -Math.round(-value) : Math.round(value)).toString()));
    case "FLOAT64":
      if (isText) return give("double", parseAs("double", value));
      return typeof value === "number" || isInteger ? give("double", Number(value)) : [];
    case "BOOL":
      if (isText) return give("bool", parseAs("bool", value));
      if (typeof value === "boolean") return give("bool", value);
      return typeof value === "number" || isInteger ? give("bool", Number(value) !== 0) : [];
    case "TIMESTAMP":
      return kind === "timestamp" ? give("timestamp", value) : isText ? give("timestamp", instant(value)) : [];
    default:
      return kind === "duration" ? give("duration", value) : isText ? give("duration", length(value)) : [];
  }
}

function textOf({ kind, value }: Result, zone: string | null): string {
  if (kind === "severity" || kind === "permissionType") {
    const names = kind === "severity" ? SEVERITIES : PERMISSION_TYPES;
    return Object.keys(names).find((name) => names[name] === value) ?? String(value);
  }
  if (kind === "duration") return durationText(BigInt(value));
  return kind === "timestamp" ? instantText(BigInt(value), zone) : String(value);
}

function digitsOf(nanoseconds: bigint): string {
  const digits = String(nanoseconds)
    .padStart(9, "0")
    .replace(/(000){1,3}$/, "");
  return digits === "" ? "" : `.${digits}`;
}

function durationText(value: bigint): string {
  const size = value < 0n ? -value : value;
  return `${value < 0n ? "-" : ""}${size / 10n ** 9n}${digitsOf(size % 10n ** 9n)}s`;
}

function instantText(value: bigint, zone: string | null): string {
  const fraction = BigInt.asUintN(64, ((value % 10n ** 9n) + 10n ** 9n) % 10n ** 9n);
  const date = new Date(Number((value - fraction) / 10n ** 6n));
  if (zone === null) return `${date.toISOString().slice(0, 19)}${digitsOf(fraction)}Z`;
  const parts = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" }).format(
    date,
  );
  const name = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset" }).format(date);
  const offset = /GMT([-+]\d\d:\d\d)?/.exec(name)?.[1] ?? "+00:00";
  return `${parts.replace(" ", "T")}${digitsOf(fraction)}${offset}`;
}
