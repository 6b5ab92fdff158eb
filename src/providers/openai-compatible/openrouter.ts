import type { Fields } from '../../chat/message.ts'
import type { Wishes } from '../../chat/wishes.ts'

/** Whether this is OpenRouter, or a proxy in front of it. */
export function isOpenrouter(name: string, url: string): boolean {
  return name === 'openrouter' || /\bopenrouter\b/.test(url)
}

/**
 * Returns the client's `provider` for OpenRouter, if it sent one. The upstream's own name, which means nothing there, is left out of its lists.
 * OpenRouter, Provider Routing
 */
export function providerFields(name: string, { wishes }: { readonly wishes?: Wishes }): Fields | undefined {
  const sent = wishes?.provider?.sent
  if (!sent) return undefined
  const members = Object.entries(sent).flatMap(([member, value]) => {
    if (!Array.isArray(value) || !value.includes(name)) return [[member, value] as const]
    const others = value.filter((one) => one !== name)
    return others.length > 0 ? [[member, others] as const] : []
  })
  return { provider: Object.fromEntries(members) }
}
