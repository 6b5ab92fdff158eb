import { ChatError } from '../../chat/error.ts'
import type { Fields, Message, Part } from '../../chat/message.ts'
import { callsOf, markedContent, textOf, withoutImages } from '../../chat/message.ts'
import type { Support } from '../../chat/model.ts'
import { type ChatRequest, type FunctionTool, type ResponseFormat, schemaOf } from '../../chat/request.ts'
import { dialect } from '../../dialects/openai-chat/dialect.ts'
import { moveImagesOfResults } from '../../dialects/openai-chat/images-of-results.ts'

/** What Cohere supports. Cohere, Chat v2 reference */
export const support: Support = {
  parameters: {
    tools: 'honoured',
    toolChoice: 'mapped',
    responseFormat: 'mapped',
    temperature: 'honoured',
    topP: 'mapped',
    maxTokens: 'mapped',
    stop: 'mapped',
    seed: 'honoured',
    frequencyPenalty: 'honoured',
    presencePenalty: 'honoured',
    reasoningEffort: 'mapped',
    choices: 'emulated',
  },
  ranges: { frequencyPenalty: { min: 0, max: 1 }, presencePenalty: { min: 0, max: 1 } },
  parts: ['text', 'image', 'reasoning', 'refusal'],
  formats: ['text', 'json', 'json-schema'],
  extraFields: {
    of: dialect,
    names: ['k', 'p', 'safety_mode', 'documents', 'citation_options', 'thinking', 'strict_tools', 'priority'],
  },
}

/**
 * Encodes the body of `POST /v2/chat`. A field of Cohere's that the client sent replaces a parameter that is mapped to
 * the same field.
 * @throws ChatError `unsupported` if Cohere does not accept a part of the request that the answer needs;
 *   `invalid-request` if the chosen tool is not among the tools
 */
export function encodeCohereRequest(request: ChatRequest): Fields {
  const { parameters } = request
  return {
    model: request.model,
    messages: moveImagesOfResults(request.messages.map(refuseImages)).map(encodeMessage).filter(hasContent),
    stream: true,
    ...present({
      temperature: parameters.temperature,
      // Cohere refuses 1, which OpenAI's clients send for "all": Cohere, Chat v2 reference
      p: parameters.topP !== undefined ? Math.min(Math.max(parameters.topP, 0.01), 0.99) : undefined,
      max_tokens: parameters.maxTokens,
      stop_sequences: parameters.stop,
      seed: parameters.seed,
      frequency_penalty: parameters.frequencyPenalty,
      presence_penalty: parameters.presencePenalty,
      response_format: parameters.responseFormat && encodeFormat(parameters.responseFormat),
      thinking: parameters.reasoningEffort && encodeThinking(parameters.reasoningEffort),
      ...encodeTools(request),
    }),
    ...request.extra[dialect],
  }
}

function present(members: Fields): Fields {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

/** Cohere only accepts images in a user's message. Those of a tool's result are moved into one, unless a notice can replace them. */
function refuseImages(message: Message, at: number): Message {
  if (message.role === 'user') return message
  const reduced = withoutImages(message)
  const index = message.role === 'tool' ? -1 : reduced.content.findIndex(({ type }) => type === 'image')
  if (index === -1) return reduced
  throw unsupported(`messages[${at}].content[${index}]`, 'pictures anywhere but in a user message')
}

function unsupported(param: string, what: string): ChatError {
  return new ChatError('unsupported', { message: `${param}: Cohere does not support ${what}.`, param })
}

function encodeMessage(message: Message): Fields {
  switch (message.role) {
    case 'system':
    case 'developer':
      return { role: 'system', content: textOf(message.content) }
    case 'user':
      return { role: 'user', content: encodeContent(message.content) }
    case 'tool':
      return { role: 'tool', tool_call_id: message.toolCallId, content: textOf(markedContent(message)) }
    case 'assistant': {
      const plan = message.content.map((part) => (part.type === 'reasoning' ? part.text : '')).join('')
      const content = message.content
        .map((part) => (part.type === 'text' || part.type === 'refusal' ? part.text : ''))
        .join('')
      const calls = callsOf(message)
      if (calls.length === 0) return { role: 'assistant', content }
      return {
        role: 'assistant',
        ...(content && { content }),
        // the client got the plan of these calls as reasoning, and sends it back as reasoning
        ...(plan && { tool_plan: plan }),
        tool_calls: calls.map((call) => ({
          id: call.id,
          type: 'function',
          function: { name: call.name, arguments: call.arguments || '{}' },
        })),
      }
    }
  }
}

/**
 * Whether a message has content. An answer that broke off before its first word stays in a client's history as an
 * empty message, which Cohere refuses.
 */
function hasContent({ role, content, tool_calls: calls }: Fields): boolean {
  return role !== 'assistant' || content !== '' || calls !== undefined
}

function encodeContent(parts: readonly Part[]): string | Fields[] {
  if (parts.every((part) => part.type === 'text')) return textOf(parts)
  return parts.flatMap((part): Fields[] => {
    if (part.type === 'text') return part.text === '' ? [] : [{ type: 'text', text: part.text }]
    if (part.type !== 'image') return []
    return [{ type: 'image_url', image_url: { url: part.url, ...(part.detail && { detail: part.detail }) } }]
  })
}

/** Encodes the response format. A schema is sent with `json_object`, because Cohere has no type for schemas. */
function encodeFormat(format: ResponseFormat): Fields | undefined {
  if (format.type === 'json') return { type: 'json_object' }
  if (format.type === 'json-schema')
    return { type: 'json_object', ...(format.schema && { json_schema: format.schema }) }
  return undefined
}

function encodeThinking(effort: string): Fields {
  return { type: effort === 'none' ? 'disabled' : 'enabled' }
}

/** Encodes the tools. Cohere's `tool_choice` cannot name a tool. If the client chose one, only that one is offered. */
function encodeTools({ parameters: { tools = [], toolChoice }, spelling }: ChatRequest): Fields {
  const functions = tools.filter((tool) => tool.type === 'function')
  if (functions.length < tools.length) throw unsupported(spelling.tools ?? 'tools', 'tools that are not functions')
  if (functions.length === 0) return {}
  const choice = spelling.toolChoice ?? 'tool_choice'
  if (toolChoice?.type === 'foreign') throw unsupported(choice, 'a choice of this kind')
  if (toolChoice?.type !== 'function')
    return { tools: functions.map(encodeTool), tool_choice: encodeChoice(toolChoice?.type) }
  const named = functions.filter(({ name }) => name === toolChoice.name)
  if (named.length > 0) return { tools: named.map(encodeTool), tool_choice: 'REQUIRED' }
  throw new ChatError('invalid-request', { message: `${choice} names a tool that is not in tools.`, param: choice })
}

function encodeTool(tool: FunctionTool): Fields {
  const { name, description } = tool
  return { type: 'function', function: { name, ...(description && { description }), parameters: schemaOf(tool) } }
}

function encodeChoice(choice: 'auto' | 'none' | 'required' | undefined): 'NONE' | 'REQUIRED' | undefined {
  if (choice === 'none') return 'NONE'
  return choice === 'required' ? 'REQUIRED' : undefined
}
