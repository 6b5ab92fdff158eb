/**
 * The ids of the calls of a conversation, as Anthropic accepts them: `^[a-zA-Z0-9_-]+$`, and none twice. Some services use other
 * characters, or begin to count again in each answer. Two calls never get the same id, and the same conversation always gets the
 * same ids. Anthropic, Messages, `tool_use.id`
 */
export class ToolIds {
  /** How often a call had each id. */
  readonly #counts = new Map<string, number>()

  ofCall(id: string): string {
    this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1)
    return this.ofResult(id)
  }

  /** Returns the id of the newest call that had this id. */
  ofResult(id: string): string {
    const count = this.#counts.get(id) ?? 1
    if (count === 1 && /^[a-zA-Z0-9_-]+$/.test(id)) return id
    const text = count === 1 ? id : `${id}\n${count}`
    return `toolu_${new Bun.CryptoHasher('sha256').update(text).digest('hex').slice(0, 24)}`
  }
}
