import { createHash } from "node:crypto";
import { z } from "zod";
import { type Exchange, type Reply, type StandIn, startStandIn } from "./destination-server.ts";

/**
 * The calls of the Table API that we make, as ServiceNow documents them: a POST makes a record, a PATCH changes one,
 * `sysparm_query`, `sysparm_fields` and `sysparm_limit` go in the query. Fields of the incident table with the lengths
 * that they have in a base system. https://www.servicenow.com/docs/bundle/api-reference/page/integrate/inbound-rest/concept/c_TableAPI.html
 */
const text = (max: number) => z.string().min(1).max(max);
const state = z.enum(["1", "2", "3", "6", "7", "8"]);
const common = {
  correlation_id: text(100),
  correlation_display: text(100),
  urgency: z.enum(["1", "2", "3"]),
  impact: z.enum(["1", "2", "3"]),
};
export const serviceNowCreation = z
  .object({
    ...common,
    short_description: text(160).regex(/^[^\r\n]*$/),
    description: text(4000),
  })
  .catchall(z.string().max(4000));
export const serviceNowChange = z
  .strictObject({
    work_notes: text(4000),
    correlation_display: common.correlation_display,
    state: state.optional(),
    close_code: text(40).optional(),
    close_notes: text(4000).optional(),
  })
  .refine((one) => one.state !== "6" || (one.close_code !== undefined && one.close_notes !== undefined), {
    message: "Data Policy Exception: close_code and close_notes are mandatory",
  });

interface Row {
  readonly sys_id: string;
  readonly at: number;
  readonly fields: Record<string, string>;
  readonly notes: string[];
}

export interface ServiceNowStandIn extends StandIn {
  readonly rows: readonly Row[];
  searchDelayMs: number;
  /** The values that the instance knows for how an incident was resolved. */
  closeCodes: readonly string[];
}

export const SERVICENOW_USER = "glasswatch";
export const SERVICENOW_PASSWORD = "sEcReTservicenowPassword";

export async function startServiceNowStandIn(clock: () => number = Date.now): Promise<ServiceNowStandIn> {
  const rows: Row[] = [];
  const root = "/api/now/table/incident";
  const expected = `Basic ${Buffer.from(`${SERVICENOW_USER}:${SERVICENOW_PASSWORD}`).toString("base64")}`;

  function handle({ method, path, query, headers, json }: Exchange): Reply {
    if (headers.authorization !== expected) return { status: 401, body: { error: { message: "no" } } };
    if (path === root && method === "POST") {
      const fields = { state: "1", ...(json as Record<string, string>) };
      const sys_id = createHash("md5").update(String(rows.length)).digest("hex");
      rows.push({ sys_id, at: clock(), fields, notes: [] });
      return { status: 201, body: { result: shown(rows.at(-1) as Row) } };
    }
    if (path === root) {
      const wanted = /^correlation_id=([^^]+)/.exec(query.get("sysparm_query") ?? "")?.[1];
      const visible = rows.filter(({ at }) => clock() - at >= standIn.searchDelayMs);
      const found = visible.filter(({ fields }) => wanted === undefined || fields.correlation_id === wanted);
      return { status: 200, body: { result: found.slice(0, Number(query.get("sysparm_limit"))).map(shown) } };
    }
    const found = rows.find(({ sys_id }) => path === `${root}/${sys_id}`);
    if (found === undefined) return { status: 404, body: { error: { message: "No Record found" } } };
    if (method === "PATCH") {
      const { work_notes, ...fields } = json as Record<string, string>;
      if (fields.close_code !== undefined && !standIn.closeCodes.includes(fields.close_code)) {
        return { status: 403, body: { error: { message: "Operation Failed" } } };
      }
      found.notes.push(work_notes ?? "");
      Object.assign(found.fields, fields);
    }
    return { status: 200, body: { result: shown(found) } };
  }

  const server = await startStandIn({
    handle,
    isWrite: ({ method }) => method !== "GET",
    complaints: ({ method, json }) => {
      if (method === "GET") return [];
      const result = (method === "POST" ? serviceNowCreation : serviceNowChange).safeParse(json);
      return result.success ? [] : result.error.issues.map((one) => one.message);
    },
  });
  const standIn: ServiceNowStandIn = { ...server, rows, searchDelayMs: 0, closeCodes: ["Solution provided"] };
  return standIn;
}

function shown({ sys_id, fields }: Row): object {
  const { state: given, correlation_id, correlation_display } = fields;
  return { sys_id, state: given, correlation_id, correlation_display };
}
