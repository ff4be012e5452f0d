import { describe, expect, test } from "vitest";
import type { ClassifyContext } from "../shared/classifier/rule.ts";
import { find, rules, type Story } from "./support/rule-stories.ts";

const SCANNING = "artifactregistry-updaterepository-scanning-disabled.json";
const TAGS = "artifactregistry-updaterepository-tags.json";
const PUBLIC = "artifactregistry-setiampolicy.json";
const IMAGE = "artifactregistry-deleteversion.json";
const DENIED = "artifactregistry-setiampolicy-permission-denied.json";
const METHOD = "protoPayload.methodName";
const REQUEST = "protoPayload.request";
const api = (name: string) => ({ [METHOD]: `google.devtools.artifactregistry.v1.ArtifactRegistry.${name}` });
const was = (state: unknown): ClassifyContext => ({ previousState: () => state });

describe("which calls on repositories are told of", () => {
  const STORIES: readonly Story[] = [
    [
      "scanning off, and the mask says so",
      SCANNING,
      { [`${REQUEST}.updateMask`]: "vulnerabilityScanningConfig.enablementConfig" },
      ["artifactregistry.scanning_disabled"],
    ],
    [
      "scanning off, but the mask is about something else",
      SCANNING,
      { [`${REQUEST}.updateMask`]: "description" },
      ["artifactregistry.repository_updated"],
    ],
    [
      "scanning as the project has it",
      SCANNING,
      { [`${REQUEST}.repository.vulnerabilityScanningConfig.enablementConfig`]: "INHERITED" },
      ["artifactregistry.repository_updated"],
    ],
    [
      "the beta of the API",
      SCANNING,
      { [METHOD]: "google.devtools.artifactregistry.v1beta2.ArtifactRegistry.UpdateRepository" },
      ["artifactregistry.scanning_disabled"],
    ],
    ["a repository that is read", SCANNING, api("GetRepository"), []],
    [
      "for all users",
      PUBLIC,
      { [`${REQUEST}.policy.bindings`]: [{ role: "roles/artifactregistry.reader", members: ["allUsers"] }] },
      ["artifactregistry.iam_changed"],
    ],
    [
      "for a domain",
      PUBLIC,
      { [`${REQUEST}.policy.bindings`]: [{ role: "roles/artifactregistry.reader", members: ["domain:example.com"] }] },
      [],
    ],
    [
      "an image that is deleted by Docker",
      IMAGE,
      { [METHOD]: "Docker-DeleteManifest" },
      ["artifactregistry.image_deleted"],
    ],
    ["an image that is pulled", IMAGE, { [METHOD]: "Docker-GetManifest" }, []],
    [
      "an image, in the Admin Activity log",
      IMAGE,
      { logName: "projects/example-prod/logs/cloudaudit.googleapis.com%2Factivity" },
      ["artifactregistry.image_deleted"],
    ],
    ["a repository that is deleted", IMAGE, api("DeleteRepository"), ["artifactregistry.package_deleted"]],
    ["a tag that is deleted", IMAGE, api("DeleteTag"), []],
    ["a refused attempt", DENIED, {}, ["artifactregistry.change_attempt_denied"]],
    ["refused to make one: nothing that guards was meant", DENIED, api("CreateRepository"), []],
  ];
  test.each(STORIES)("%s", (_name, file, changes, expected) => {
    expect(rules(file, changes)).toEqual(expected);
  });
});

describe("with what was before", () => {
  test("tags that could be moved before are no news, and those that could not are", () => {
    expect(find(TAGS, {}, was({ immutableTags: false }))[0]).toMatchObject({ changes: [] });
    expect(find(TAGS, {}, was({ immutableTags: true }))[0]).toMatchObject({
      comparedWith: "previous",
      changes: [{ field: "immutableTags", before: "true", after: "false", effect: "weaker" }],
    });
    expect(find(TAGS)[0]).toMatchObject({ comparedWith: "none", changes: [{ before: null, effect: "weaker" }] });
  });

  test("who could read it before is no news", () => {
    const grant = ["roles/artifactregistry.writer", "allAuthenticatedUsers"];
    expect(rules(PUBLIC, {}, was([grant]))).toEqual([]);
    expect(find(PUBLIC, {}, was([]))[0]).toMatchObject({ comparedWith: "previous" });
  });
});

describe("what is compared of a repository", () => {
  const tags = (immutableTags: boolean) => ({
    [`${REQUEST}.repository.dockerConfig`]: { immutableTags },
    [`${REQUEST}.updateMask`]: "dockerConfig.immutableTags",
  });

  test("tags that are fixed from now on are stronger", () => {
    expect(find(TAGS, tags(true), was({ immutableTags: false }))[0]).toMatchObject({
      comparedWith: "previous",
      changes: [{ field: "immutableTags", before: "false", after: "true", effect: "stronger" }],
    });
  });

  test("what was so before is no change", () => {
    expect(find(TAGS, tags(false), was({ immutableTags: false }))[0]?.changes).toEqual([]);
  });

  test("scanning that was on is told as it was", () => {
    expect(find(SCANNING, {}, was({ scanning: "INHERITED" }))[0]?.changes).toEqual([
      { field: "vulnerabilityScanning", before: "INHERITED", after: "DISABLED", effect: "weaker" },
    ]);
  });
});
