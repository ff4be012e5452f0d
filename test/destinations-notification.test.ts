import { execFileSync } from "node:child_process";
import { test as property } from "@fast-check/vitest";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { consoleLink, runbookLink } from "../shared/destinations/links.ts";
import { type Notification, toNotification } from "../shared/destinations/notification.ts";
import { cut, readableLine, readableText } from "../shared/destinations/readable-text.ts";
import { fillStep } from "../shared/destinations/steps.ts";
import type { Actor, Finding } from "../shared/finding.ts";
import { BUILT_IN_RULES } from "../shared/rules/index.ts";
import { HOSTILE_TEXTS } from "./support/destination-contract.ts";
import { anyFinding, anyText, hasUnseen } from "./support/destination-texts.ts";
import { EXAMPLES, example } from "./support/example-findings.ts";

// Hundreds of texts a test: a busy machine may need more than the usual time.
vi.setConfig({ testTimeout: 30_000 });

const { finding, counsel } = example("cloud-run-break-glass-with-justification");

function told(part: Partial<Finding>): Notification {
  return toNotification({ ...finding, ...part }, counsel);
}

function line(notification: Notification, label: string): string | undefined {
  return notification.lines.find((one) => one.label === label)?.value;
}

describe("what a change was before", () => {
  const change = { field: "retentionDays", before: null, after: "1", effect: "weaker" } as const;

  it.each([
    { comparedWith: "none", before: "(not known)" },
    { comparedWith: "previous", before: null },
    { comparedWith: null, before: null },
  ] as const)("compared with $comparedWith, nothing before is told as $before", ({ comparedWith, before }) => {
    expect(told({ changes: [change], comparedWith }).changes).toEqual([{ ...change, before }]);
  });

  it("is told as it was, wherever it is given", () => {
    const given = { ...change, before: "30" };
    expect(told({ changes: [given], comparedWith: "none" }).changes).toEqual([given]);
  });
});

it("facts that only fill commands are shown to nobody", () => {
  const shown = told({
    facts: { attestorId: "a", constraintName: "b", scopeKind: "folder", scopeId: "1", sink: "audit" },
  }).lines.map(({ label }) => label);
  expect(shown).toContain("Sink");
  expect(shown.filter((label) => /^(?:Attestor id|Constraint name|Scope kind|Scope id)$/.test(label))).toEqual([]);
});

describe("who", () => {
  const machine = "deployer@example-prod.iam.gserviceaccount.com";
  const base: Actor = { principal: null, kind: "unknown", via: null, confidence: "high", person: null, delegation: [] };
  const alice = { principal: "alice@example.com", via: "the creator annotation", confidence: "medium" } as const;

  it.each<{ name: string; actor: Actor; who: string; headline: string }>([
    {
      name: "a person is named",
      actor: { ...base, principal: "alice@example.com", kind: "user" },
      who: "alice@example.com",
      headline: "by alice@example.com",
    },
    {
      name: "the person behind a service account is named first",
      actor: { ...base, principal: machine, kind: "service-account", person: alice },
      who: "alice@example.com",
      headline: "by alice@example.com",
    },
    {
      name: "a service account alone is not shown as a person",
      actor: { ...base, principal: machine, kind: "service-account" },
      who: `service account ${machine}; the person behind it is not known`,
      headline: `by ${machine}`,
    },
    {
      name: "a controller is never shown as a person",
      actor: {
        ...base,
        principal: "system:serviceaccount:kube-system:replicaset-controller",
        kind: "workload-controller",
      },
      who: "person not known: done by the replicaset-controller of the cluster",
      headline: "person not known",
    },
    {
      name: "a withheld name is said to be withheld",
      actor: { ...base, kind: "redacted" },
      who: "withheld by Google Cloud in this log entry",
      headline: "person not known",
    },
    {
      name: "a workforce identity is called one",
      actor: { ...base, principal: "principal://iam.googleapis.com/pool/subject/x", kind: "workforce" },
      who: "principal://iam.googleapis.com/pool/subject/x (workforce identity)",
      headline: "by principal://iam.googleapis.com/pool/subject/x",
    },
    {
      name: "nobody is named",
      actor: base,
      who: "not named in the log entry",
      headline: "person not known",
    },
  ])("$name", ({ actor, who, headline }) => {
    const notification = told({ actor });
    expect(line(notification, "Who")).toBe(who);
    expect(notification.headline.endsWith(`, ${headline}`)).toBe(true);
  });

  it("says from where and how surely a name is known, and for whom it acted", () => {
    const actor: Actor = {
      ...base,
      principal: machine,
      kind: "service-account",
      person: alice,
      delegation: ["a", "b"],
    };
    const notification = told({ actor });
    expect(line(notification, "Known from")).toBe("the creator annotation (confidence medium)");
    expect(line(notification, "Acting as")).toBe(machine);
    expect(line(notification, "Delegation")).toBe(`a → b → ${machine}`);
  });
});

