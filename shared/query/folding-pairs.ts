/**
 * The first two bytes, in UTF-8, of every character beyond ASCII that folding turns into a character needles are made
 * of, or drops: full-width and circled letters, ligatures, the Kelvin sign, soft hyphens. By first byte, in hexadecimal;
 * a test works the table out anew from the Unicode data of the runtime.
 */
const PAIRS: Readonly<Record<string, string>> = {
  c2: "a0 a8 aa ad af b2 b3 b4 b8 b9 ba bc bd be",
  c3: "9f",
  c4: "b0 b2 b3 bf",
  c5: "80 89 bf",
  c7: "84 85 86 87 88 89 8a 8b 8c b0 b1 b2 b3",
  ca: "b0 b2 b3 b7 b8",
  cb: "98 99 9a 9b 9c 9d a1 a2 a3",
  cd: "8f ba",
  ce: "84 85",
  d8: "9c",
  e1: "85 9e a0 b4 b5 b6 ba be bf",
  e2: "80 81 82 84 85 86 91 92 93 b1",
  e3: "80 82 85 89 8a 8b 8d 8e 8f",
  ea: "9f",
  ef: "ac b1 b7 b8 b9 bb bc bd be bf",
  f0: "90 9b 9c 9d 9f",
  f3: "a0",
};

/** The byte pairs that a scanner takes for possible hits of every needle whose letter case is free. */
export function foldingPairs(): readonly (readonly [first: number, second: number])[] {
  return Object.entries(PAIRS).flatMap(([first, seconds]) =>
    seconds
      .split(" ")
      .map((second): readonly [number, number] => [Number.parseInt(first, 16), Number.parseInt(second, 16)]),
  );
}
