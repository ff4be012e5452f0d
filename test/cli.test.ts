import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import type { Finding } from "../shared/finding.ts";
import { parseFinding } from "../shared/finding-schema.ts";
import { BUILT_IN_RULES } from "../shared/rules/index.ts";
import { glasswatch } from "./support/command-line.ts";
import { expectGolden } from "./support/golden.ts";
import { ALLOW, policySet, REQUIRE } from "./support/policy-story.ts";
import { SAMPLES, sampleBytes, sampleEntry } from "./support/samples.ts";

const folder = mkdtempSync(join(tmpdir(), "glasswatch-cli-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const sample = (name: string) => join(SAMPLES, name);
const BREAKGLASS = sample("gke-pod-breakglass-label.json");
const DENIED = sample("gke-pod-denied-violates-policy.json");
const HARMLESS = sample("gke-negative-pod-allowed.json");
const findingsIn = (stdout: string): readonly Finding[] =>
  stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => parseFinding(JSON.parse(line)));
const rulesIn = (stdout: string) => findingsIn(stdout).map(({ rule }) => rule);

describe("glasswatch replay", () => {
  test("prints findings as NDJSON when piped, and sums up on stderr", async () => {
    const { code, stdout, stderr } = await glasswatch(["replay", BREAKGLASS, DENIED, HARMLESS]);
    expect(rulesIn(stdout)).toEqual(["gke.breakglass", "gke.denied"]);
    expect(stderr).toBe("2 findings in 3 entries of 3 files\n  1  gke.breakglass\n  1  gke.denied\n");
    expect(code).toBe(0);
  });

  test("reads standard input, gzipped too", async () => {
    for (const input of [
      sampleBytes("envelope-gcs-export.ndjson"),
      gzipSync(sampleBytes("envelope-gcs-export.ndjson")),
    ]) {
      const { stdout, stderr } = await glasswatch(["replay", "-"], { input });
      expect(rulesIn(stdout).length).toBeGreaterThan(0);
      expect(stderr).toContain("of 1 file");
    }
  });

  test("prints one JSON array, or a table that people can read", async () => {
    const { stdout: json } = await glasswatch(["replay", BREAKGLASS, DENIED, "--format", "json"]);
    expect(JSON.parse(json)).toHaveLength(2);
    const { stdout } = await glasswatch([
      "replay",
      BREAKGLASS,
      DENIED,
      sample("cloudrun-service-breakglass-system-event.json"),
      "--format",
      "table",
    ]);
    expectGolden("cli/replay-table.txt", stdout);
  });

  test("reads a whole folder, names what it cannot read, and finds everything else", async () => {
    const { code, stdout, stderr } = await glasswatch(["replay", SAMPLES]);
    expect(code).toBe(0);
    // Read as one history, the service of this attempt had been without Binary Authorization for minutes.
    const silent = "cloudrun.change_attempt_denied";
    const all = BUILT_IN_RULES.map(({ id }) => id).filter((id) => id !== silent);
    expect(new Set(rulesIn(stdout))).toEqual(new Set(all));
    expect(stderr).toMatch(/index\.json, line 1: ENVELOPE_UNKNOWN: /);
    expect(stderr).toMatch(/duplicates? left out/);
  });

  test("counts an entry that comes twice once", async () => {
    const { stdout, stderr } = await glasswatch(["replay", BREAKGLASS, BREAKGLASS]);
    expect(rulesIn(stdout)).toEqual(["gke.breakglass"]);
    expect(stderr).toContain("1 duplicate left out");
  });

  test("joins split entries before it judges them", async () => {
    const parts = [0, 1].map((n) => JSON.stringify(sampleEntry(`envelope-split-entry-${n}.json`))).join("\n");
    const { stdout, stderr } = await glasswatch(["replay", "-"], { input: parts });
    expect(rulesIn(stdout)).toEqual(["gke.breakglass"]);
    expect(stderr).toContain("in 1 entry of 1 file");
  });

  test("malformed lines are named with file and line, and never stop it", async () => {
    const good = JSON.stringify(sampleEntry("gke-pod-breakglass-label.json"));
    const path = file("mixed.ndjson", `not json\n${good}\n{"logName": 5}\n`);
    const { code, stdout, stderr } = await glasswatch(["replay", path]);
    expect(rulesIn(stdout)).toEqual(["gke.breakglass"]);
    expect(stderr).toContain(`${path}, line 1: ENVELOPE_NOT_JSON: not JSON`);
    expect(stderr).toContain(`${path}, line 3: ENVELOPE_UNKNOWN: `);
    expect(stderr).toContain("2 parts could not be read");
    expect(code).toBe(0);
    expect((await glasswatch(["replay", path, "--strict"])).code).toBe(1);
  });

  test("compares with what earlier entries of any file have shown, before --since and by other rules too", async () => {
    const [monday, tuesday] = [[policySet(1, ALLOW), policySet(2, REQUIRE)], [policySet(3, ALLOW)]].map((day, index) =>
      file(`day-${index}.ndjson`, day.map((entry) => `${JSON.stringify(entry)}\n`).join("")),
    ) as [string, string];
    const judged = async (...args: string[]) =>
      findingsIn((await glasswatch(["replay", ...args])).stdout).map(({ rule, comparedWith }) => [rule, comparedWith]);
    const last = ["binauthz.policy_weakened", "previous"];
    expect(await judged(monday, tuesday)).toEqual([
      ["binauthz.policy_weakened", "none"],
      ["binauthz.policy_changed", "previous"],
      last,
    ]);
    expect(await judged(tuesday)).toEqual([["binauthz.policy_weakened", "none"]]);
    expect(await judged(monday, tuesday, "--since", "2026-11-20T08:03:00Z")).toEqual([last]);
    expect(await judged(monday, tuesday, "--rules", "binauthz.policy_changed")).toEqual([
      ["binauthz.policy_changed", "previous"],
    ]);
    const { stdout } = await glasswatch(["explain", monday, tuesday, "--format", "table"]);
    expect(stdout.match(/no earlier state is known|compared with the state before/g)).toEqual([
      "no earlier state is known",
      "compared with the state before",
      "compared with the state before",
    ]);
  });

  const SELECTIONS: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ["by rule", ["--rules", "gke.denied"], ["gke.denied"]],
    ["by category", ["--category", "break-glass"], ["gke.breakglass"]],
    ["by severity", ["--min-severity", "high"], ["gke.breakglass"]],
    ["from a time on", ["--since", "2026-11-20T15:00:00Z"], ["gke.denied"]],
    ["up to a time", ["--until", "2026-11-20T15:00:00Z"], ["gke.breakglass"]],
    ["from a date on", ["--since", "2026-11-21"], []],
  ];
  test.each(SELECTIONS)("selects %s", async (_name, options, rules) => {
    expect(rulesIn((await glasswatch(["replay", BREAKGLASS, DENIED, ...options])).stdout)).toEqual(rules);
  });

  test.each([
    ["3 when a severity is reached", ["replay", BREAKGLASS, "--fail-on", "high"], 3],
    ["0 when it is not", ["replay", BREAKGLASS, "--fail-on", "critical"], 0],
    ["0 when there is nothing", ["replay", HARMLESS, "--fail-on", "low"], 0],
    ["1 for a file that is not there", ["replay", join(folder, "missing")], 1],
    ["2 for a severity that does not exist", ["replay", BREAKGLASS, "--fail-on", "grave"], 2],
    ["2 for a rule that does not exist", ["replay", BREAKGLASS, "--rules", "gke.nothing"], 2],
    ["2 for a format that does not exist", ["replay", BREAKGLASS, "--format", "xml"], 2],
    ["2 for a time that is none", ["replay", BREAKGLASS, "--since", "yesterday"], 2],
    ["2 without a path", ["replay"], 2],
    ["2 for an unknown command", ["replai"], 2],
    ["2 for an unknown option", ["replay", BREAKGLASS, "--fial-on", "low"], 2],
    ["0 for help", ["--help"], 0],
    ["0 for the version", ["--version"], 0],
  ] as const)("exits %s", async (_name, args, code) => {
    expect((await glasswatch(args)).code).toBe(code);
  });

  test("the text of an entry cannot move the cursor of a terminal", async () => {
    const entry = structuredClone(sampleEntry("cloudrun-service-breakglass-system-event.json")) as Record<
      string,
      unknown
    >;
    const payload = entry.protoPayload as { response: { metadata: { annotations: Record<string, string> } } };
    payload.response.metadata.annotations["run.googleapis.com/binary-authorization-breakglass"] =
      "\u001b[2J\u202egnp.exe";
    const { stdout } = await glasswatch(["replay", "-", "--format", "table"], { input: JSON.stringify(entry) });
    expect(stdout).toContain("⟨U+001B⟩");
    expect([...stdout].filter((c) => (c < " " && c !== "\n") || c === "\u202e")).toEqual([]);
  });
});

