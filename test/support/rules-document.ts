import type { Rule } from "../../shared/classifier/rule.ts";
import { CATEGORIES, type Finding } from "../../shared/finding.ts";
import { sampleIndex } from "./samples.ts";

const CERTAINTY_WORDS: Readonly<Record<Rule["certainty"]["level"], string>> = {
  documented: "documented by Google",
  seen: "seen in published real entries",
  schema: "in an API schema or in Google's source",
  "third-party": "in a third party's parser only",
  inferred: "inferred; nobody has confirmed it",
};

/** docs/rules.md: everything about every rule that a person wants to know. `keyOf` gives a finding of a rule's sample. */
export function rulesDocument(
  rules: readonly Rule[],
  isOn: (rule: Rule) => boolean,
  findingOf: (file: string) => Finding | undefined,
): string {
  const sections = CATEGORIES.map((category) => rules.filter((rule) => rule.category === category))
    .filter((some) => some.length > 0)
    .map((some) => `## ${some[0]?.category}\n\n${some.map((rule) => section(rule, isOn(rule))).join("\n")}`);
  return `# Rules

<!-- Generated from shared/rules: change a rule and run \`npm run accept\`. -->

${rules.length} rules come with Glasswatch. A filter can be pasted into Logs Explorer as it is; what it lets through is
narrowed further by code where the query language cannot say it. *Unconfirmed* facts are inferred: check them on a live
project before you rely on them.

| rule | severity | what it means | format |
| --- | --- | --- | --- |
${rules.map(({ id, severity, title, certainty }) => `| [\`${id}\`](#${anchor(id)}) | ${severity} | ${title} | ${certainty.level}${certainty.unconfirmed.length > 0 ? ", partly unconfirmed" : ""} |`).join("\n")}

${sections.join("\n")}
## Which entries are one story

Findings that have the same incident key, or an alias in common, are about one story. One example for each rule:

| rule | incident key | aliases |
| --- | --- | --- |
${rules.flatMap((rule) => keyRow(rule, findingOf)).join("\n")}
`;
}

function section({ id, title, severity, filter, certainty, volume, counsel }: Rule, isOn: boolean): string {
  const samples = sampleIndex.filter(({ kind }) => kind === id).map(({ file }) => `[${file}](../test/samples/${file})`);
  const unconfirmed = certainty.unconfirmed.map((fact) => `- **Unconfirmed:** ${fact}.`).join("\n");
  return `### ${id}

${title}. Severity ${severity}.${isOn ? "" : " Off until a watchlist names protected projects or services."}

${counsel.why}

\`\`\`text
${filter}
\`\`\`

- **Format:** ${CERTAINTY_WORDS[certainty.level]}.
${unconfirmed === "" ? "" : `${unconfirmed}\n`}- **Volume:** ${volume}
- **False positives:** ${counsel.falsePositives}
- **Samples:** ${samples.join(", ")}
- **Reference:** <${counsel.reference}>

What to do:

${counsel.steps.map((step, index) => `${index + 1}. ${step}`).join("\n")}
`;
}

function keyRow({ id }: Rule, findingOf: (file: string) => Finding | undefined): readonly string[] {
  const file = sampleIndex.find(({ kind }) => kind === id)?.file;
  const finding = file === undefined ? undefined : findingOf(file);
  if (finding === undefined) return [];
  const aliases = finding.aliases.map((alias) => `\`${alias}\``).join(", ");
  return [`| \`${id}\` | \`${finding.incidentKey}\` | ${aliases} |`];
}

function anchor(id: string): string {
  return id.replace(/[^a-z0-9_-]/g, "");
}
