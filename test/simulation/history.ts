/** Everything that can be seen of one night, in order, and a hash of it. */
export class History {
  readonly lines: string[] = []
  readonly #elapsed: () => number
  readonly #hash = new Bun.CryptoHasher('sha256')

  constructor(elapsed: () => number) {
    this.#elapsed = elapsed
  }

  add(who: string, what: string): void {
    const line = `${this.#elapsed().toFixed(3)} ${who} ${what}`
    this.lines.push(line)
    this.#hash.update(`${line}\n`)
  }

  /** The hash of all lines. It can be asked for once. */
  digest(): string {
    return this.#hash.digest('hex').slice(0, 24)
  }
}