describe("glasswatch check", () => {
  test("says what the functions would read", async () => {
    const { code, stdout, stderr } = await glasswatch(["check", "--format", "table"]);
    expect(code).toBe(0);
    expectGolden("cli/check-table.txt", stdout);
    expect(stderr).toBe("all is in order\n");
  });

  test("names file, line and column of a mistake", async () => {
    const path = file("wrong.yaml", "destinations:\n  - id: A B\n    kind: console\n");
    const { code, stderr } = await glasswatch(["check", "--config", path]);
    expect(code).toBe(1);
    expect(stderr).toContain(`SETTINGS_INVALID: ${path}:2:9: destinations.0.id: expected a name of lower-case letters`);
  });

  test("never shows a secret", async () => {
    const path = file("slack.yaml", "destinations: [{ id: s, kind: slack, webhookUrl: '${env:HOOK}' }]\n");
    const run = await glasswatch(["check", "--config", path], {
      env: { HOOK: "https://hooks.slack.com/services/T/B/sEcReT" },
    });
    expect(run.code).toBe(0);
    expect(run.stdout + run.stderr).not.toContain("sEcReT");
  });
});

describe("glasswatch send", () => {
  test("says so when nobody listens", async () => {
    const { code, stdout, stderr } = await glasswatch([
      "send",
      "gke-pod-breakglass-label",
      "--url",
      "http://127.0.0.1:9",
    ]);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ status: 0, acknowledged: false });
    expect(stderr).toContain("nobody listens there");
  });

  test.each([
    ["a sample that does not exist", ["send", "no-such-sample"], 1],
    ["a topic of the wrong form", ["send", "gke-pod-dryrun", "--topic", "t"], 2],
    ["what is no URL", ["send", "gke-pod-dryrun", "--url", "here"], 2],
  ] as const)("refuses %s", async (_name, args, code) => {
    expect((await glasswatch(args)).code).toBe(code);
  });
});