describe("why", () => {
  it.each<{ name: string; rule: string; justification: string | null; said: Notification["justification"] }>([
    {
      name: "a justification is quoted",
      rule: "cloudrun.breakglass",
      justification: "INC-1\nline two",
      said: { given: "text", text: "INC-1\nline two" },
    },
    {
      name: "none on a break-glass is none given",
      rule: "cloudrun.breakglass",
      justification: null,
      said: { given: "none", text: "none given" },
    },
    {
      name: "none on a Pod is none given, with the reason",
      rule: "gke.breakglass",
      justification: null,
      said: { given: "none", text: "none given (the label of a Pod cannot carry one)" },
    },
    {
      name: "an empty one is given, but empty",
      rule: "cloudrun.breakglass",
      justification: "",
      said: { given: "empty", text: "given, but empty" },
    },
    { name: "a denial has none", rule: "cloudrun.denied", justification: null, said: null },
    { name: "a fail-open has none, for nobody broke the glass", rule: "gke.failopen", justification: null, said: null },
  ])("$name", ({ rule, justification, said }) => {
    expect(told({ rule, justification }).justification).toEqual(said);
  });

  it("says how long a justification was that had to be cut", () => {
    const { justification } = told({ justification: "x".repeat(1_000_000) });
    expect(justification?.text).toMatch(/^x{2999}… \(cut; 1,000,000 characters in all\)$/);
  });
});

describe("verdict", () => {
  it.each<{ rule: string; part?: Partial<Finding>; kind: Notification["verdict"]["kind"] }>([
    { rule: "cloudrun.breakglass", kind: "allowed-break-glass" },
    { rule: "gke.breakglass", part: { facts: { overridden: true } }, kind: "allowed-overridden" },
    { rule: "gke.breakglass", part: { facts: { overridden: false } }, kind: "allowed-break-glass" },
    { rule: "cloudrun.breakglass_request", kind: "requested" },
    { rule: "cloudrun.breakglass_request", part: { facts: { succeeded: false } }, kind: "requested" },
    { rule: "gke.breakglass_template", kind: "requested" },
    { rule: "cloudrun.denied", kind: "denied" },
    { rule: "cloudrun.job_denied", kind: "denied" },
    { rule: "gdc.denied", kind: "denied" },
    { rule: "cloudrun.dryrun", kind: "allowed-dry-run" },
    { rule: "gke.failopen", kind: "unknown-failed-open" },
    { rule: "cloudrun.check_failed", kind: "unknown-not-checked" },
    { rule: "cv.violation", kind: "violating" },
    { rule: "cv.config_error", kind: "unknown-not-checked" },
    { rule: "cloudrun.orgpolicy_violation", kind: "denied" },
    { rule: "scc.breakglass_finding", kind: "reported" },
    { rule: "own.deployment", part: { category: "tracking" }, kind: "reported" },
    { rule: "vpcsc.denied", part: { facts: { enforced: false } }, kind: "allowed-dry-run" },
    { rule: "vpcsc.denied", kind: "denied" },
    { rule: "binauthz.change_attempt_denied", kind: "attempt-refused" },
    { rule: "binauthz.policy_weakened", part: { category: "guardrail-change" }, kind: "weakened" },
    { rule: "binauthz.policy_changed", part: { category: "guardrail-change" }, kind: "changed" },
    { rule: "constructor", part: { category: "policy-violation" }, kind: "reported" },
    { rule: "own.rule", kind: "allowed-break-glass" },
  ])("of $rule is $kind", ({ rule, part, kind }) => {
    expect(told({ rule, ...part }).verdict.kind).toBe(kind);
  });

  it("names the attestor whose refusal was overridden, once", () => {
    const notification = told({
      rule: "gke.breakglass",
      facts: { overridden: true, attestor: "projects/p/attestors/a" },
    });
    expect(notification.verdict.detail).toBe("The image was refused by attestor projects/p/attestors/a.");
    expect(line(notification, "Attestor")).toBeUndefined();
  });
});

