import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { DestinationSettings } from "./destinations/index.ts";
import { requireSafeAddress } from "./destinations/safe-address.ts";
import { ProcessingError } from "./errors.ts";
import { Secret } from "./secret.ts";
import { type DestinationDocument, EMBEDDED_DEFAULTS, type SettingsDocument } from "./settings-document.ts";

/**
 * What an organization says about itself: one file, `glasswatch.yaml`. This room alone reads the environment.
 * The file is checked by `settings-schema.ts`, which is loaded only where there is YAML to check: staging for the cloud
 * does it once and leaves `glasswatch.json`, so that no function instance has to.
 */
export interface Settings extends Omit<SettingsDocument, "destinations"> {
  readonly destinations: readonly DestinationSettings[];
  /** For people: where these settings come from. */
  readonly source: string;
}

export const SETTINGS_FILE = "glasswatch.yaml";
export const STAGED_SETTINGS_FILE = "glasswatch.json";

export type Environment = Readonly<Record<string, string | undefined>>;

export function processEnvironment(): Environment {
  return process.env;
}

/** What the platform says about this process. */
export interface Platform {
  readonly onGoogleCloud: boolean;
  readonly functionTarget: string | undefined;
  readonly projectId: string | undefined;
  readonly instance: string;
  /** Host and port of a Firestore emulator that stands in for Google's. */
  readonly firestoreEmulatorHost: string | undefined;
}

/** https://cloud.google.com/run/docs/container-contract#env-vars */
export function platformOf(environment: Environment): Platform {
  return {
    onGoogleCloud: environment.K_SERVICE !== undefined,
    functionTarget: environment.FUNCTION_TARGET,
    projectId: environment.GOOGLE_CLOUD_PROJECT,
    instance: `${environment.K_REVISION ?? "local"}/${process.pid}`,
    firestoreEmulatorHost: environment.FIRESTORE_EMULATOR_HOST,
  };
}

/** A checked document and where it comes from, for people. */
export interface LoadedDocument {
  readonly document: SettingsDocument;
  readonly source: string;
}

/**
 * The document of the named file, else of GLASSWATCH_SETTINGS, else of glasswatch.json or glasswatch.yaml in the working
 * directory, else the embedded defaults. Throws SETTINGS_UNREADABLE, or SETTINGS_INVALID with file, line and column.
 */
export async function loadDocument(
  environment: Environment = processEnvironment(),
  file: string | undefined = environment.GLASSWATCH_SETTINGS,
): Promise<LoadedDocument> {
  const found = file ?? [STAGED_SETTINGS_FILE, SETTINGS_FILE].find((name) => existsSync(name));
  if (found === undefined) return { document: EMBEDDED_DEFAULTS, source: "embedded defaults" };
  const text = readText(found);
  if (found.endsWith(".json")) return { document: staged(text, found), source: found };
  const { parseSettings } = await import("./settings-schema.ts");
  return { document: parseSettings(text, found), source: found };
}

/** As loadDocument, with the secrets that it refers to; throws SETTINGS_INVALID for one that is not set. */
export async function loadSettings(environment: Environment = processEnvironment(), file?: string): Promise<Settings> {
  const { document, source } = await loadDocument(environment, file);
  return withSecrets(document, source, environment);
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown";
    throw new ProcessingError("SETTINGS_UNREADABLE", `cannot read the settings ${file} (${code})`, { place: file });
  }
}

/** What `stageSettings` wrote. */
function staged(text: string, file: string): SettingsDocument {
  try {
    const document = JSON.parse(text) as { checked?: unknown; settings?: SettingsDocument };
    if (document.checked === true && document.settings !== undefined) return document.settings;
  } catch {
    // Falls through to the error below: the text may hold anything, so nothing of it is repeated.
  }
  throw new ProcessingError("SETTINGS_INVALID", `${file} was not written by staging; give the YAML file instead`, {
    place: file,
  });
}

/** The text of glasswatch.json for a document that has been checked. */
export function stageSettings(document: SettingsDocument): string {
  return `${JSON.stringify({ checked: true, settings: document }, null, 2)}\n`;
}

const REFERENCE = /^\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}$/;

function withSecrets(document: SettingsDocument, source: string, environment: Environment): Settings {
  const secret = (reference: string, field: string): Secret => {
    const name = REFERENCE.exec(reference)?.[1];
    const value = name === undefined ? undefined : environment[name];
    if (value === undefined || value === "") {
      throw new ProcessingError("SETTINGS_INVALID", `${source}: ${field} refers to ${name}, which is not set`, {
        place: source,
      });
    }
    return new Secret(value);
  };
  return {
    ...document,
    source,
    project: document.project ?? environment.GOOGLE_CLOUD_PROJECT,
    store: document.store.kind === "sqlite" ? { kind: "sqlite", path: resolve(document.store.path) } : document.store,
    destinations: document.destinations.map((destination) => {
      const name = `destination ${destination.id}`;
      const open = (reference: string, field: string) => secret(reference, `${name}, ${field}`);
      const address = (reference: string, field: string) => {
        const opened = open(reference, field);
        requireSafeAddress(opened.reveal(), `${source}: ${name}`, field);
        return opened;
      };
      return destinationWithSecrets(destination, open, address);
    }),
  };
}

/** A kind without a case does not compile, nor does a secret that is left as text. */
function destinationWithSecrets(
  document: DestinationDocument,
  secret: (reference: string, field: string) => Secret,
  secretAddress: (reference: string, field: string) => Secret,
): DestinationSettings {
  switch (document.kind) {
    case "console":
      return document;
    case "slack":
    case "google-chat":
      return { ...document, webhookUrl: secretAddress(document.webhookUrl, "webhookUrl") };
    case "slack-bot":
    case "github":
      return { ...document, token: secret(document.token, "token") };
    case "email": {
      const { password, ...rest } = document;
      return password === undefined ? rest : { ...rest, password: secret(password, "password") };
    }
    case "jira":
      return { ...document, apiToken: secret(document.apiToken, "apiToken") };
    case "servicenow":
      return { ...document, password: secret(document.password, "password") };
    case "pagerduty":
      return { ...document, routingKey: secret(document.routingKey, "routingKey") };
    case "webhook":
      return {
        ...document,
        url: secretAddress(document.url, "url"),
        signingKey: secret(document.signingKey, "signingKey"),
      };
  }
}
