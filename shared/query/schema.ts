/**
 * Which fields a filter may name and what their types are. A LogEntry's schema is here; anything else that is matched
 * with the language (an incident, say) brings its own.
 */
export interface Schema {
  /** What one thing is called in error messages: "LogEntry". */
  readonly name: string;
  readonly fields: Readonly<Record<string, FieldType>>;
  /**
   * What a field that is not there means. "defaulted": it compares as the empty string, 0, false and so on, as the
   * fields of a LogEntry do. "missing": every comparison with it fails.
   */
  readonly absent: "defaulted" | "missing";
  /** Whether a literal that its field can never take is an error when compiling; in Cloud Logging it is not. */
  readonly strict: boolean;
}

export type FieldType = ScalarType | Message | MapOfStrings | Struct | Open | Payload;

export type ScalarType = ScalarName | Enumeration;

export type ScalarName = "string" | "bool" | "int32" | "int64" | "double" | "timestamp" | "duration";

/** Names that are ordered by number; JSON carries the name. */
export interface Enumeration {
  readonly kind: "enumeration";
  readonly numbers: Readonly<Record<string, number>>;
}

/** Known fields only; letter case and underscores of their names are free. Repeated fields need no mark. */
export interface Message {
  readonly kind: "message";
  readonly fields: Readonly<Record<string, FieldType>>;
}

/** Keys are spelled exactly. */
export interface MapOfStrings {
  readonly kind: "map";
}

/** Free content whose types are those of its JSON values; keys are spelled exactly. */
export interface Struct {
  readonly kind: "struct";
}

/** Content of unknown type: as a Struct, but a name may differ in letter case and underscores. */
export interface Open {
  readonly kind: "open";
}

/** A message whose type stands in its `@type`; one of unknown type is open content. */
export interface Payload {
  readonly kind: "payload";
  readonly types: Readonly<Record<string, Message>>;
}

const MAP: MapOfStrings = { kind: "map" };
const STRUCT: Struct = { kind: "struct" };
const OPEN: Open = { kind: "open" };

export function message(fields: Readonly<Record<string, FieldType>>): Message {
  return { kind: "message", fields };
}

/** An enumeration whose names rise in the order given, numbered from 0. */
export function ordered(...names: readonly string[]): Enumeration {
  return { kind: "enumeration", numbers: Object.fromEntries(names.map((name, number) => [name, number])) };
}

/** google.logging.type.LogSeverity. */
export const LOG_SEVERITY: Enumeration = {
  kind: "enumeration",
  numbers: {
    DEFAULT: 0,
    DEBUG: 100,
    INFO: 200,
    NOTICE: 300,
    WARNING: 400,
    ERROR: 500,
    CRITICAL: 600,
    ALERT: 700,
    EMERGENCY: 800,
  },
};

/** google.rpc.context.AttributeContext.Request, which describes the call that an audit entry is about. */
const REQUEST_ATTRIBUTES = message({
  id: "string",
  method: "string",
  headers: MAP,
  path: "string",
  host: "string",
  scheme: "string",
  query: "string",
  time: "timestamp",
  size: "int64",
  protocol: "string",
  reason: "string",
  auth: message({
    principal: "string",
    audiences: "string",
    presenter: "string",
    claims: STRUCT,
    accessLevels: "string",
  }),
});

/** google.rpc.context.AttributeContext.Peer. */
const PEER_ATTRIBUTES = message({
  ip: "string",
  port: "int64",
  labels: MAP,
  principal: "string",
  regionCode: "string",
});

/** google.rpc.context.AttributeContext.Resource. */
const RESOURCE_ATTRIBUTES = message({
  service: "string",
  name: "string",
  type: "string",
  labels: MAP,
  uid: "string",
  annotations: MAP,
  displayName: "string",
  createTime: "timestamp",
  updateTime: "timestamp",
  deleteTime: "timestamp",
  etag: "string",
  location: "string",
});

