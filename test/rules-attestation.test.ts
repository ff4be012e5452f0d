import { describe, expect, test } from "vitest";
import { find, rules, type Story } from "./support/rule-stories.ts";

const ATTESTED = "grafeas-createoccurrence-attestation.json";
const CHANGED = "grafeas-updateoccurrence.json";
const DELETED = "grafeas-deleteoccurrence.json";
const NOTE = "grafeas-createnote.json";
const NOTE_CHANGED = "grafeas-updatenote.json";
const NOTE_DELETED = "grafeas-deletenote.json";
const DENIED = "grafeas-createoccurrence-permission-denied.json";
const METHOD = "protoPayload.methodName";
const REQUEST = "protoPayload.request";
const ACTIVITY = "projects/example-prod/logs/cloudaudit.googleapis.com%2Factivity";

describe("which calls on attestations are told of", () => {
  const STORIES: readonly Story[] = [
    [
      "by the beta of the API",
      ATTESTED,
      { [METHOD]: "grafeas.v1beta1.GrafeasV1Beta1.CreateOccurrence" },
      ["attestation.created"],
    ],
    ["in the Admin Activity log", ATTESTED, { logName: ACTIVITY }, ["attestation.created"]],
    ["in another log", ATTESTED, { logName: "projects/example-prod/logs/other" }, []],
    ["only read", ATTESTED, { [METHOD]: "grafeas.v1.Grafeas.GetOccurrence" }, []],
    ["a method that nobody has", ATTESTED, { [METHOD]: "grafeas.v1.Grafeas.CreateAttestation" }, []],
    ["a vulnerability that is changed", CHANGED, { [`${REQUEST}.occurrence`]: { kind: "VULNERABILITY" } }, []],
    ["an occurrence that is no object", CHANGED, { [`${REQUEST}.occurrence`]: "x" }, []],
    ["a note on vulnerabilities that is changed", NOTE_CHANGED, { [`${REQUEST}.note`]: { kind: "VULNERABILITY" } }, []],
    [
      "a note that says what it is by its kind",
      NOTE_CHANGED,
      { [`${REQUEST}.note`]: { kind: "ATTESTATION" } },
      ["attestation.note_changed"],
    ],
    ["a refused attempt", DENIED, {}, ["attestation.change_attempt_denied"]],
    ["a refused look", DENIED, { [METHOD]: "grafeas.v1.Grafeas.ListOccurrences" }, []],
    [
      "a refused attempt at a note",
      NOTE_DELETED,
      { "protoPayload.status": { code: 7 } },
      ["attestation.change_attempt_denied"],
    ],
    ["a call that failed otherwise", DELETED, { "protoPayload.status": { code: 5 } }, []],
  ];
  test.each(STORIES)("%s", (_name, file, changes, expected) => {
    expect(rules(file, changes)).toEqual(expected);
  });

  test("a refused attempt is of the story of what it was meant for", () => {
    expect(find(DENIED)[0]?.incidentKey).toBe(find(ATTESTED)[0]?.incidentKey);
    const refusedNote = find(NOTE_DELETED, { "protoPayload.status": { code: 7 } })[0];
    expect(refusedNote?.incidentKey).toBe(find(NOTE_DELETED)[0]?.incidentKey);
    expect(find(NOTE_CHANGED)[0]?.incidentKey).toBe(find(NOTE_DELETED)[0]?.incidentKey);
  });

  test("a deletion does not say of what, and is less sure", () => {
    expect([DELETED, NOTE_DELETED, NOTE].map((file) => find(file)[0]?.confidence)).toEqual([
      "medium",
      "medium",
      "high",
    ]);
  });
});

test("a refused attempt that names only an occurrence is of the story of its deletion", () => {
  const name = "projects/example-prod/occurrences/7c0e";
  const [tried] = find(DENIED, {
    [METHOD]: "grafeas.v1.Grafeas.DeleteOccurrence",
    [REQUEST]: { name },
    "protoPayload.resourceName": name,
  });
  expect(tried).toMatchObject({
    rule: "attestation.change_attempt_denied",
    incidentKey: find(DELETED)[0]?.incidentKey,
  });
});
