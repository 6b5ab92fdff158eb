/** Keeps the beginning and the end of a flow of bytes, as evidence. */
export class KeptBytes {
  readonly #most: number
  #first = Buffer.alloc(0)
  #last = Buffer.alloc(0)
  #count = 0

  /** @param most  how many bytes are kept at either end */
  constructor(most = 4096) {
    this.#most = most
  }

  get count(): number {
    return this.#count
  }

  push(bytes: Buffer): void {
    this.#count += bytes.length
    const room = this.#most - this.#first.length
    if (room > 0) this.#first = Buffer.concat([this.#first, bytes.subarray(0, room)])
    const rest = bytes.subarray(Math.max(0, room))
    if (rest.length > 0) this.#last = Buffer.concat([this.#last, rest.subarray(-this.#most)]).subarray(-this.#most)
  }

  text(): string {
    const left = this.#count - this.#first.length - this.#last.length
    const gap = left > 0 ? `\n… ${left} bytes …\n` : ''
    return this.#first.toString('utf8') + gap + this.#last.toString('utf8')
  }
}
