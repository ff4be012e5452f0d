import fc from "fast-check";

/** Decides a question of style while JSON is written: a number from 0 up to a limit. */
export type Choose = (limit: number) => number;

/** Choices that fast-check can repeat and shrink. */
export const choices: fc.Arbitrary<Choose> = fc.infiniteStream(fc.nat()).map((stream) => (limit) => {
  const next = stream.next();
  return next.done === true ? 0 : next.value % limit;
});

/**
 * Writes a value as any JSON writer might: keys in any order, white space anywhere, every character raw or escaped in
 * any way there is, numbers in any spelling.
 */
export function writeJson(value: unknown, choose: Choose): string {
  const blank = () => ["", "", "", " ", "\n", "\t", "\r\n"][choose(7)] ?? "";
  if (typeof value === "string") return `${blank()}${writeText(value, choose)}${blank()}`;
  if (typeof value === "number") return `${blank()}${writeNumber(value, choose)}${blank()}`;
  if (typeof value !== "object" || value === null) return `${blank()}${String(value)}${blank()}`;
  if (Array.isArray(value)) return `[${value.map((element) => writeJson(element, choose)).join(",")}${blank()}]`;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  const shuffled = members
    .map((member) => ({ member, rank: choose(1000) }))
    .sort((left, right) => left.rank - right.rank);
  const texts = shuffled.map(
    ({ member: [key, inner] }) => `${blank()}${writeText(key, choose)}${blank()}:${writeJson(inner, choose)}`,
  );
  return `{${texts.join(",")}${blank()}}`;
}

const SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "/": "\\/",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

function writeText(text: string, choose: Choose): string {
  // Some writers escape nothing they need not, some everything, some what takes their fancy.
  const often = [0, 0, 1, 4, 1000][choose(5)] ?? 0;
  let written = "";
  for (const point of text) {
    const mustEscape = point === '"' || point === "\\" || point < " " || /^[\ud800-\udfff]$/.test(point);
    if (!mustEscape && choose(1000) >= often * 100) written += point;
    else written += escapePoint(point, choose);
  }
  return `"${written}"`;
}

function escapePoint(point: string, choose: Choose): string {
  const short = SHORT[point];
  if (short !== undefined && choose(2) === 0) return short;
  let escaped = "";
  for (let index = 0; index < point.length; index++) {
    const digits = point.charCodeAt(index).toString(16).padStart(4, "0");
    escaped += `\\u${choose(2) === 0 ? digits : digits.toUpperCase()}`;
  }
  return escaped;
}

function writeNumber(number: number, choose: Choose): string {
  const text = JSON.stringify(number);
  if (!/^-?[1-9]\d*$/.test(text)) return text;
  return [text, `${text}.0`, `${text}e0`, `${text}0E-1`, `${text}.00e+0`][choose(5)] ?? text;
}
