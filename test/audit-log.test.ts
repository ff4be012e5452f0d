import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { authenticatedActor, kindOf } from "../shared/audit-log/actor.ts";
import { type LogEntry, toLogEntry } from "../shared/audit-log/entry.ts";
import { openEnvelope, readValue } from "../shared/audit-log/envelope.ts";
import { identityOf } from "../shared/audit-log/identity.ts";
import { imageOf, withResolvedDigests } from "../shared/audit-log/images.ts";
import type { Json } from "../shared/audit-log/json.ts";
import { kubernetesObject } from "../shared/audit-log/kubernetes.ts";
import { SplitJoiner } from "../shared/audit-log/splits.ts";
import { field, viewOf } from "../shared/audit-log/view.ts";
import { ERROR_CODES, type ProcessingError } from "../shared/errors.ts";
import { sampleBytes, sampleEntry, sampleIndex } from "./support/samples.ts";
import { brief, readAll } from "./support/streams.ts";

const ENTRY = {
  logName: "projects/p/logs/cloudaudit.googleapis.com%2Factivity",
  timestamp: "2026-11-20T14:00:32.702702Z",
  insertId: "one",
};
const line = (insertId: string, extra: object = {}) => JSON.stringify({ ...ENTRY, insertId, ...extra });
const push = (data: string) => ({ message: { data, messageId: "1" }, subscription: "s" });
const base64 = (text: string) => Buffer.from(text).toString("base64");

describe("every envelope that the world uses gives the entry inside", () => {
  const ENVELOPES: readonly (readonly [string, unknown])[] = [
    ["a bare entry", ENTRY],
    ["an array, as gcloud logging read prints it", [ENTRY]],
    ["a push body in camel case", push(base64(JSON.stringify(ENTRY)))],
    ["a push body in snake case", { message: { data: base64(line("one")), message_id: "1", publish_time: "t" } }],
    ["a push body whose data ends with a newline", push(base64(`${line("one")}\n`))],
    ["a push body with url-safe base64", push(Buffer.from(line("one", { x: "ÿþ??>>" })).toString("base64url"))],
    ["a push body with gzipped data", push(gzipSync(line("one")).toString("base64"))],
    ["base64 that is broken over lines", push(base64(line("one")).replace(/(.{20})/g, "$1\n"))],
    ["a pulled message", [{ ackId: "a", message: { data: base64(line("one")), messageId: "1" } }]],
    ["a CloudEvent of Eventarc", { specversion: "1.0", type: "t", data: push(base64(line("one"))) }],
    ["a CloudEvent of a direct audit log trigger", { specversion: "1.0", type: "t", data: ENTRY }],
    ["a message by itself", { data: base64(line("one")), attributes: {} }],
  ];

  test.each(ENVELOPES)("%s", (_name, value) => {
    expect(brief(readValue(Buffer.from(JSON.stringify(value))))).toEqual(["one"]);
    expect(brief(readValue(gzipSync(JSON.stringify(value))))).toEqual(["one"]);
  });

  test.each(sampleIndex.filter(({ kind }) => kind === "envelope"))(
    "the sample $file",
    async ({ file, expect: wanted }) => {
      for (const bytes of [sampleBytes(file), gzipSync(sampleBytes(file))]) {
        const readings = await readAll(bytes, 1000);
        expect(readings.filter((reading) => "error" in reading)).toEqual([]);
        expect(readings).toHaveLength((wanted.count as number | undefined) ?? 1);
        if (file.includes("bigquery") || wanted.inner === undefined) continue;
        expect((readings[0] as { entry: LogEntry }).entry).toEqual(sampleEntry(wanted.inner as string));
      }
    },
  );

  test("unknown fields survive", () => {
    const [reading] = openEnvelope({ ...ENTRY, apphub: { application: { id: "a" } }, later: [1, { x: null }] });
    expect(reading).toMatchObject({ entry: { apphub: { application: { id: "a" } }, later: [1, { x: null }] } });
  });
});

