/** An address or a range of addresses: the fixed bits in front, as a number. */
export interface Network {
  readonly version: 4 | 6;
  readonly bits: bigint;
  readonly prefix: number;
}

/** An IPv4 or IPv6 address, alone or with a prefix length in CIDR notation; undefined when it is neither. */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf("/");
  const address = slash === -1 ? text : text.slice(0, slash);
  const version = address.includes(":") ? 6 : 4;
  const value = version === 6 ? parseIpv6(address) : parseIpv4(address);
  if (value === undefined) return undefined;
  const length = version === 6 ? 128 : 32;
  const prefix = slash === -1 ? length : parsePrefix(text.slice(slash + 1), length);
  if (prefix === undefined) return undefined;
  return { version, prefix, bits: value >> BigInt(length - prefix) };
}

/** Whether the whole of one range lies in another; the two families never mix. */
export function isInside(inner: Network, outer: Network): boolean {
  if (inner.version !== outer.version || inner.prefix < outer.prefix) return false;
  return inner.bits >> BigInt(inner.prefix - outer.prefix) === outer.bits;
}

function parsePrefix(text: string, length: number): number | undefined {
  if (!/^(?:0|[1-9][0-9]{0,2})$/.test(text)) return undefined;
  const prefix = Number(text);
  return prefix <= length ? prefix : undefined;
}

function parseIpv4(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    if (!/^(?:0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256n + BigInt(part);
  }
  return value;
}

function parseIpv6(text: string): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "", halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? "", true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  return [...head, ...Array.from({ length: missing }, () => 0), ...tail].reduce(
    (value, group) => value * 65_536n + BigInt(group),
    0n,
  );
}

/** Groups of 16 bits; an IPv4 address may stand for the last two of the whole address. */
function parseGroups(text: string, atEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (atEnd && index === parts.length - 1 && part.includes(".")) {
      const value = parseIpv4(part);
      if (value === undefined) return undefined;
      groups.push(Number(value >> 16n), Number(value & 0xffffn));
    } else {
      if (!/^[0-9A-Fa-f]{1,4}$/.test(part)) return undefined;
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups;
}
