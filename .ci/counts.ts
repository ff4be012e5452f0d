/** Prints "passed failed skipped" of a JSON report of vitest; a file that could not even be loaded is a failure too. */
import { readFileSync } from "node:fs";

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly success: boolean;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly { status: string }[] }[];
}

const report = JSON.parse(readFileSync(process.argv[2] ?? "reports/tests.json", "utf8")) as Report;
const broken = report.testResults.filter(
  ({ status, assertionResults }) => status === "failed" && !assertionResults.some((test) => test.status === "failed"),
).length;
console.log(report.numPassedTests, report.numFailedTests + broken, report.numPendingTests + report.numTodoTests);
