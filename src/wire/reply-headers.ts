/** The headers of a reply; the platform's `Headers` have this form too. Names are given in small letters. */
export interface ReplyHeaders extends Iterable<[name: string, value: string]> {
  /** The value, or all values of a repeated header, with commas between them; null without the header. */
  get(name: string): string | null
  has(name: string): boolean
  getSetCookie(): string[]
}

/**
 * Headers that are searched when they are asked for, because hardly any of them ever is: making the platform's `Headers`
 * costs more than reading the rest of a small reply.
 */
export class HeaderLines implements ReplyHeaders {
  readonly #lines: string
  #inSmallLetters: string | undefined

  /** @param lines valid lines, each between CR LF and CR LF */
  constructor(lines: string) {
    this.#lines = lines
  }

  /** All lines in small letters, each between CR LF and CR LF. */
  get inSmallLetters(): string {
    this.#inSmallLetters ??= this.#lines.toLowerCase()
    return this.#inSmallLetters
  }

  /** All lines as they came, each between CR LF and CR LF. */
  get asTheyCame(): string {
    return this.#lines
  }

  get(name: string): string | null {
    const mark = `\r\n${name}:`
    const lower = this.inSmallLetters
    const at = lower.indexOf(mark)
    if (at === -1) return null
    const next = lower.indexOf(mark, at + mark.length)
    const value = this.#valueAt(at + mark.length)
    return next === -1 ? value : [value, ...this.#values(mark, next)].join(', ')
  }

  has(name: string): boolean {
    return this.inSmallLetters.includes(`\r\n${name}:`)
  }

  getSetCookie(): string[] {
    return this.#values('\r\nset-cookie:', 0)
  }

  [Symbol.iterator](): Iterator<[string, string]> {
    const lines = this.#lines.slice(2, -2).split('\r\n')
    const fields = lines.map((line): [string, string] => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon), line.slice(colon + 1)]
    })
    return new Headers(this.#lines === '\r\n' ? [] : fields)[Symbol.iterator]()
  }

  #values(mark: string, from: number): string[] {
    const found: string[] = []
    const lower = this.inSmallLetters
    for (let at = lower.indexOf(mark, from); at !== -1; at = lower.indexOf(mark, at + mark.length))
      found.push(this.#valueAt(at + mark.length))
    return found
  }

  #valueAt(start: number): string {
    return withoutBlanks(this.#lines, start, this.#lines.indexOf('\r\n', start))
  }
}

/** Trims without a pattern: `[\t ]+$` takes quadratic time, 13 seconds for 60 KiB of blanks. */
export function withoutBlanks(text: string, from = 0, to = text.length): string {
  let start = from
  let end = to
  while (start < end && isBlank(text, start)) start++
  while (start < end && isBlank(text, end - 1)) end--
  return text.slice(start, end)
}

export function isBlank(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code === 32 || code === 9
}
