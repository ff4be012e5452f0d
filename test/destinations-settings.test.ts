import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { DESTINATION_KINDS, openDestination } from "../shared/destinations/index.ts";
import { loadSettings } from "../shared/settings.ts";
import { parseSettings } from "../shared/settings-schema.ts";
import { expectFailure, expectNoSecret, failure } from "./support/destination-contract.ts";
import { fencesOf } from "./support/documents.ts";

const folder = mkdtempSync(join(tmpdir(), "glasswatch-destinations-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The settings that docs/destinations.md shows: they name every kind there is. */
const [shown] = fencesOf("docs/destinations.md").filter(({ language }) => language === "yaml");
const yaml = shown?.text ?? "";
const references = [...yaml.matchAll(/\$\{env:([A-Z_]+)\}/g)].map(([, name]) => name as string);
const environment: Readonly<Record<string, string>> = Object.fromEntries(
  references.map((name) => [name, name.endsWith("URL") ? `https://example.com/sEcReT/${name}` : `sEcReT-${name}`]),
);
const deps = { now: () => 0, console: { write: () => {}, colour: false } };

function fileWith(text: string): string {
  const path = join(folder, "glasswatch.yaml");
  writeFileSync(path, text);
  return path;
}

describe("the settings of the documentation", () => {
  it("name every kind, and open", async () => {
    const { destinations } = await loadSettings(environment, fileWith(yaml));
    expect(destinations.map(({ kind }) => kind).toSorted()).toEqual([...DESTINATION_KINDS].toSorted());
    for (const settings of destinations) {
      const destination = openDestination(settings, deps);
      expect(destination).toMatchObject({ id: settings.id, kind: settings.kind });
      expectNoSecret([settings, destination], Object.values(environment));
    }
  });

  it("have every secret by reference, and none of them twice", () => {
    expect(references.length).toBeGreaterThanOrEqual(10);
    expect(new Set(references).size).toBe(references.length);
  });

  it.each(references)("do not do without %s", async (name) => {
    const { [name]: _left, ...rest } = environment;
    const error = await failure(loadSettings(rest, fileWith(yaml)));
    expectFailure(error, "SETTINGS_INVALID", Object.values(rest));
    expect(String(error)).toContain(`${name}, which is not set`);
  });
});

const BASE: Readonly<Record<string, string>> = {
  "slack-bot": "token: ${env:T}, channel: C0123456789",
  email: "host: mail.example.com, from: a@example.com, to: [b@example.com]",
  jira: "site: 'https://example.atlassian.net', email: a@example.com, apiToken: ${env:T}, project: SEC",
  github: "repository: example/incidents, token: ${env:T}",
  servicenow: "instance: 'https://example.service-now.com', user: u, password: ${env:T}",
  pagerduty: "routingKey: ${env:T}",
  "google-chat": "webhookUrl: ${env:T}",
  webhook: "url: ${env:T}, signingKey: ${env:U}",
};
/** In YAML's flow style a reference has to be quoted. */
const quoted = (part: string) => part.replace(/(?<!')\$\{env:\w+\}(?!')/g, "'$&'");
const settingsOf = (kind: string, part: string) => `destinations: [{ id: x, kind: ${kind}, ${quoted(part)} }]`;

describe("settings that cannot be right", () => {
  it.each(Object.entries(BASE))("are not these of %s", (kind, part) => {
    expect(parseSettings(settingsOf(kind, part), "f.yaml").destinations).toHaveLength(1);
    const unknown = failureOf(settingsOf(kind, `${part}, colour: red`));
    expect(unknown).toContain("destinations.0.colour: there is no such setting");
  });

  it.each([
    { kind: "slack-bot", part: "token: xoxb-sEcReT, channel: C0123456789", says: "a secret is given by reference" },
    { kind: "slack-bot", part: "token: ${env:T}, channel: '#security'", says: "expected the id of a channel" },
    { kind: "slack-bot", part: `${BASE["slack-bot"]}, apiUrl: 'http://slack.example'`, says: "expected an https" },
    { kind: "email", part: `${BASE.email}, security: none`, says: "destinations.0.security" },
    { kind: "email", part: `${BASE.email}, user: u`, says: "user and password come together" },
    { kind: "email", part: `${BASE.email}, password: \${env:T}`, says: "user and password come together" },
    { kind: "email", part: "host: h, from: a@example.com, to: []", says: "destinations.0.to" },
    { kind: "email", part: "host: h, from: a@example.com, to: ['b@c.d, e@f.g']", says: "expected an e-mail address" },
    { kind: "email", part: 'host: h, from: "a@example.com\\r\\nBcc: x@y.z", to: [b@c.d]', says: "e-mail address" },
    { kind: "email", part: "host: 'mail.example.com/x', from: a@b.c, to: [b@c.d]", says: "name of a mail server" },
    { kind: "jira", part: `${BASE.jira?.replace("SEC", "'S\" OR 1=1'")}`, says: "expected the key of a project" },
    { kind: "jira", part: `${BASE.jira?.replace("https", "http")}`, says: "expected an https address" },
    { kind: "jira", part: `${BASE.jira?.replace("https://", "https://u:sEcReT@")}`, says: "expected an https address" },
    { kind: "github", part: "repository: example/.., token: '${env:T}'", says: "expected OWNER/NAME" },
    { kind: "github", part: "repository: example, token: '${env:T}'", says: "expected OWNER/NAME" },
    { kind: "github", part: `${BASE.github}, label: 'a,b'`, says: "expected a label without a comma" },
    { kind: "servicenow", part: `${BASE.servicenow}, fields: { urgency: 1 }`, says: "destinations.0.fields.urgency" },
    { kind: "pagerduty", part: "routingKey: sEcReT", says: "a secret is given by reference" },
    { kind: "google-chat", part: "webhookUrl: 'https://chat.example/sEcReT'", says: "a secret is given by reference" },
    { kind: "webhook", part: "url: ${env:T}", says: "destinations.0.signingKey" },
  ])("are refused for $kind: $says", ({ kind, part, says }) => {
    const message = failureOf(settingsOf(kind, part));
    expect(message).toContain(says);
    expect(message).not.toContain("sEcReT");
  });
});

function failureOf(text: string): string {
  try {
    parseSettings(text, "f.yaml");
  } catch (error) {
    return String(error);
  }
  throw new Error("nothing was thrown");
}
