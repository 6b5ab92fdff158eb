/**
 * Returns an id of a call that Anthropic accepts: always the same for the same id, and never the same for two ids. Anthropic,
 * Messages, `tool_use.id`: `^[a-zA-Z0-9_-]+$`
 */
export function toolIdFor(id: string): string {
  if (/^[a-zA-Z0-9_-]+$/.test(id)) return id
  return `toolu_${new Bun.CryptoHasher('sha256').update(id).digest('hex').slice(0, 24)}`
}