describe("glasswatch query", () => {
  const FILTER = 'protoPayload.methodName="io.k8s.core.v1.pods.create"';

  test("prints the entries that match, as they were", async () => {
    const { code, stdout, stderr } = await glasswatch([
      "query",
      FILTER,
      BREAKGLASS,
      HARMLESS,
      sample("logging-deletesink.json"),
    ]);
    expect(code).toBe(0);
    expect(
      stdout
        .trim()
        .split("\n")
        .map((text) => JSON.parse(text) as unknown),
    ).toEqual([sampleEntry("gke-pod-breakglass-label.json"), sampleEntry("gke-negative-pod-allowed.json")]);
    expect(stderr).toBe("2 of 3 entries match\n");
  });

  test("counts, stops at a limit, reads the filter from a file, prints a table", async () => {
    expect((await glasswatch(["query", FILTER, SAMPLES, "--count"])).stdout).toMatch(/^\d\d\n$/);
    expect((await glasswatch(["query", "", SAMPLES, "--limit", "3"])).stdout.trim().split("\n")).toHaveLength(3);
    const path = file("filter.lql", `-- a comment\n${FILTER}\n`);
    expect((await glasswatch(["query", "--file", path, BREAKGLASS, "--count"])).stdout).toBe("1\n");
    const { stdout } = await glasswatch(["query", FILTER, BREAKGLASS, HARMLESS, "--format", "table"]);
    expectGolden("cli/query-table.txt", stdout);
  });

  test("explains each part of the filter with what it met", async () => {
    const { stderr } = await glasswatch(["query", `${FILTER} NOT severity>=ERROR`, HARMLESS, "--explain", "--count"]);
    expectGolden("cli/query-explain.txt", stderr);
  });

  test.each([
    ["a filter that does not parse", ["query", "a = ("], 2, /QUERY_SYNTAX/],
    ["a filter with an unknown field", ["query", "protoPayloda.x=1", "-"], 2, /QUERY_FIELD.*protoPayload/],
    ["a filter without a file to read", ["query", "severity=ERROR"], 2, /name a file/],
    ["no filter at all", ["query"], 2, /missing required argument/],
    ["a limit that is none", ["query", "severity=ERROR", "-", "--limit", "0"], 2, /--limit/],
    ["a file of a filter that is not there", ["query", "--file", "missing.lql", "-"], 1, /SOURCE_UNREADABLE/],
  ] as const)("refuses %s", async (_name, args, code, message) => {
    const run = await glasswatch(args);
    expect(run.code).toBe(code);
    expect(run.stderr).toMatch(message);
  });

  test("checks a filter: prints it as it is understood, and warns of what its author may not have meant", async () => {
    const { code, stdout, stderr } = await glasswatch([
      "query",
      "--check",
      "severity=ERROR OR severity=ALERT resource.type='x'",
    ]);
    expect(code).toBe(0);
    expect(stdout).toBe("(severity=ERROR OR severity=ALERT) AND resource.type='x'\n");
    expect(stderr).toMatch(/warning: line 1, column \d+: .*quot/i);
  });
});

