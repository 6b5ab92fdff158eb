/** Follows the code fences of a text, line by line. Within them nothing is a call. */
export class ProseFence {
  #fence = ''

  get isOpen(): boolean {
    return this.#fence !== ''
  }

  /**
   * Reads the beginning of a line, as it is before a fence is opened.
   * @returns `closed` if it closes the fence, `more` if that cannot be told yet
   */
  read(line: string): 'closed' | 'more' | undefined {
    const sign = line[0]
    if (sign !== '`' && sign !== '~') return undefined
    let length = 1
    while (line[length] === sign) length++
    if (length === line.length && length < maxFence) return 'more'
    if (!this.isOpen || sign !== this.#fence[0] || length < this.#fence.length) return undefined
    if (!/\s/.test(line[length] ?? '\n')) return undefined
    this.#fence = ''
    return 'closed'
  }

  /** Opens a fence if this line begins one. */
  open(line: string): void {
    const [fence] = /^(`{3,}|~{3,})(?![`~])/.exec(line) ?? []
    if (fence !== undefined && !/^`{3,}[\w-]{0,20}`/.test(line)) this.#fence = fence
  }

  /** Follows the fences of whole lines. */
  readAll(text: string): void {
    for (const line of text.split('\n')) {
      const visible = line.trimStart()
      if (this.read(`${visible}\n`) !== 'closed' && !this.isOpen) this.open(visible)
    }
  }
}

/** Characters of a fence. */
const maxFence = 40
