import { ChatError } from '../../chat/error.ts'
import type { Fields, Message, Part } from '../../chat/message.ts'
import { textOf, withoutImages } from '../../chat/message.ts'
import { type ChatRequest, type Parameter, type Parameters, schemaOf } from '../../chat/request.ts'
import { dialect } from './dialect.ts'
import { encodeMessage, encodeParameters } from './encode-request.ts'
import { moveImagesOfResults } from './images-of-results.ts'

/** How a service differs from this dialect, as data. */
export interface Deviations {
  /** Its own names of parameters. */
  readonly names: Readonly<Partial<Record<Parameter, string>>>
  /** Converts a client's tool call id to the service's form. Equal ids give equal results. */
  readonly toolCallId?: (id: string) => string
  /** Whether content must be one string. */
  readonly isTextOnly?: boolean
  /** The roles whose messages may have a `name`. */
  readonly namedRoles?: readonly Message['role'][]
  /** Extra fields that the last message may have if it is an assistant's message to be continued. */
  readonly prefixFields?: readonly string[]
  /** Puts the messages in an order that the service takes. */
  readonly ordered?: (messages: readonly Message[]) => readonly Message[]
}

/**
 * Writes a request for a service that refuses unknown fields. Of the client's own dialect it keeps only the extra fields
 * that the service's `Support` lists.
 * @throws ChatError `unsupported` for a tool or a tool choice that is not a function
 */
export function encodeStrictly(request: ChatRequest, deviations: Deviations): Fields {
  const { ordered = (all) => all } = deviations
  const shown = deviations.isTextOnly ? request.messages.map(withoutImages) : request.messages
  const adapted = shown.map((message) => adapt(message, deviations)).filter(hasContent)
  const messages = ordered(moveImagesOfResults(adapted))
  const parameters = requireFunctions(request.parameters)
  return {
    model: request.model,
    ...encodeParameters({ ...request, parameters }, { own: deviations.names, isStrict: true }),
    messages: encodeMessages(messages, deviations),
    ...request.extra[dialect],
  }
}

function encodeMessages(messages: readonly Message[], { prefixFields = [] }: Deviations): Fields[] {
  return messages.map((message, at) => {
    const isLast = at === messages.length - 1 && message.role === 'assistant'
    const kept = isLast
      ? Object.entries(message.extra?.[dialect] ?? {}).filter(([name]) => prefixFields.includes(name))
      : []
    return { ...encodeMessage(message, true), ...Object.fromEntries(kept) }
  })
}

/** Whether a message is left after its reasoning was removed. Services refuse an assistant's message without content. */
function hasContent(message: Message): boolean {
  return message.role !== 'assistant' || message.content.length > 0
}

/** Adds missing parameters to each function, because Mistral requires them. For OpenAI, missing parameters are an empty list. */
function requireFunctions(parameters: Parameters): Parameters {
  const { tools, toolChoice } = parameters
  if (toolChoice?.type === 'foreign') throw notAFunctionError('tool_choice')
  if (!tools) return parameters
  return {
    ...parameters,
    tools: tools.map((tool, at) => {
      if (tool.type === 'foreign') throw notAFunctionError(`tools[${at}]`)
      return { ...tool, parameters: schemaOf(tool) }
    }),
  }
}

function notAFunctionError(param: string): ChatError {
  return new ChatError('unsupported', {
    message: `${param}: this upstream supports only tools of the type "function".`,
    param,
  })
}

function adapt(message: Message, deviations: Deviations): Message {
  const { toolCallId = (id) => id, namedRoles = [] } = deviations
  const { name, ...others } = message
  const named = name !== undefined && namedRoles.includes(message.role) ? { name } : {}
  const content = plainParts(message, deviations)
  switch (others.role) {
    case 'developer':
      return { ...others, ...named, role: 'system', content }
    case 'tool':
      return { ...others, ...named, content, toolCallId: toolCallId(others.toolCallId) }
    case 'assistant':
      return {
        ...others,
        ...named,
        content: content.map((part) => (part.type === 'tool-call' ? { ...part, id: toolCallId(part.id) } : part)),
      }
    default:
      return { ...others, ...named, content }
  }
}

/** Removes reasoning, turns a refusal into a text, and avoids an empty list. */
function plainParts({ role, content }: Message, { isTextOnly }: Deviations): Part[] {
  const plain = content
    .filter(({ type }) => type !== 'reasoning' && type !== 'tool-call')
    .map((part): Part => (part.type === 'refusal' ? { type: 'text', text: part.text } : part))
  const calls = content.filter(({ type }) => type === 'tool-call')
  if (role === 'assistant' && textOf(plain) === '' && plain.every(({ type }) => type === 'text')) return calls
  const said: Part[] = isTextOnly || plain.length === 0 ? [{ type: 'text', text: textOf(plain) }] : plain
  return [...said, ...calls]
}
