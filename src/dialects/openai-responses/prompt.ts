import type { Fields } from '../../chat/message.ts'
import type { SentPrompt } from '../../chat/prompt.ts'

const dayMs = 86_400_000

/**
 * What a model reads of a body. OpenAI, Prompt caching
 * @param items  all items of the conversation
 * @param earlier  the number of those that an earlier response has
 */
export function promptIn(body: Fields, items: readonly unknown[], earlier: number): SentPrompt {
  const { tools, instructions, prompt_cache_key: key, prompt_cache_retention: retention } = body
  return {
    members: [
      { name: 'tools', value: tools },
      { name: 'instructions', value: instructions },
      { name: 'input', value: items, earlier },
    ],
    conversation: typeof key === 'string' && key !== '' ? key : undefined,
    cacheMs: retention === '24h' ? dayMs : undefined,
  }
}