it("says that a request with the glass broken has failed", () => {
  const failed = told({ rule: "cloudrun.breakglass_request", facts: { succeeded: false } });
  expect(failed.verdict.headline).toContain("the request failed");
});

describe("when and how surely", () => {
  it("is told in UTC, to the second", () => {
    expect(told({ time: "2026-03-01T04:14:05.123456789+02:00" }).when).toBe("2026-03-01 02:14:05 UTC");
  });

  it("is told as it stands when it is no time", () => {
    expect(told({ time: "yesterday" }).when).toBe("yesterday");
  });

  it("says what else it may be when the rule is not sure", () => {
    const denial = example("cloud-run-denial-of-medium-confidence");
    expect(line(toNotification(denial.finding, denial.counsel), "Confidence")).toContain(
      "medium; it may be something else",
    );
    expect(line(told({}), "Confidence")).toBeUndefined();
  });
});

describe("a notification", () => {
  it.each(EXAMPLES)("of $name survives the outbox", (one) => {
    const notification = toNotification(one.finding, one.counsel);
    expect(JSON.parse(JSON.stringify(notification))).toEqual(notification);
    expect(notification.id).toBe(one.finding.id);
  });

  property.prop([anyFinding], { numRuns: 300 })(
    "of any finding is JSON of bounded size that can be looked at",
    (any) => {
      const { id, rule, ...shown } = toNotification(any, counsel);
      const stored = JSON.stringify(shown);
      expect(JSON.parse(stored)).toEqual(shown);
      expect(stored.length).toBeLessThan(100_000);
      expect(
        hasUnseen(
          Object.values(shown.lines)
            .map((one) => one.label + one.value)
            .join(""),
        ),
      ).toBe(false);
      expect(shown.headline.length).toBeGreaterThan(0);
      expect([id, rule]).toEqual([any.id, any.rule]);
    },
  );

  it("of more than the outbox should hold says how much there was", () => {
    const images = Array.from({ length: 60 }, () => ({ reference: "nginx", digest: null }));
    const changes = Array.from({ length: 70 }, () => ({
      field: "f",
      before: "a",
      after: "b",
      effect: "neutral" as const,
    }));
    const notification = told({ images, changes });
    expect([notification.images.length, notification.imageCount]).toEqual([20, 60]);
    expect([notification.changes.length, notification.changeCount]).toEqual([20, 70]);
  });

  it("gives the same words for the same finding", () => {
    expect(told({})).toEqual(told({}));
  });
});

