const MASK = "[secret]";

/**
 * A value that must never be seen: whatever prints, joins, serialises or inspects it gets a mask.
 * Only `reveal()`, called where the value is used, gives it back.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. Call it in the line that needs it and keep no copy. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  /** What console.log and util.inspect show. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return MASK;
  }
}
