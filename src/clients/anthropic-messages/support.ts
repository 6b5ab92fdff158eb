import type { Support } from '../../chat/model.ts'
import { dialect } from '../../dialects/anthropic-messages/dialect.ts'

/** What the Messages API supports. Anthropic, Messages */
export const messagesSupport: Support = {
  parameters: {
    tools: 'honoured',
    toolChoice: 'mapped',
    parallelToolCalls: 'mapped',
    responseFormat: 'mapped',
    temperature: 'honoured',
    topP: 'honoured',
    maxTokens: 'mapped',
    stop: 'mapped',
    reasoningEffort: 'mapped',
    user: 'mapped',
    serviceTier: 'honoured',
    choices: 'emulated',
  },
  ranges: { temperature: { min: 0, max: 1 } },
  words: { serviceTier: { default: 'standard_only', flex: 'auto', priority: 'auto', scale: 'auto' } },
  names: {
    maxTokens: 'max_tokens',
    reasoningEffort: 'output_config.effort',
    stop: 'stop_sequences',
    toolChoice: 'tool_choice',
    parallelToolCalls: 'tool_choice.disable_parallel_tool_use',
    responseFormat: 'output_config.format',
    user: 'metadata.user_id',
  },
  parts: ['text', 'image', 'file', 'reasoning', 'refusal', 'foreign'],
  formats: ['text', 'json', 'json-schema'],
  extraOf: dialect,
  takesOwn: true,
}
