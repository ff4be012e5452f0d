/**
 * Structured logs in the field names of Cloud Logging: one JSON object a line.
 * https://cloud.google.com/logging/docs/structured-logging
 */

export type LogSeverity = "DEBUG" | "INFO" | "NOTICE" | "WARNING" | "ERROR" | "CRITICAL";

/** Something that happened, under a stable name that alerts can be made of; never entry text, never secrets. */
export interface LogEvent {
  readonly event: string;
  readonly severity: LogSeverity;
  readonly message: string;
  readonly [field: string]: unknown;
}

export type Log = (event: LogEvent) => void;

export interface Trace {
  /** 32 hexadecimal digits, as in a traceparent header. */
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

export interface LogOptions {
  readonly write: (line: string) => void;
  readonly projectId?: string | undefined;
  readonly trace?: Trace | undefined;
}

/** A log whose lines belong to one trace. Execution ids are added by functions-framework (LOG_EXECUTION_ID). */
export function createLog({ write, projectId, trace }: LogOptions): Log {
  const context =
    trace === undefined
      ? {}
      : {
          "logging.googleapis.com/trace":
            projectId === undefined ? trace.traceId : `projects/${projectId}/traces/${trace.traceId}`,
          "logging.googleapis.com/spanId": trace.spanId,
          "logging.googleapis.com/trace_sampled": trace.sampled,
        };
  return ({ severity, message, ...fields }) =>
    write(`${JSON.stringify({ severity, message, ...fields, ...context })}\n`);
}

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** The trace of a W3C traceparent header; undefined when there is none or it is malformed. */
export function traceOf(traceparent: unknown): Trace | undefined {
  const parts = typeof traceparent === "string" ? TRACEPARENT.exec(traceparent) : null;
  if (parts === null) return undefined;
  return {
    traceId: parts[1] as string,
    spanId: parts[2] as string,
    sampled: (Number.parseInt(parts[3] as string, 16) & 1) === 1,
  };
}
