import { ChatError } from '../../chat/error.ts'
import { callsOf, type Fields, type Message, type Part } from '../../chat/message.ts'
import type { Support } from '../../chat/model.ts'
import type { ChatRequest, Parameters } from '../../chat/request.ts'

/** What langfast supports. Tools, pictures and other formats are not known to work: upstreams 3.4 */
export const support: Support = {
  parameters: {
    temperature: 'honoured',
    topP: 'honoured',
    maxTokens: 'mapped',
    frequencyPenalty: 'honoured',
    presencePenalty: 'honoured',
    responseFormat: 'mapped',
    choices: 'emulated',
  },
  parts: ['text', 'refusal', 'reasoning'],
  formats: ['text'],
}

/**
 * Encodes the `prompt_meta` of a run: what the site sends, with the client's own values. Upstreams 3.2
 * @throws ChatError `unsupported` for a history with tools
 */
export function encodePromptMeta({ model, messages, parameters }: ChatRequest): Fields {
  return {
    model,
    messages: messages.map(encodeMessage),
    ...(isReasoning(model) ? {} : samplingDefaults),
    ...sampling(parameters),
    max_completion_tokens: parameters.maxTokens ?? 16_384,
    response_format: 'text',
    stream: true,
  }
}

const samplingDefaults = { temperature: 0.7, top_p: 1, frequency_penalty: 0, presence_penalty: 0 }

/** Whether a model reasons. Such models refuse all sampling values but their own: OpenAI, reasoning models */
function isReasoning(model: string): boolean {
  return /^(o\d|gpt-5)/.test(model)
}

function sampling({ temperature, topP, frequencyPenalty, presencePenalty }: Parameters): Fields {
  return {
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { top_p: topP }),
    ...(frequencyPenalty !== undefined && { frequency_penalty: frequencyPenalty }),
    ...(presencePenalty !== undefined && { presence_penalty: presencePenalty }),
  }
}

function encodeMessage(message: Message, at: number): Fields {
  if (message.role === 'tool') throw unsupported(`messages[${at}].role`, 'the results of tools')
  if (callsOf(message).length > 0) throw unsupported(`messages[${at}].tool_calls`, 'calls of tools')
  const { role, content, name } = message
  return {
    role: role === 'developer' ? 'system' : role,
    content: content.map(wordsOf).join(''),
    ...(name !== undefined && { name }),
  }
}

/** The text of a part. A refusal is text of the answer too; reasoning is not. */
function wordsOf(part: Part): string {
  return part.type === 'text' || part.type === 'refusal' ? part.text : ''
}

function unsupported(param: string, what: string): ChatError {
  return new ChatError('unsupported', { message: `${param}: langfast does not support ${what}.`, param })
}
