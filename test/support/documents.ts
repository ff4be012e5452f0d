import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

export const ROOT = join(import.meta.dirname, "..", "..");

export interface Fence {
  readonly document: string;
  readonly line: number;
  readonly language: string;
  readonly text: string;
  /** The golden that the block has to be equal to, by a comment above it. */
  readonly golden: string | undefined;
}

/** Every Markdown file of the repository that people read. */
export function documents(): readonly string[] {
  const top = readdirSync(ROOT).filter((name) => name.endsWith(".md"));
  const below = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name));
  return [...top, ...below].toSorted();
}

export function textOf(document: string): string {
  return readFileSync(join(ROOT, document), "utf8");
}

/** The fenced blocks of a document. */
export function fencesOf(document: string): readonly Fence[] {
  const fences: Fence[] = [];
  const lines = textOf(document).split("\n");
  for (let at = 0; at < lines.length; at++) {
    const opening = /^```(\w*)$/.exec(lines[at] as string);
    if (opening === null) continue;
    const end = lines.indexOf("```", at + 1);
    const golden = /^<!-- golden: (\S+) -->$/.exec(lines[at - 1] ?? "")?.[1];
    const text = lines.slice(at + 1, end).join("\n");
    fences.push({ document, line: at + 1, language: opening[1] as string, text, golden });
    at = end;
  }
  return fences;
}

/** Paths of the repository that a document names in links and in code; what has a placeholder in it is none. */
export function pathsIn(document: string): readonly string[] {
  const text = textOf(document);
  const prose = text.replace(/^```[\s\S]*?^```$/gm, "");
  const links = [...prose.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map((match) => match[1] as string);
  const linked = links
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => relative(ROOT, join(ROOT, document, "..", target)));
  const code = [...prose.matchAll(/`([^`\n]+)`/g)].map((match) => match[1] as string);
  const coded = code.filter((word) => /^(?:functions|shared|test|terraform|docs|\.ci)\/[\w./-]+$/.test(word));
  const schema = [...text.matchAll(/\$schema=(\S+)/g)].map((match) => match[1] as string);
  return [...new Set([...linked, ...coded, ...schema])];
}
