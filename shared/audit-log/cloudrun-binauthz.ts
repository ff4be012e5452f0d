import { isObject, type JsonObject, member } from "./json.ts";
import { METHOD_NAME } from "./payload.ts";
import { type EntryView, field } from "./view.ts";

/**
 * What a deployment request says about Binary Authorization: in v1 by an annotation, in v2 by a block.
 * https://cloud.google.com/binary-authorization/docs/run/enabling-binauthz-cloud-run
 */
const POLICY_ANNOTATION = "run.googleapis.com/binary-authorization";
const BREAKGLASS_ANNOTATION = "run.googleapis.com/binary-authorization-breakglass";
const OBJECTS = [
  field("protoPayload.request.service"),
  field("protoPayload.request.job"),
  field("protoPayload.request.workerPool"),
];
const UPDATE_MASK = field("protoPayload.request.updateMask");
const VALIDATE_ONLY = field("protoPayload.request.validateOnly");
const DRY_RUN = field("protoPayload.request.dryRun");
const RESPONSE_ANNOTATIONS = field("protoPayload.response.metadata.annotations");

export const BINARY_AUTHORIZATION_FIELDS = [
  ...OBJECTS,
  UPDATE_MASK,
  VALIDATE_ONLY,
  DRY_RUN,
  RESPONSE_ANNOTATIONS,
  METHOD_NAME,
];

export interface BinaryAuthorizationSetting {
  /** `unsaid`: the request does not touch it, or breaks the glass and so speaks for itself. */
  readonly state: "on" | "off" | "unsaid";
  /** `default` for the project's policy, else the name of a platform policy. */
  readonly policy: string | null;
  /** Whether it is named and off, rather than left out: a caller who never had it on leaves it out too. */
  readonly named: boolean;
}

const UNSAID: BinaryAuthorizationSetting = { state: "unsaid", policy: null, named: false };

export function binaryAuthorizationIn(view: EntryView): BinaryAuthorizationSetting {
  const asked = OBJECTS.map((object) => view.object(object)).find((object) => object !== undefined);
  if (asked === undefined || isOnlyTried(view)) return UNSAID;
  return isObject(member(asked, "metadata")) ? annotated(view, asked) : blockOf(view, asked);
}

/** Whether the request makes something new rather than changing what is there. */
export function isCreation(view: EntryView): boolean {
  return /\.Create[A-Za-z]+$/.test(view.text(METHOD_NAME) ?? "");
}

/** The request is checked, and nothing is deployed. */
function isOnlyTried(view: EntryView): boolean {
  return view.value(VALIDATE_ONLY) === true || view.value(DRY_RUN) === "all";
}

function annotated(view: EntryView, asked: JsonObject): BinaryAuthorizationSetting {
  const maps = [member(member(asked, "metadata"), "annotations"), view.object(RESPONSE_ANNOTATIONS)];
  const policy = maps.map((map) => member(map, POLICY_ANNOTATION)).find((value) => value !== undefined);
  if (typeof policy === "string" && policy !== "") return { state: "on", policy, named: true };
  if (maps.some((map) => member(map, BREAKGLASS_ANNOTATION) !== undefined)) return UNSAID;
  return { state: "off", policy: null, named: policy !== undefined };
}

function blockOf(view: EntryView, asked: JsonObject): BinaryAuthorizationSetting {
  const mask = pathsIn(view);
  const isMasked = mask.some((path) => path === "*" || /^binary_?authorization(?:\.|$)/i.test(path));
  if (mask.length > 0 && !isMasked) return UNSAID;
  const block = member(asked, "binaryAuthorization");
  if (member(block, "useDefault") === true) return { state: "on", policy: "default", named: true };
  const policy = member(block, "policy");
  if (typeof policy === "string" && policy !== "") return { state: "on", policy, named: true };
  if (member(block, "breakglassJustification") !== undefined) return UNSAID;
  return { state: "off", policy: null, named: isObject(block) || isMasked };
}

/** One text with commas between the paths, as masks are written in JSON, or the list that they are in protobuf. */
function pathsIn(view: EntryView): readonly string[] {
  const mask = view.value(UPDATE_MASK);
  const paths = isObject(mask) ? member(mask, "paths") : mask;
  const texts = Array.isArray(paths) ? paths.filter((path) => typeof path === "string") : [paths];
  return texts
    .flatMap((text) => (typeof text === "string" ? text.split(",") : []))
    .map((path) => path.trim())
    .filter((path) => path !== "");
}