/** google.cloud.audit.AuditLog. */
export const AUDIT_LOG = message({
  "@type": "string",
  serviceName: "string",
  methodName: "string",
  resourceName: "string",
  numResponseItems: "int64",
  resourceLocation: message({ currentLocations: "string", originalLocations: "string" }),
  resourceOriginalState: STRUCT,
  status: message({ code: "int32", message: "string", details: OPEN }),
  authenticationInfo: message({
    principalEmail: "string",
    authoritySelector: "string",
    thirdPartyPrincipal: STRUCT,
    serviceAccountKeyName: "string",
    serviceAccountDelegationInfo: message({
      principalSubject: "string",
      firstPartyPrincipal: message({ principalEmail: "string", serviceMetadata: STRUCT }),
      thirdPartyPrincipal: message({ thirdPartyClaims: STRUCT }),
    }),
    principalSubject: "string",
  }),
  authorizationInfo: message({
    resource: "string",
    permission: "string",
    granted: "bool",
    resourceAttributes: RESOURCE_ATTRIBUTES,
    permissionType: {
      kind: "enumeration",
      numbers: { PERMISSION_TYPE_UNSPECIFIED: 0, ADMIN_READ: 1, ADMIN_WRITE: 2, DATA_READ: 3, DATA_WRITE: 4 },
    },
  }),
  policyViolationInfo: message({
    orgPolicyViolationInfo: message({
      payload: STRUCT,
      resourceType: "string",
      resourceTags: MAP,
      violationInfo: message({
        constraint: "string",
        errorMessage: "string",
        checkedValue: "string",
        policyType: {
          kind: "enumeration",
          numbers: { POLICY_TYPE_UNSPECIFIED: 0, BOOLEAN_CONSTRAINT: 1, LIST_CONSTRAINT: 2, CUSTOM_CONSTRAINT: 3 },
        },
      }),
    }),
  }),
  requestMetadata: message({
    callerIp: "string",
    callerSuppliedUserAgent: "string",
    callerNetwork: "string",
    requestAttributes: REQUEST_ATTRIBUTES,
    destinationAttributes: PEER_ATTRIBUTES,
  }),
  request: STRUCT,
  response: STRUCT,
  metadata: STRUCT,
  serviceData: OPEN,
});

/** google.appengine.logging.v1.RequestLog. */
export const REQUEST_LOG = message({
  "@type": "string",
  appId: "string",
  moduleId: "string",
  versionId: "string",
  requestId: "string",
  ip: "string",
  startTime: "timestamp",
  endTime: "timestamp",
  latency: "duration",
  megaCycles: "int64",
  method: "string",
  resource: "string",
  httpVersion: "string",
  status: "int32",
  responseSize: "int64",
  referrer: "string",
  userAgent: "string",
  nickname: "string",
  urlMapEntry: "string",
  host: "string",
  cost: "double",
  taskQueueName: "string",
  taskName: "string",
  wasLoadingRequest: "bool",
  pendingTime: "duration",
  instanceIndex: "int32",
  finished: "bool",
  first: "bool",
  instanceId: "string",
  line: message({
    time: "timestamp",
    severity: LOG_SEVERITY,
    logMessage: "string",
    sourceLocation: message({ file: "string", line: "int64", functionName: "string" }),
  }),
  appEngineRelease: "string",
  traceId: "string",
  traceSampled: "bool",
  sourceReference: message({ repository: "string", revisionId: "string" }),
});

/** google.logging.v2.LogEntry, with the fields that only newer versions have as open content. */
export const LOG_ENTRY: Schema = {
  name: "LogEntry",
  absent: "defaulted",
  strict: false,
  fields: {
    logName: "string",
    resource: message({ type: "string", labels: MAP }),
    protoPayload: {
      kind: "payload",
      types: {
        "type.googleapis.com/google.cloud.audit.AuditLog": AUDIT_LOG,
        "type.googleapis.com/google.appengine.logging.v1.RequestLog": REQUEST_LOG,
      },
    },
    textPayload: "string",
    jsonPayload: STRUCT,
    timestamp: "timestamp",
    receiveTimestamp: "timestamp",
    severity: LOG_SEVERITY,
    insertId: "string",
    httpRequest: message({
      requestMethod: "string",
      requestUrl: "string",
      requestSize: "int64",
      status: "int32",
      responseSize: "int64",
      userAgent: "string",
      remoteIp: "string",
      serverIp: "string",
      referer: "string",
      latency: "duration",
      cacheLookup: "bool",
      cacheHit: "bool",
      cacheValidatedWithOriginServer: "bool",
      cacheFillBytes: "int64",
      protocol: "string",
    }),
    labels: MAP,
    metadata: message({ systemLabels: STRUCT, userLabels: MAP }),
    operation: message({ id: "string", producer: "string", first: "bool", last: "bool" }),
    trace: "string",
    spanId: "string",
    traceSampled: "bool",
    sourceLocation: message({ file: "string", line: "int64", function: "string" }),
    split: message({ uid: "string", index: "int32", totalSplits: "int32" }),
    errorGroups: OPEN,
    apphub: OPEN,
    apphubDestination: OPEN,
    apphubSource: OPEN,
  },
};
