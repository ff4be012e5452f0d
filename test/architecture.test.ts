import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..");

interface Import {
  readonly from: string;
  readonly to: string;
  readonly isTypeOnly: boolean;
}

function sourcesBelow(folder: string): readonly string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return sourcesBelow(path);
    return entry.name.endsWith(".ts") ? [path] : [];
  });
}

const sources = [...sourcesBelow("functions"), ...sourcesBelow("shared")];
const textOf = new Map(sources.map((path) => [path, readFileSync(join(ROOT, path), "utf8")]));
const IMPORT = /(?:^|\n)\s*(import|export)(\s+type)?\s[^;]*?from\s+"([^"]+)"|import\("([^"]+)"\)/g;

const imports: readonly Import[] = sources.flatMap((from) =>
  [...(textOf.get(from) as string).matchAll(IMPORT)].map((match) => {
    const target = (match[3] ?? match[4]) as string;
    const to = target.startsWith(".") ? relative(ROOT, join(ROOT, dirname(from), target)) : target;
    return { from, to, isTypeOnly: match[2] !== undefined };
  }),
);
const inside = imports.filter(({ to }) => textOf.has(to));

/** shared/audit-log/view.ts is in shared/audit-log, shared/finding.ts is a room of its own. */
function roomOf(path: string): string {
  const parts = path.split("/");
  return parts[0] === "shared" && parts.length > 2
    ? parts.slice(0, 2).join("/")
    : parts[0] === "shared"
      ? path
      : "functions";
}

/** The query language is neither's: rules, routes and silences are all written in it. */
const DETECTION = ["audit-log", "classifier", "rules", "replay", "admission"].map((room) => `shared/${room}`);
const RESPONSE = ["incidents", "response", "destinations", "state", "reports"].map((room) => `shared/${room}`);

/** Which rooms each room may import, itself left out. What is not named here, is not there. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  "shared/errors.ts": [],
  "shared/finding.ts": [],
  "shared/secret.ts": [],
  "shared/log.ts": [],
  "shared/finding-schema.ts": ["shared/finding.ts"],
  "shared/query": ["shared/errors.ts"],
  "shared/audit-log": ["shared/errors.ts", "shared/finding.ts"],
  "shared/classifier": ["shared/errors.ts", "shared/finding.ts", "shared/query", "shared/audit-log"],
  "shared/rules": ["shared/classifier", "shared/audit-log", "shared/finding.ts"],
  "shared/destinations": ["shared/errors.ts", "shared/finding.ts", "shared/secret.ts"],
  "shared/state": ["shared/errors.ts", "shared/finding.ts"],
  "shared/incidents": ["shared/errors.ts", "shared/finding.ts", "shared/query"],
  "shared/response": [
    "shared/errors.ts",
    "shared/finding.ts",
    "shared/query",
    "shared/incidents",
    "shared/destinations",
    "shared/state",
  ],
  "shared/settings-document.ts": ["shared/classifier", "shared/finding.ts", "shared/response"],
  "shared/settings-schema.ts": [
    "shared/query",
    "shared/errors.ts",
    "shared/finding.ts",
    "shared/classifier",
    "shared/response",
    "shared/settings-document.ts",
  ],
  "shared/settings.ts": [
    "shared/errors.ts",
    "shared/secret.ts",
    "shared/destinations",
    "shared/settings-document.ts",
    "shared/settings-schema.ts",
  ],
  "shared/pipeline.ts": [
    "shared/audit-log",
    "shared/classifier",
    "shared/finding.ts",
    "shared/log.ts",
    "shared/response",
    "shared/state",
  ],
};

describe("who may know whom", () => {
  test("the test sees the house", () => {
    expect(sources.length).toBeGreaterThan(60);
    expect(inside.length).toBeGreaterThan(150);
  });

  test("every room imports only the rooms that it is allowed to", () => {
    const strangers = inside
      .map(({ from, to }) => ({ from, to, rooms: [roomOf(from), roomOf(to)] as const }))
      .filter(({ rooms: [from, to] }) => from !== to && from !== "functions" && !ALLOWED[from]?.includes(to))
      .map(({ from, to }) => `${from} imports ${to}`);
    expect(strangers).toEqual([]);
  });

  test("detection imports nothing of response, and response never sees a log entry", () => {
    const across = inside.filter(({ from, to }) => {
      const [a, b] = [roomOf(from), roomOf(to)];
      return (DETECTION.includes(a) && RESPONSE.includes(b)) || (RESPONSE.includes(a) && DETECTION.includes(b));
    });
    expect(across.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });

  test("nothing imports functions", () => {
    expect(inside.filter(({ from, to }) => to.startsWith("functions/") && !from.startsWith("functions/"))).toEqual([]);
  });

  test("no file imports itself through others", () => {
    const edges = new Map<string, string[]>();
    for (const { from, to } of inside) edges.set(from, [...(edges.get(from) ?? []), to]);
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path)) circles.push([...trail.slice(trail.indexOf(path)), path].join(" > "));
      if (trail.includes(path) || done.has(path)) return;
      for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
      done.add(path);
    };
    for (const source of sources) visit(source, []);
    expect(circles).toEqual([]);
  });

  test("a room's index is its face: no file of the room imports it", () => {
    const siblings = inside.filter(({ from, to }) => to.endsWith("/index.ts") && roomOf(from) === roomOf(to));
    expect(siblings.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
    expect(inside.filter(({ to }) => to === "shared/query/index.ts")).toEqual([]);
  });
});

describe("what only one place may do", () => {
  const uses = (pattern: RegExp, allowed: (path: string) => boolean) =>
    sources.filter((path) => pattern.test(textOf.get(path) as string) && !allowed(path));

  test("the environment is read in settings.ts", () => {
    expect(uses(/process\.env\b/, (path) => path === "shared/settings.ts")).toEqual([]);
  });

  test("the clock is read in doors", () => {
    expect(uses(/new Date\(\)|Date\.now\(\)/, (path) => path.startsWith("functions/"))).toEqual([]);
  });

  test("client libraries and parsers of settings are not on the import path of a function", () => {
    const heavy =
      /^(?:@google-cloud\/(?!functions-framework)|@slack\/webhook|zod|yaml|commander|nodemailer|google-auth-library)/;
    const eager = new Map<string, readonly string[]>();
    for (const path of sources) {
      const text = (textOf.get(path) as string).replace(/import\("[^"]+"\)/g, "");
      const found = [...text.matchAll(IMPORT)].filter((match) => match[2] === undefined && match[3] !== undefined);
      const targets = found
        .filter((match) => !/^\s*(?:import|export)\s*\{\s*(?:type\s[^,}]+,?\s*)+\}/.test(match[0]))
        .map((match) => match[3] as string);
      eager.set(
        path,
        targets.map((to) => (to.startsWith(".") ? relative(ROOT, join(ROOT, dirname(path), to)) : to)),
      );
    }
    const reached = new Set<string>();
    const walk = (path: string): void => {
      if (reached.has(path)) return;
      reached.add(path);
      for (const next of eager.get(path) ?? []) walk(next);
    };
    walk("functions/index.ts");
    expect(reached.size).toBeGreaterThan(30);
    expect([...reached].filter((path) => heavy.test(path))).toEqual([]);
  });

  test("names say what is in them", () => {
    const vague = /(?:^|\/)(?:utils?|helpers?|common|misc|types?)(?:\/|\.ts$|-)/;
    expect(sources.filter((path) => vague.test(path))).toEqual([]);
  });
});
