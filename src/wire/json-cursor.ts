/** How many bytes are read in one step, which takes some milliseconds. */
export const stepBytes = 256 * 1024

/** A position in the bytes of a JSON text, and the work that was done in the current step. */
export class JsonCursor {
  readonly bytes: Uint8Array
  at = 0
  #spent = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
    if (hasMark) this.at = 3
  }

  /** Counts work that does not end the step by itself. @param cost in bytes */
  note(cost: number): void {
    this.#spent += cost
  }

  /** Counts work. @returns whether this step has ended */
  spend(cost: number): boolean {
    this.#spent += cost
    if (this.#spent < stepBytes) return false
    this.#spent = 0
    return true
  }

  /** Returns the first byte of the next token, or undefined at the end. White space that fills the step is returned. */
  skipSpace(): number | undefined {
    for (;;) {
      const byte = this.bytes[this.at]
      if (!isSpace(byte) || this.#spent >= stepBytes) return byte
      this.at++
      this.#spent++
    }
  }
}

export function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}