describe("steps", () => {
  const fill = (template: string, part: Partial<Finding> = {}) => fillStep(template, { ...finding, ...part });
  const command = (template: string, part: Partial<Finding> = {}) => fill(`\`${template}\``, part)[0]?.text;

  it("are filled from the finding", () => {
    expect(fill("Look: `gcloud run services describe {workload.name} --region={location}` in {project}")).toEqual([
      { kind: "text", text: "Look:" },
      { kind: "command", text: "gcloud run services describe checkout --region=europe-west1" },
      { kind: "text", text: "in example-prod" },
    ]);
  });

  it("are commands without backticks too, when they begin with a tool", () => {
    expect(fill("gcloud run services list --project={project}")).toEqual([
      { kind: "command", text: "gcloud run services list --project=example-prod" },
    ]);
  });

  it.each([
    { template: "x {workload.name}", part: { workload: null }, filled: "x WORKLOAD" },
    { template: "x {workload.revision}", part: { workload: null }, filled: "x REVISION" },
    { template: "x {project}", part: { project: null }, filled: "x PROJECT" },
    { template: "x {images.0.reference}", part: { images: [] }, filled: "x IMAGE" },
    { template: "x {images.0.digest}", part: { images: [] }, filled: "x DIGEST" },
    { template: "x {facts.keyRing}", part: {}, filled: "x KEY_RING" },
    { template: "x {facts.constructor.name}", part: {}, filled: "x NAME" },
    {
      template: "x -o jsonpath='{.spec.nodeName}' {range .items}",
      part: {},
      filled: "x -o jsonpath='{.spec.nodeName}' {range .items}",
    },
    { template: "x {unknown.thing}", part: {}, filled: "x {unknown.thing}" },
  ])("say in capitals what to put for $template", ({ template, part, filled }) => {
    expect(command(template, part)).toBe(filled);
  });

  it.each([
    { kind: "cloud-run-job" as const, filled: "gcloud run jobs describe checkout" },
    { kind: "cloud-run-worker-pool" as const, filled: "gcloud run worker-pools describe checkout" },
    { kind: "gke-deployment" as const, filled: "gcloud run COLLECTION describe checkout" },
  ])("name the group of gcloud for a $kind", ({ kind, filled }) => {
    const workload = { ...finding.workload, kind } as NonNullable<Finding["workload"]>;
    expect(command("gcloud run {workload.collection} describe {workload.name}", { workload })).toBe(filled);
  });

  it.each([
    { kind: "gke-statefulset" as const, name: "checkout", filled: "kubectl get statefulset/checkout" },
    { kind: "gke-pod" as const, name: "checkout", filled: "kubectl get KIND/NAME" },
    { kind: "gke-deployment" as const, name: "a b", filled: "kubectl get KIND/NAME" },
    { kind: "gke-deployment" as const, name: null, filled: "kubectl get KIND/NAME" },
  ])("name $name of kind $kind to kubectl", ({ kind, name, filled }) => {
    const workload = { ...finding.workload, kind, name } as NonNullable<Finding["workload"]>;
    expect(command("kubectl get {workload.path}", { workload })).toBe(filled);
  });

  it.each(BUILT_IN_RULES.map(({ id, counsel: { steps } }) => ({ id, steps })))(
    "of the rule $id name only what a finding has",
    ({ id, steps }) => {
      const kind = id.startsWith("gke.") ? "gke-deployment" : "cloud-run-service";
      const every = { revision: "r", execution: "e", pod: "p", cluster: "c", namespace: "n" };
      const workload = { kind, name: "w", ...every } as const;
      // Which facts a rule has is its own affair.
      const named = steps.flatMap((template) => Array.from(template.matchAll(/\{facts\.(\w+)\}/g), ([, fact]) => fact));
      const full = { ...finding, workload, facts: Object.fromEntries(named.map((fact) => [fact, "f"])) };
      for (const template of steps) {
        const filled = fillStep(template, full)
          .map((part) => part.text)
          .join(" ");
        const capitals = filled.match(/\b[A-Z][A-Z_]{3,}\b/g) ?? [];
        expect(capitals.filter((word) => !template.includes(word))).toEqual([]);
        expect(filled).not.toMatch(/\{[a-z]+\.[a-z]/);
      }
    },
  );

  it("call a workload by its kind when its name is not safe", () => {
    const unsafe = { ...finding.workload, name: "$(id)" } as NonNullable<Finding["workload"]>;
    expect(command("x {workload.name}", { workload: unsafe })).toBe("x SERVICE");
    expect(command("x {workload.name}", { workload: { ...unsafe, kind: "cloud-run-job" } })).toBe("x JOB");
  });

  it.each([
    "--format=evil",
    "-x",
    "~root",
    "a b",
    "a;b",
    "a|b",
    "$HOME",
    "`id`",
    "a\nb",
    "*",
    "a'b",
    'a"b',
    "a&b",
    "a>b",
    "@/etc/passwd",
    "a=b",
    "{a,b}",
    "!!",
    "#x",
    "",
  ])("never take %j for a word", (text) => {
    expect(command("x {project}", { project: text })).toBe("x PROJECT");
  });

  const TEMPLATE =
    "gcloud a {workload.name} --b={project} --c='{location}' --d=\"{workload.revision}\" {images.0.reference} {facts.attestor} {actor.principal}";
  const WORD = "[A-Za-z0-9][A-Za-z0-9._:@/-]*";
  const SHAPE = new RegExp(`^gcloud a ${WORD} --b=${WORD} --c='${WORD}' --d="${WORD}" ${WORD} ${WORD} ${WORD}$`);

  property.prop([anyFinding], { numRuns: 500 })(
    "hold no text that a shell could take for more than one word",
    (any) => {
      expect(command(TEMPLATE, any)).toMatch(SHAPE);
    },
  );

  property.prop([fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,40}$/)])("keep every name that is safe", (name) => {
    expect(command("x {project}", { project: name })).toBe(`x ${name}`);
  });

  it.each(HOSTILE_TEXTS.map((text) => ({ text, shown: JSON.stringify(text).slice(0, 40) })))(
    "are the same number of words to a real shell with $shown",
    ({ text }) => {
      const workload = { ...finding.workload, name: text, revision: text } as NonNullable<Finding["workload"]>;
      const part = { project: text, location: text, workload, images: [{ reference: text, digest: text }] };
      const words = execFileSync("/bin/sh", ["-c", `count() { echo $#; }; count ${command(TEMPLATE, part)}`]);
      expect(words.toString()).toBe("9\n");
    },
  );
});

