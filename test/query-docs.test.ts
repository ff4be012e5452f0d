import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { compile } from "../shared/query/compile.ts";
import * as face from "../shared/query/index.ts";
import { ordered } from "../shared/query/schema.ts";
import { refusalOf } from "./support/query-refusals.ts";

const text = readFileSync(join(import.meta.dirname, "../docs/query-language.md"), "utf8");
const fences = [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = "", body = ""]) => ({
  language,
  body,
}));

describe("docs/query-language.md", () => {
  test.each(fences.filter(({ language }) => language === "lql"))("the filter $body is valid", ({ body }) => {
    expect(compile(body).matches({})).toBe(false);
  });

  test.each(fences.filter(({ language }) => language === "ts"))(
    "the example runs, and gives what it says: $body",
    ({ body }) => {
      const results: (readonly [code: string, given: unknown, said: unknown])[] = [];
      const script = body
        .replace(/^import \{([^}]*)\} from "glasswatch\/query";$/m, "const {$1} = face;")
        .replaceAll(" as const", "")
        .replace(
          /^(.*); \/\/ → (.*)$/gm,
          (_, code: string, said: string) => `results.push([${JSON.stringify(code)}, ${code}, ${said}]);`,
        );
      // oxlint-disable-next-line typescript/no-implied-eval -- the code is that of our own document
      new Function("face", "results", script)(face, results);
      expect(results.length).toBeGreaterThan(1);
      for (const [code, given, said] of results) expect(given, code).toEqual(said);
    },
  );

  test("there are examples to run", () => {
    expect(fences.map(({ language }) => language).sort()).toEqual(["lql", "ts", "ts"]);
  });

  const errors = [...text.matchAll(/^\| `(QUERY_\w+)` \| `([^|]*)`(, for an incident)? \| (.*) \|$/gm)];

  test.each(
    errors.map(([, code = "", filter = "", incident, message = ""]) => ({
      code,
      filter,
      isOfIncident: incident !== undefined,
      message,
    })),
  )("the refusal of $filter is the one shown", ({ code, filter, isOfIncident, message }) => {
    const schema = {
      name: "Incident",
      absent: "missing",
      strict: true,
      fields: { severity: ordered("low", "medium", "high") },
    } as const;
    expect(refusalOf(() => compile(filter, isOfIncident ? { schema } : {}))).toMatchObject({ code, message });
  });

  test("the table of errors was read", () => {
    expect(errors).toHaveLength(5);
  });

  test("every function of the face is in the table", () => {
    const functions = Object.entries(face)
      .filter(([, value]) => typeof value === "function")
      .map(([name]) => name);
    for (const name of functions) expect(text, name).toContain(`${name}(`);
  });
});
