import type { Fields } from '../../chat/message.ts'
import type { SentPrompt } from '../../chat/prompt.ts'

const dayMs = 86_400_000

/**
 * What a model reads of a body. The schema of the answer stands before the instructions. OpenAI, Prompt caching: "The schema serves as a
 * prefix to the system message"; `prompt_cache_retention: "24h"` asks for the longer life.
 */
export function promptIn(body: Fields): SentPrompt {
  const { prompt_cache_key: key, prompt_cache_retention: retention } = body
  return {
    members: [
      { name: 'response_format', value: body.response_format },
      { name: 'tools', value: body.tools },
      { name: 'functions', value: body.functions },
      { name: 'messages', value: body.messages },
    ],
    conversation: typeof key === 'string' && key !== '' ? key : undefined,
    cacheMs: retention === '24h' ? dayMs : undefined,
  }
}
