import type { Fields, Message, Part } from '../../chat/message.ts'
import { textOf } from '../../chat/message.ts'
import type { ChatRequest, Parameter } from '../../chat/request.ts'
import { names } from './decode-parameters.ts'
import { encodeRequest } from './encode-request.ts'

/** How a service that speaks almost this dialect differs from it, as data. */
export interface Deviations {
  /** Its own names of parameters. */
  readonly names: Readonly<Partial<Record<Parameter, string>>>
  /** Its own form of a tool call's id, made of a client's; the same for the same id. */
  readonly toolCallId?: (id: string) => string
  /** Whether content must be one string. */
  readonly isTextOnly?: boolean
}

/**
 * Writes a request for a service that refuses what it does not know: nothing of the client's own dialect stays but the
 * extra fields that its `Support` lets through.
 */
export function encodeStrictly(request: ChatRequest, deviations: Deviations): Fields {
  const plain: ChatRequest = {
    ...request,
    dialect: 'none',
    messages: request.messages.map((message) => adapt(message, deviations)),
  }
  const renamed = new Map<string, string>()
  for (const [parameter, name] of Object.entries(deviations.names)) {
    if (isParameter(parameter)) renamed.set(names[parameter], name)
  }
  const body = Object.entries(encodeRequest(plain)).map(([key, value]) => [renamed.get(key) ?? key, value])
  return { ...Object.fromEntries(body), ...request.extra }
}

function isParameter(name: string): name is Parameter {
  return name in names
}

function adapt(message: Message, deviations: Deviations): Message {
  const { toolCallId = (id) => id } = deviations
  const content = plainParts(message.content, deviations)
  switch (message.role) {
    case 'developer':
      return { ...message, role: 'system', content }
    case 'tool':
      return { ...message, content, toolCallId: toolCallId(message.toolCallId) }
    case 'assistant': {
      const toolCalls = message.toolCalls.map((call) => ({ ...call, id: toolCallId(call.id) }))
      return { ...message, content, toolCalls }
    }
    default:
      return { ...message, content }
  }
}

/** Without what was thought, and with a refusal as the text it was. */
function plainParts(parts: readonly Part[], { isTextOnly }: Deviations): Part[] {
  const plain = parts
    .filter(({ type }) => type !== 'reasoning')
    .map((part): Part => (part.type === 'refusal' ? { type: 'text', text: part.text } : part))
  return isTextOnly && plain.length > 0 ? [{ type: 'text', text: textOf(plain) }] : plain
}