describe("glasswatch explain", () => {
  test("says by what a rule recognised an entry, and where the story belongs", async () => {
    const { code, stdout } = await glasswatch(["explain", BREAKGLASS, "--format", "table"], { cwd: SAMPLES });
    expect(code).toBe(0);
    expect(stdout).toContain("gke.breakglass: Pod admitted with break-glass (high, confidence high)");
    expect(stdout).toContain('because labels."imagepolicywebhook.image-policy.k8s.io/break-glass" is true');
    expect(stdout).toContain("incident gke-workload/example-prod/europe-west1/prod-ew1/payments/Pod/checkout-hotfix");
  });

  test("says why a rule that nearly matched did not, and what stopped every other", async () => {
    const near = sample("gke-negative-failopen-other-webhook.json");
    const { stdout } = await glasswatch(["explain", near, "--format", "table", "--all"]);
    expect(stdout).toContain("gke.failopen: not this one: another webhook failed open, not Binary Authorization's");
    expect(stdout).toContain(
      'gke.dryrun: no match: labels."imagepolicywebhook.image-policy.k8s.io/dry-run"="true", but it is absent',
    );
  });

  test("gives every rule's verdict as data", async () => {
    const { stdout } = await glasswatch(["explain", HARMLESS, "--rules", "gke.denied,cloudrun.denied"]);
    expect(JSON.parse(stdout)).toMatchObject({
      verdicts: [
        { rule: "cloudrun.denied", verdict: "no match", field: "logName" },
        { rule: "gke.denied", verdict: "no match", condition: 'protoPayload.response.status="Failure"' },
      ],
    });
  });

  test("what cannot be read is named, and makes it exit 1", async () => {
    const { code, stderr } = await glasswatch(["explain", "-"], { input: "nonsense\n" });
    expect(code).toBe(1);
    expect(stderr).toContain("stdin, line 1: ENVELOPE_NOT_JSON");
  });
});

describe("glasswatch rules", () => {
  test("lists them, explains one, and gives both as data", async () => {
    const list = await glasswatch(["rules"]);
    expect(
      list.stdout
        .trim()
        .split("\n")
        .map((text) => (JSON.parse(text) as { id: string }).id),
    ).toContain("gke.failopen");
    const one = await glasswatch(["rules", "gke.failopen", "--format", "table"]);
    expectGolden("cli/rules-explained.txt", one.stdout);
  });

  test.each([
    ["a rule that does not exist", ["rules", "gke.nothing"]],
    ["a category that does not exist", ["rules", "filter", "--category", "other"]],
    ["a filter without a category", ["rules", "filter"]],
  ])("refuses %s", async (_name, args) => {
    expect((await glasswatch(args)).code).toBe(2);
  });
});
