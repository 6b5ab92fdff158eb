import { ChatError } from '../../chat/error.ts'
import type { Fields, Message, Part } from '../../chat/message.ts'
import { textOf, withoutImages } from '../../chat/message.ts'
import { type ChatRequest, type Parameter, type Parameters, schemaOf, sentFields } from '../../chat/request.ts'
import { dialect } from './dialect.ts'
import { encodeMessage, encodeParameters } from './encode-request.ts'
import { showImagesOfResults } from './images-of-results.ts'

/** How a service that speaks almost this dialect differs from it, as data. */
export interface Deviations {
  /** Its own names of parameters. */
  readonly names: Readonly<Partial<Record<Parameter, string>>>
  /** Its own form of a tool call's id, made of a client's; the same for the same id. */
  readonly toolCallId?: (id: string) => string
  /** Whether content must be one string. */
  readonly isTextOnly?: boolean
  /** The roles whose messages may bear a `name`. */
  readonly namedRoles?: readonly Message['role'][]
  /** Fields beyond the dialect's that the last message may bear where it is the assistant's, to be continued. */
  readonly prefixFields?: readonly string[]
  /** Puts a conversation in an order that it takes. */
  readonly ordered?: (messages: readonly Message[]) => readonly Message[]
}

/**
 * Writes a request for a service that refuses what it does not know: nothing of the client's own dialect stays but the
 * extra fields that its `Support` lets through.
 * @throws ChatError `unsupported` for a tool, or a choice of one, that is no function
 */
export function encodeStrictly(request: ChatRequest, deviations: Deviations): Fields {
  const { ordered = (all) => all } = deviations
  const shown = deviations.isTextOnly ? request.messages.map(withoutImages) : showImagesOfResults(request.messages)
  const messages = ordered(shown.map((message) => adapt(message, deviations)).filter(saysSomething))
  const parameters = functionsOnly(request.parameters)
  return {
    model: request.model,
    ...encodeParameters({ ...request, parameters }, { own: deviations.names, isStrict: true }),
    messages: encodeMessages(messages, deviations),
    ...sentFields(request),
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

/** An answer of nothing but thoughts, which stay behind, is none: services refuse an assistant's message without content. */
function saysSomething(message: Message): boolean {
  return message.role !== 'assistant' || message.content.length > 0
}

/** Mistral requires a function's parameters: where a client leaves them out, OpenAI reads that as an empty list. */
function functionsOnly(parameters: Parameters): Parameters {
  const { tools, toolChoice } = parameters
  if (toolChoice?.type === 'foreign') throw notAFunction('tool_choice')
  if (!tools) return parameters
  return {
    ...parameters,
    tools: tools.map((tool, at) => {
      if (tool.type === 'foreign') throw notAFunction(`tools[${at}]`)
      return { ...tool, parameters: schemaOf(tool) }
    }),
  }
}

function notAFunction(param: string): ChatError {
  return new ChatError('unsupported', { message: `${param}: this upstream only knows functions.`, param })
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

/** Without what was thought, with a refusal as the text it was, and no list of nothing. */
function plainParts({ role, content }: Message, { isTextOnly }: Deviations): Part[] {
  const plain = content
    .filter(({ type }) => type !== 'reasoning' && type !== 'tool-call')
    .map((part): Part => (part.type === 'refusal' ? { type: 'text', text: part.text } : part))
  const calls = content.filter(({ type }) => type === 'tool-call')
  if (role === 'assistant' && textOf(plain) === '' && plain.every(({ type }) => type === 'text')) return calls
  const said: Part[] = isTextOnly || plain.length === 0 ? [{ type: 'text', text: textOf(plain) }] : plain
  return [...said, ...calls]
}