describe("BigQuery rows become entries again, as far as the export keeps them", () => {
  test("an audit row has what the rules read of the original", () => {
    const row = sampleEntry("envelope-bigquery-row.json");
    const original = sampleEntry("gke-pod-breakglass-label.json");
    const read = (entry: LogEntry, path: string, ...keys: string[]) => viewOf(entry).value(field(path, ...keys));
    for (const path of [
      "protoPayload.@type",
      "protoPayload.methodName",
      "protoPayload.request",
      "protoPayload.response",
      "protoPayload.authenticationInfo.principalEmail",
      "resource.labels",
      "insertId",
      "timestamp",
    ]) {
      expect(read(row, path), path).toEqual(read(original, path));
    }
    for (const label of ["break-glass", "overridden-verification-result"]) {
      const key = `imagepolicywebhook.image-policy.k8s.io/${label}`;
      expect(read(row, "labels", key), key).toEqual(read(original, "labels", key));
    }
    expect(identityOf(row)).toEqual(identityOf(original));
  });

  test("a continuous validation row has its keys back", () => {
    const row = sampleEntry("envelope-bigquery-row-cv.json");
    expect(row.jsonPayload).toMatchObject({
      "@type": "type.googleapis.com/google.cloud.binaryauthorization.v1beta1.ContinuousValidationEvent",
      podEvent: {
        policyName: "projects/123456789012/platforms/gke/policies/prod-baseline",
        podNamespace: "default",
        images: [{ checkResults: [{ checkType: "TrustedDirectoryCheck", verdict: "NON_CONFORMANT" }] }],
      },
    });
  });

  test.each([
    ["2026-11-20 18:44:28.729881 UTC", "2026-11-20T18:44:28.729881Z"],
    ["2026-11-20 18:44:28 UTC", "2026-11-20T18:44:28Z"],
    ["1763664268.729881", "2025-11-20T18:44:28.729881Z"],
    ["1.763664268E9", "2025-11-20T18:44:28.000Z"],
  ])("the time %s is %s", (written, meant) => {
    const [reading] = openEnvelope({ ...ENTRY, timestamp: written, protopayload_auditlog: { serviceName: "s" } });
    expect(reading).toMatchObject({ entry: { timestamp: meant } });
  });

  test("a failed-open label of any round finds its key again, an unknown label keeps its column", () => {
    const labels = { failed_open_validating_webhook_admission_k8s_io_round_0_index_12: "w", some_thing: "x" };
    const [reading] = openEnvelope({ ...ENTRY, labels, protopayload_auditlog: {} });
    expect(reading).toMatchObject({
      entry: { labels: { "failed-open.validating.webhook.admission.k8s.io/round_0_index_12": "w", some_thing: "x" } },
    });
  });
});

