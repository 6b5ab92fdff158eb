/** One server-sent event. */
export interface StreamEvent {
  readonly event?: string
  readonly data: string
}

/** Reads server-sent events as the standard says: any line end, comments, several lines of data. */
export class EventReader {
  // the bytes of a character may come in two reads
  readonly #decoder = new TextDecoder()
  #rest = ''
  #data: string[] = []
  #event: string | undefined

  push(bytes: Uint8Array): readonly StreamEvent[] {
    this.#rest += this.#decoder.decode(bytes, { stream: true })
    const lines = this.#rest.split(/\r\n|\n|\r(?!$)/)
    this.#rest = lines.pop() ?? ''
    return lines.flatMap((line) => this.#line(line))
  }

  #line(line: string): readonly StreamEvent[] {
    if (line === '') return this.#dispatch()
    const colon = line.indexOf(':')
    const name = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === 'data') this.#data.push(value)
    if (name === 'event') this.#event = value
    return []
  }

  #dispatch(): readonly StreamEvent[] {
    const [data, event] = [this.#data, this.#event]
    this.#data = []
    this.#event = undefined
    if (data.length === 0) return []
    return [{ data: data.join('\n'), ...(event !== undefined && { event }) }]
  }
}
