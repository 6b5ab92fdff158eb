import type { Support } from '../../chat/model.ts'
import { dialect as chatDialect } from '../../dialects/openai-chat/dialect.ts'
import { dialect } from '../../dialects/openai-responses/dialect.ts'
import { passed } from '../../dialects/openai-responses/encode-request.ts'

/** What the Responses API supports. It has no `stop`, `seed`, `n` and penalties. OpenAI, Responses API reference */
export const responsesSupport: Support = {
  parameters: {
    tools: 'honoured',
    toolChoice: 'honoured',
    parallelToolCalls: 'honoured',
    responseFormat: 'mapped',
    temperature: 'honoured',
    topP: 'honoured',
    maxTokens: 'mapped',
    reasoningEffort: 'mapped',
    logprobs: 'mapped',
    topLogprobs: 'honoured',
    user: 'honoured',
    metadata: 'honoured',
    serviceTier: 'honoured',
    choices: 'emulated',
  },
  names: { maxTokens: 'max_output_tokens', reasoningEffort: 'reasoning.effort', responseFormat: 'text.format' },
  extraOf: dialect,
  extraFields: { of: chatDialect, names: passed },
}
