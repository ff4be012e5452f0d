/** Exit codes: done, failed, used wrongly, and `--fail-on SEVERITY` reached. */
export const EXIT = { done: 0, failed: 1, usage: 2, severityReached: 3 } as const;
