import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { ProcessingError } from "../errors.ts";
import { isGzip, type Reading, readValue } from "./envelope.ts";
import { MAX_VALUE_BYTES } from "./json.ts";

/**
 * Every log entry in a file or stream of any size: NDJSON, JSON arrays (as `gcloud logging read` prints them), objects
 * printed over several lines, in any sequence; plain or gzip. Memory is bounded by the largest single value. Never
 * throws for what is in the stream: damaged parts are Readings with an error, and reading goes on behind them.
 */
export async function* readStream(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Reading> {
  const cutter = new ValueCutter();
  try {
    for await (const chunk of await unzipped(chunks)) yield* cutter.push(chunk);
  } catch (error) {
    yield* cutter.end();
    if (!isZlibError(error)) throw error;
    yield {
      error: new ProcessingError("ENVELOPE_BAD_GZIP", "the gzip data is cut off or damaged"),
      place: `line ${cutter.line}`,
    };
    return;
  }
  yield* cutter.end();
  if (cutter.isEmpty) yield { error: new ProcessingError("ENVELOPE_EMPTY", "there is nothing to read"), place: "" };
}

async function unzipped(chunks: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const source = chunks[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array(0);
  while (head.length < 3) {
    const next = await source.next();
    if (next.done) break;
    head = Buffer.concat([head, next.value]);
  }
  async function* whole(): AsyncGenerator<Uint8Array> {
    if (head.length > 0) yield head;
    for (let next = await source.next(); !next.done; next = await source.next()) yield next.value;
  }
  // pipeline's error handling by hand: an error of the source has to end the unzipping too.
  if (!isGzip(head)) return whole();
  const gunzip = createGunzip();
  const input = Readable.from(whole());
  input.on("error", (error) => gunzip.destroy(error));
  return input.pipe(gunzip);
}

function isZlibError(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return typeof code === "string" && code.startsWith("Z_");
}

const NEWLINE = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;

/**
 * Cuts a stream of bytes into JSON values. Where a line holds a whole value (NDJSON) lines are cut without looking at
 * them; a line that is only `{`, or starts an array, opens a block that ends where its brackets are balanced.
 */
class ValueCutter {
  /** The line that the next byte stands in, counted from 1. */
  line = 1;
  isEmpty = true;
  #pending: Buffer = Buffer.alloc(0);
  #block: Block | undefined;
  /** Set while the rest of a line that is too long is passed over. */
  #skipping = false;

  *push(chunk: Uint8Array): Generator<Reading> {
    const bytes = this.#pending.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#pending, chunk]);
    let start = 0;
    for (;;) {
      const end = bytes.indexOf(NEWLINE, start);
      if (end === -1) break;
      if (this.#skipping) this.#skipping = false;
      else yield* this.#takeLine(bytes.subarray(start, end));
      this.line++;
      start = end + 1;
    }
    this.#pending = bytes.subarray(start);
    // A compact array may be one endless line: its values are cut out of it as they come.
    while (!this.#skipping && (this.#block?.isArray ?? firstByte(this.#pending) === OPEN_BRACKET)) {
      this.#block ??= new Block(this.line, true);
      this.#pending = (yield* this.#takePart(this.#pending)) ?? Buffer.alloc(0);
      if (this.#block !== undefined) break;
    }
    if (this.#pending.length > MAX_VALUE_BYTES) {
      if (!this.#skipping) yield tooLarge(this.line);
      this.#skipping = true;
      this.#pending = Buffer.alloc(0);
    }
  }

  *end(): Generator<Reading> {
    if (this.#pending.length > 0 && !this.#skipping) yield* this.#takeLine(this.#pending);
    this.#pending = Buffer.alloc(0);
    const block = this.#block;
    this.#block = undefined;
    if (block !== undefined) yield* this.#unfinished(block);
  }

  *#takeLine(line: Buffer): Generator<Reading> {
    let rest: Buffer | undefined = line;
    while (rest !== undefined) {
      const first = firstByte(rest);
      if (this.#block === undefined) {
        if (first === undefined) return;
        this.isEmpty = false;
        if (first !== OPEN_BRACKET && !(first === OPEN_BRACE && isAlone(rest))) {
          yield* readValue(rest, `line ${this.line}`);
          return;
        }
        this.#block = new Block(this.line, first === OPEN_BRACKET);
      }
      rest = yield* this.#takePart(Buffer.concat([rest, Buffer.of(NEWLINE)]));
    }
  }

  /** Hands the part to the open block; what stands behind the block's end is given back. */
  *#takePart(part: Buffer): Generator<Reading, Buffer | undefined> {
    this.isEmpty = false;
    const rest = yield* (this.#block as Block).take(part, this.line);
    if (rest !== undefined) this.#block = undefined;
    return rest;
  }

  /** A block without its end may be one damaged line with good ones behind it: whatever is an entry there is kept. */
  *#unfinished(block: Block): Generator<Reading> {
    yield {
      error: new ProcessingError("ENVELOPE_NOT_JSON", "the input ends inside a value"),
      place: `line ${block.valueLine}`,
    };
    for (const [index, line] of block.lines.slice(1).entries()) {
      if (firstByte(line) !== OPEN_BRACE || isAlone(line)) continue;
      for (const reading of readValue(line, `line ${block.valueLine + index + 1}`)) {
        if ("entry" in reading) yield reading;
      }
    }
  }
}

/** An object over several lines, or an array whose elements are cut out one by one. */
class Block {
  readonly isArray: boolean;
  /** The line that the current value began in. */
  valueLine: number;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #hasBegun = false;
  #parts: Buffer[] = [];
  #size = 0;

  constructor(startLine: number, isArray: boolean) {
    this.valueLine = startLine;
    this.isArray = isArray;
  }

  /** The lines of the current value so far. */
  get lines(): readonly Buffer[] {
    const text = Buffer.concat(this.#parts);
    const lines: Buffer[] = [];
    for (let start = 0; start < text.length; ) {
      const end = text.indexOf(NEWLINE, start);
      lines.push(text.subarray(start, end === -1 ? text.length : end));
      start = end === -1 ? text.length : end + 1;
    }
    return lines;
  }

  /** Takes the part in; returns the bytes behind the block's end when it ended in this part. */
  *take(part: Buffer, line: number): Generator<Reading, Buffer | undefined> {
    let start = 0;
    for (let at = 0; at < part.length; at++) {
      const byte = part[at] as number;
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inString = false;
        continue;
      }
      if (byte === OPEN_BRACKET && this.isArray && this.#depth === 0) {
        this.#depth = 1;
        start = at + 1;
        continue;
      }
      if (!this.#hasBegun && !isSpace(byte)) {
        this.#hasBegun = true;
        this.valueLine = line;
      }
      if (byte === QUOTE) {
        this.#inString = true;
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        this.#depth++;
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        if (--this.#depth > 0) continue;
        yield* this.#cut(part.subarray(start, this.isArray ? at : at + 1));
        return part.subarray(at + 1);
      } else if (byte === COMMA && this.isArray && this.#depth === 1) {
        yield* this.#cut(part.subarray(start, at));
        start = at + 1;
      }
    }
    this.#keep(part.subarray(start));
    return undefined;
  }

  /** Beyond the limit only the size is kept: the value is refused when its end is found. */
  #keep(part: Buffer): void {
    this.#size += part.length;
    if (this.#size <= MAX_VALUE_BYTES && part.length > 0) this.#parts.push(Buffer.from(part));
  }

  *#cut(part: Buffer): Generator<Reading> {
    this.#keep(part);
    const value = Buffer.concat(this.#parts);
    const size = this.#size;
    this.#parts = [];
    this.#size = 0;
    this.#hasBegun = false;
    if (size > MAX_VALUE_BYTES) yield tooLarge(this.valueLine);
    else if (firstByte(value) !== undefined) yield* readValue(value, `line ${this.valueLine}`);
  }
}

function tooLarge(line: number): Reading {
  return {
    error: new ProcessingError("ENVELOPE_TOO_LARGE", `one JSON value may have ${MAX_VALUE_BYTES} bytes at most`),
    place: `line ${line}`,
  };
}

/** The first byte that is neither white space nor part of a byte order mark. */
function firstByte(bytes: Uint8Array): number | undefined {
  const start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (!isSpace(byte)) return byte;
  }
  return undefined;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === NEWLINE;
}

/** Whether the line is one bracket and nothing else: how every pretty-printer begins an object. */
function isAlone(line: Buffer): boolean {
  return (
    line
      .toString("latin1")
      .replace(/^\u00ef\u00bb\u00bf/, "")
      .trim().length === 1
  );
}