describe("links", () => {
  it.each([
    "https://evil.example/",
    "https://console.cloud.google.com.evil.example/",
    "https://console.cloud.google.com@evil.example/",
    "https://user:pass@console.cloud.google.com/",
    "https://console.cloud.google.com:8443/",
    "http://console.cloud.google.com/",
    "javascript:alert(1)//console.cloud.google.com",
    "//console.cloud.google.com/",
    "",
    `https://console.cloud.google.com/${"x".repeat(3000)}`,
  ])("into the console are not %s", (url) => {
    expect(consoleLink("log-entry", url)).toBeNull();
  });

  it("into the console are written so that nothing in them is markup", () => {
    const link = consoleLink("resource", "https://console.cloud.google.com/run?<!here>|x y\"'");
    expect(link?.url).not.toMatch(/[<>\s"]/);
  });

  it.each([
    { reference: "https://cloud.google.com/binary-authorization/docs", base: undefined, leads: true },
    { reference: "https://docs.cloud.google.com/x", base: undefined, leads: true },
    { reference: "https://evil.example/x", base: undefined, leads: false },
    { reference: "https://evil.example/x", base: "https://wiki.example.com/runbooks/", leads: false },
    { reference: "cloudrun.breakglass", base: undefined, leads: false },
    { reference: "cloudrun.breakglass", base: "https://wiki.example.com/runbooks/", leads: true },
    { reference: "https://wiki.example.com/runbooks/x", base: "https://wiki.example.com/runbooks/", leads: true },
    { reference: "../admin", base: "https://wiki.example.com/runbooks/", leads: false },
    { reference: "x", base: "http://wiki.example.com/runbooks/", leads: false },
  ])("to the runbook $reference below $base: $leads", ({ reference, base, leads }) => {
    expect(runbookLink(reference, base) !== null).toBe(leads);
  });
});

describe("readable text", () => {
  it("shows what cannot be seen", () => {
    expect(readableLine("a\u202eb\u200bc\u001b[31md\ud800e", 200)).toBe("a⟨U+202E⟩b⟨U+200B⟩c⟨U+001B⟩[31md⟨U+D800⟩e");
    // A format character that draws nothing and yet is not among those that may be ignored.
    expect(readableLine("a\ufff9b", 200)).toBe("a⟨U+FFF9⟩b");
  });

  it("keeps what people write", () => {
    const kept = "Grüße, 日本語, عربى, 👍 ❤️ naïve ﬁx";
    expect(readableLine(kept, 200)).toBe(kept);
  });

  it("keeps the lines of a text, and so many of them", () => {
    expect(readableText("a\r\nb\rc\u2028d\n\n\n\n\ne", 200, 10)).toBe("a\nb\nc\nd\n\ne");
    expect(readableText("x\n".repeat(50), 200, 3)).toBe("x\nx\n…");
    expect(readableLine("a\r\n b\t\tc", 200)).toBe("a b c");
  });

  it("is cut between characters as people see them", () => {
    expect(cut("ab👩🏽‍🚒cd", 7)).toBe("ab…");
    expect(cut("e\u0301e\u0301e\u0301", 4)).toBe("e\u0301…");
    expect(cut("x\u202e".repeat(3), 99)).toBe("x\u202e".repeat(3));
  });

  it("is not cut inside the mark of an unseen character", () => {
    expect(readableLine(`abc\u202e${"d".repeat(40)}`, 8)).toBe("abc…");
  });

  property.prop([anyText, fc.integer({ min: 1, max: 120 })], { numRuns: 500 })(
    "is never longer than asked, torn, or unseen",
    (text, limit) => {
      for (const shown of [readableLine(text, limit), readableText(text, limit, 5), cut(text, limit)]) {
        expect(shown.length).toBeLessThanOrEqual(limit);
      }
      expect(hasUnseen(readableLine(text, limit))).toBe(false);
      expect(hasUnseen(readableText(text, limit, 5))).toBe(false);
      expect(readableText(text, limit, 5).split("\n").length).toBeLessThanOrEqual(5);
      expect(cut(text.toWellFormed(), limit).isWellFormed()).toBe(true);
    },
  );
});