describe("what cannot be read is refused with a code and a place, and nothing else is lost", () => {
  const nested = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
  const REFUSALS: readonly (readonly [string, string | Uint8Array, string])[] = [
    ["nothing at all", "", "ENVELOPE_EMPTY"],
    ["white space", " \n\t", "ENVELOPE_EMPTY"],
    ["a cut-off object", '{"logName": "projects/p/lo', "ENVELOPE_NOT_JSON"],
    ["words", "hello", "ENVELOPE_NOT_JSON"],
    ["2,000 levels of arrays", nested(2000), "ENVELOPE_TOO_DEEP"],
    [
      "2,000 levels inside an entry",
      line("x").replace("}", `,"jsonPayload":{"a":${nested(2000)}}}`),
      "ENVELOPE_TOO_DEEP",
    ],
    ["a million levels that never close", "[".repeat(1_000_000), "ENVELOPE_TOO_DEEP"],
    ["bytes that are not UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]), "ENVELOPE_NOT_UTF8"],
    ["gzip cut in the middle", gzipSync(line("x")).subarray(0, 60), "ENVELOPE_BAD_GZIP"],
    [
      "gzip with a damaged middle",
      Buffer.concat([gzipSync(line("x")).subarray(0, 30), Buffer.alloc(40, 1)]),
      "ENVELOPE_BAD_GZIP",
    ],
    ["a number", "5", "ENVELOPE_UNKNOWN"],
    ["an object that is nothing we know", '{"hello":"world"}', "ENVELOPE_UNKNOWN"],
    [
      "a message without data",
      JSON.stringify({ message: { attributes: { a: "b" }, messageId: "1" } }),
      "ENVELOPE_EMPTY",
    ],
    ["data that is not text", JSON.stringify({ message: { data: 5, messageId: "1" } }), "ENVELOPE_BAD_BASE64"],
    ["data that is not base64", JSON.stringify(push("!!!")), "ENVELOPE_BAD_BASE64"],
    ["base64 of a wrong length", JSON.stringify(push("AAAAA")), "ENVELOPE_BAD_BASE64"],
    ["data that is no JSON", JSON.stringify(push(base64("hello"))), "ENVELOPE_NOT_JSON"],
    ["an entry without a log", JSON.stringify({ ...ENTRY, logName: "nonsense" }), "ENTRY_INVALID"],
    ["an entry without a time", JSON.stringify({ ...ENTRY, timestamp: undefined }), "ENTRY_INVALID"],
    ["an entry of an impossible time", line("x", { timestamp: "2026-13-45T99:00:00Z" }), "ENTRY_INVALID"],
    ["an array where the payload should be", line("x", { protoPayload: [] }), "ENTRY_INVALID"],
    ["text where the resource should be", line("x", { resource: "k8s_cluster" }), "ENTRY_INVALID"],
    ["an object as insertId", line("x", { insertId: {} }), "ENTRY_INVALID"],
    ["protoPayload without a log name", '{"protoPayload":{"methodName":"m"}}', "ENTRY_INVALID"],
    ["envelopes in envelopes without end", JSON.stringify([[[[[[[ENTRY]]]]]]]), "ENVELOPE_UNKNOWN"],
  ];

  test.each(REFUSALS)("%s", async (_name, input, code) => {
    const bytes = typeof input === "string" ? Buffer.from(input) : input;
    expect(brief(readValue(bytes))).toEqual([code]);
    const streamed = brief(await readAll(bytes, 7919));
    expect(streamed.some((name) => name in ERROR_CODES)).toBe(true);
  });

  test("a gzip bomb is refused before it fills the memory", () => {
    const bomb = gzipSync(Buffer.alloc(300 * 1024 * 1024, 0x20));
    expect(brief(readValue(bomb))).toEqual(["ENVELOPE_TOO_LARGE"]);
  });

  test("an entry of 512 KiB is read", () => {
    expect(brief(readValue(Buffer.from(line("big", { textPayload: "x".repeat(512 * 1024) }))))).toEqual(["big"]);
  });

  test("a number as insertId is read as text, receiveTimestamp stands in for a missing timestamp", () => {
    const entry = toLogEntry({ logName: ENTRY.logName, receiveTimestamp: ENTRY.timestamp, insertId: 7 });
    expect(entry).toMatchObject({ insertId: "7", timestamp: ENTRY.timestamp });
  });

  test("one bad element of an array leaves the others", () => {
    expect(brief(openEnvelope([ENTRY, { hello: 1 }, { ...ENTRY, insertId: "two" }]))).toEqual([
      "one",
      "ENVELOPE_UNKNOWN",
      "two",
    ]);
  });

  test("__proto__ and constructor are keys like any other", () => {
    const text = `{"logName":"${ENTRY.logName}","timestamp":"${ENTRY.timestamp}","__proto__":{"insertId":"forged"},"jsonPayload":{"__proto__":{"x":1},"constructor":2}}`;
    const [reading] = readValue(Buffer.from(text));
    const { entry } = reading as { entry: LogEntry };
    expect(viewOf(entry).value(field("insertId"))).toBeUndefined();
    expect(viewOf(entry).value(field("jsonPayload.constructor"))).toBe(2);
    expect(viewOf(entry).value(field("jsonPayload.toString"))).toBeUndefined();
    expect(({} as { insertId?: unknown }).insertId).toBeUndefined();
  });

  test("no message repeats text of the input", () => {
    const secret = "hunter2";
    for (const text of [`{"a": "${secret}`, `${secret}`, `{"logName":"${secret}"}`, `{"x":"${secret}"}`]) {
      const [reading] = readValue(Buffer.from(text));
      expect(
        JSON.stringify({
          ...(reading as { error: ProcessingError }).error,
          m: (reading as { error: Error }).error.message,
        }),
      ).not.toContain(secret);
    }
  });

  test("any JSON, any bytes: an entry or a coded error, never a throw", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json().map((text) => Buffer.from(text)),
          fc.uint8Array({ maxLength: 200 }),
        ),
        (bytes) => {
          for (const reading of readValue(bytes)) {
            if ("entry" in reading) expect(typeof reading.entry.logName).toBe("string");
            else expect(ERROR_CODES).toHaveProperty(reading.error.code);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  const hostileEntry = fc.record(
    {
      logName: fc.constant(ENTRY.logName),
      timestamp: fc.constant(ENTRY.timestamp),
      insertId: fc.jsonValue(),
      resource: fc.jsonValue(),
      labels: fc.jsonValue(),
      protoPayload: fc.oneof(
        fc.jsonValue(),
        fc.record({ authenticationInfo: fc.jsonValue(), request: fc.jsonValue() }),
      ),
    },
    { requiredKeys: ["logName", "timestamp"] },
  );
  test("any value in any field: read or refused, and then every accessor answers", () => {
    fc.assert(
      fc.property(hostileEntry, (value) => {
        for (const reading of openEnvelope(value as Json)) {
          if (!("entry" in reading)) continue;
          const view = viewOf(reading.entry);
          expect(authenticatedActor(view).delegation).toBeInstanceOf(Array);
          expect(kubernetesObject(view, "Pod")).toHaveProperty("top");
          expect(identityOf(reading.entry).insertId).not.toBe("");
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("a stream gives the same entries however it is laid out and cut", () => {
  const LAYOUTS: readonly (readonly [string, string, readonly string[]])[] = [
    ["one entry a line", `${line("a")}\n${line("b")}\n`, ["a", "b"]],
    ["the last line without its end", `${line("a")}\n${line("b")}`, ["a", "b"]],
    ["Windows line ends and blank lines", `${line("a")}\r\n\r\n${line("b")}\r\n`, ["a", "b"]],
    ["a byte order mark first", `\ufeff${line("a")}\n${line("b")}\n`, ["a", "b"]],
    ["an array on one line", `[${line("a")},${line("b")}]`, ["a", "b"]],
    ["an array over many lines", JSON.stringify([JSON.parse(line("a")), JSON.parse(line("b"))], null, 2), ["a", "b"]],
    ["an array, one entry a line", `[\n${line("a")},\n${line("b")}\n]\n`, ["a", "b"]],
    [
      "objects over many lines",
      [line("a"), line("b")].map((text) => JSON.stringify(JSON.parse(text), null, 2)).join("\n"),
      ["a", "b"],
    ],
    ["arrays one after the other", `[${line("a")}]\n[${line("b")},${line("c")}]\n${line("d")}`, ["a", "b", "c", "d"]],
    ["an empty array", "[]", []],
    ["brackets and quotes inside text", line("a", { textPayload: 'a ]}"\\ [{' }), ["a"]],
    [
      "a damaged line between good ones",
      `${line("a")}\n{"logName": "cut\n${line("b")}\n`,
      ["a", "ENVELOPE_NOT_JSON", "b"],
    ],
    ["a damaged element between good ones", `[${line("a")},{"x":},${line("b")}]`, ["a", "ENVELOPE_NOT_JSON", "b"]],
    ["an array cut off in its second entry", `[${line("a")},{"logName": "pro`, ["a", "ENVELOPE_NOT_JSON"]],
    ["a lone brace, then good lines", `{\n${line("a")}\n${line("b")}\n`, ["ENVELOPE_NOT_JSON", "a", "b"]],
    ["log lines that are no JSON", `[INFO] starting\n${line("a")}\n`, ["ENVELOPE_NOT_JSON", "ENVELOPE_NOT_JSON", "a"]],
  ];

  test.each(LAYOUTS)("%s", async (_name, text, expected) => {
    for (const size of [1, 2, 3, 7, 64, 1 << 20]) {
      expect(brief(await readAll(text, size)), `chunks of ${size}`).toEqual(expected);
      expect(brief(await readAll(gzipSync(text), size)), `gzip, chunks of ${size}`).toEqual(expected);
    }
  });

  test("each reading says in which line it began", async () => {
    const readings = await readAll(`${line("a")}\n\nhello\n[\n${line("b")},\n{"x":1}]\n`);
    expect(readings.map(({ place }) => place)).toEqual(["line 1", "line 3", "line 5", "line 6"]);
  });

  test("several gzip members in one file are one stream", async () => {
    const bytes = Buffer.concat([gzipSync(`${line("a")}\n`), gzipSync(`${line("b")}\n`)]);
    expect(brief(await readAll(bytes, 10))).toEqual(["a", "b"]);
  });

  test("a gzip that ends in the middle gives what came before it", async () => {
    const many = Array.from({ length: 2000 }, (_, i) => line(`e${i}-${Math.sin(i)}`)).join("\n");
    const names = brief(await readAll(gzipSync(many).subarray(0, 20_000), 4096));
    expect(names.length).toBeGreaterThan(100);
    expect(names.at(-1)).toBe("ENVELOPE_BAD_GZIP");
    expect(names[0]).toMatch(/^e0-/);
  });

  test("a line that is too long is named, and the next one read", async () => {
    const text = `${line("a")}\n"${"x".repeat(33 * 1024 * 1024)}"\n${line("b")}\n`;
    expect(brief(await readAll(text, 1 << 20))).toEqual(["a", "ENVELOPE_TOO_LARGE", "b"]);
  });

  test("an element that is too long is named, and the next one read", async () => {
    const text = `[${line("a")},"${"x".repeat(33 * 1024 * 1024)}",${line("b")}]`;
    expect(brief(await readAll(text, 1 << 20))).toEqual(["a", "ENVELOPE_TOO_LARGE", "b"]);
  });
});

describe("an entry is the same entry however it arrives", () => {
  test("zeros at the end of the fraction make no difference", () => {
    const ids = ["2026-11-20T14:00:32Z", "2026-11-20T14:00:32.000Z", "2026-11-20T14:00:32.0Z"].map(
      (timestamp) => identityOf({ ...ENTRY, timestamp }).timestamp,
    );
    expect(new Set(ids).size).toBe(1);
    expect(identityOf({ ...ENTRY, timestamp: "2026-11-20T14:00:30.120Z" }).timestamp).toBe("2026-11-20T14:00:30.12Z");
  });

  test("without insertId the content tells entries apart, whenever they were received", () => {
    const entry = { logName: ENTRY.logName, timestamp: ENTRY.timestamp, textPayload: "a" };
    const id = (other: object) => identityOf({ ...entry, ...other }).insertId;
    expect(id({})).toBe(id({ receiveTimestamp: "2026-11-20T15:00:00Z" }));
    expect(id({})).not.toBe(id({ textPayload: "b" }));
  });

  test("both parts of a split entry are one entry, and joined they are whole", () => {
    const parts = [0, 1].map((n) => sampleEntry(`envelope-split-entry-${n}.json`));
    const [first, second] = parts as [LogEntry, LogEntry];
    expect(identityOf(first)).toEqual(identityOf(second));
    for (const order of [parts, parts.toReversed()]) {
      const joiner = new SplitJoiner();
      const joined = order.flatMap((part) => [...joiner.take(part)]);
      expect(joined).toHaveLength(1);
      expect(joined[0]?.insertId).toBe(first.insertId);
      expect(joined[0]?.protoPayload).toMatchObject({ request: { kind: "Pod" }, response: { kind: "Pod" } });
      expect(joiner.flush()).toEqual([]);
    }
  });

  test("a part that is never completed comes out at the end, once", () => {
    const joiner = new SplitJoiner();
    const part = sampleEntry("envelope-split-entry-0.json");
    expect([...joiner.take(part), ...joiner.take(part)]).toEqual([]);
    expect(joiner.flush()).toHaveLength(1);
  });
});

describe("who acted", () => {
  test.each([
    ["alice@example.com", "user"],
    ["user:alice@example.com", "user"],
    ["deployer@example-prod.iam.gserviceaccount.com", "service-account"],
    ["123456789012-compute@developer.gserviceaccount.com", "service-account"],
    ["service-123@gcp-sa-binaryauthorization.iam.gserviceaccount.com", "service-account"],
    ["system:serviceaccount:kube-system:replicaset-controller", "workload-controller"],
    ["system:serviceaccount:kube-system:cronjob-controller", "workload-controller"],
    ["system:node:gke-prod-ew1-pool-1", "workload-controller"],
    ["system:kube-controller-manager", "workload-controller"],
    ["system:serviceaccount:argocd:argocd-application-controller", "service-account"],
    ["system:serviceaccount:payments:deployer", "service-account"],
    ["principal://iam.googleapis.com/locations/global/workforcePools/p/subject/alice", "workforce"],
    ["principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/subject/s", "service-account"],
    ["ri...e@gm...m", "redacted"],
    ["somebody", "unknown"],
  ])("%s is %s", (principal, kind) => {
    expect(kindOf(principal)).toBe(kind);
  });

  const actorOf = (authenticationInfo: Json) =>
    authenticatedActor(viewOf({ ...ENTRY, protoPayload: { authenticationInfo } }));

  test("a person behind an impersonated service account is named, with the field that says so", () => {
    const actor = actorOf({
      principalEmail: "deployer@p.iam.gserviceaccount.com",
      serviceAccountDelegationInfo: [
        { firstPartyPrincipal: { principalEmail: "alice@example.com" } },
        { firstPartyPrincipal: { principalEmail: "middle@p.iam.gserviceaccount.com" } },
      ],
    });
    expect(actor.principal).toBe("deployer@p.iam.gserviceaccount.com");
    expect(actor.delegation).toEqual(["alice@example.com", "middle@p.iam.gserviceaccount.com"]);
    expect(actor.person).toEqual({
      principal: "alice@example.com",
      via: "authenticationInfo.serviceAccountDelegationInfo",
      confidence: "high",
    });
  });

  test("a chain that begins with a service account names no person", () => {
    const info = { principalEmail: "a@p.iam.gserviceaccount.com" };
    const chain = [{ firstPartyPrincipal: { principalEmail: "b@p.iam.gserviceaccount.com" } }];
    expect(actorOf({ ...info, serviceAccountDelegationInfo: chain }).person).toBeNull();
  });

  test("a controller is never a person, nobody is nobody", () => {
    expect(actorOf({ principalEmail: "system:serviceaccount:kube-system:replicaset-controller" })).toMatchObject({
      kind: "workload-controller",
      person: null,
    });
    expect(actorOf({})).toMatchObject({ principal: null, kind: "unknown", person: null, confidence: "low" });
  });

  test("a workforce identity has only a subject, and is a person", () => {
    const principalSubject = "principal://iam.googleapis.com/locations/global/workforcePools/p/subject/alice";
    expect(actorOf({ principalSubject })).toMatchObject({
      principal: principalSubject,
      kind: "workforce",
      person: { principal: principalSubject },
    });
  });
});

describe("which workload a Pod belongs to, by the names that Kubernetes gives", () => {
  const pod = (metadata: Json) =>
    kubernetesObject(
      viewOf({
        ...ENTRY,
        timestamp: "2026-11-20T14:00:32Z",
        resource: { type: "k8s_cluster", labels: { cluster_name: "c" } },
        protoPayload: { resourceName: "core/v1/namespaces/payments/pods/p1", request: { metadata } },
      }),
      "Pod",
    );
  const owned = (kind: string, name: string, labels: Json = {}) => ({
    labels,
    ownerReferences: [{ kind, name, controller: true }],
  });
  const scheduled = Math.floor(Date.parse("2026-11-20T14:00:00Z") / 60_000);

  test.each([
    [
      "a ReplicaSet's Pod is its Deployment's",
      owned("ReplicaSet", "web-548976df6c", { "pod-template-hash": "548976df6c" }),
      "Deployment/web",
    ],
    [
      "a ReplicaSet without the hash label is itself",
      owned("ReplicaSet", "web-548976df6c"),
      "ReplicaSet/web-548976df6c",
    ],
    [
      "a ReplicaSet whose name does not end with the hash is itself",
      owned("ReplicaSet", "web", { "pod-template-hash": "548976df6c" }),
      "ReplicaSet/web",
    ],
    ["a StatefulSet is itself", owned("StatefulSet", "db"), "StatefulSet/db"],
    ["a Job of a CronJob is the CronJob's", owned("Job", `backup-${scheduled}`), "CronJob/backup"],
    ["a Job that only ends in a number is itself", owned("Job", "backup-12345678"), "Job/backup-12345678"],
    [
      "an owner that is no controller does not count",
      { ownerReferences: [{ kind: "ReplicaSet", name: "x" }] },
      "Pod/p1",
    ],
    ["a static Pod is itself", owned("Node", "node-1"), "Pod/p1"],
    ["a bare Pod is itself", { name: "p1" }, "Pod/p1"],
  ])("%s", (_name, metadata, top) => {
    const object = pod(metadata as Json);
    expect(`${object.top?.kind}/${object.top?.name}`).toBe(top);
    expect(object.namespace).toBe("payments");
  });
});

describe("images", () => {
  test("a tag takes the digest that the status resolved for its repository, and no other's", () => {
    const images = [imageOf("r.example/a:1"), imageOf("r.example/b@sha256:bb")];
    const resolved = ["r.example/x@sha256:00", "r.example/a@sha256:aa"];
    expect(withResolvedDigests(images, resolved)).toEqual([
      { reference: "r.example/a:1", digest: "sha256:aa" },
      { reference: "r.example/b@sha256:bb", digest: "sha256:bb" },
    ]);
    expect(withResolvedDigests([imageOf("host:5000/a")], ["host:5000/a@sha256:aa"])[0]?.digest).toBe("sha256:aa");
  });
});
