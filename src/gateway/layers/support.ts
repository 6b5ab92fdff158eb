import type { Receipt, Treatment } from '../../chat/call.ts'
import type { Layer } from '../../chat/chat.ts'
import { ChatError } from '../../chat/error.ts'
import type { Support } from '../../chat/model.ts'
import type { ChatRequest, Parameter, Parameters } from '../../chat/request.ts'

/**
 * Hands an upstream only what it takes, and writes the receipt: what became of each parameter the client sent. What an
 * answer would be wrong without (tools, a response format, a picture) is refused, everything else is dropped.
 */
export function support(upstream: string, taken: Support): Layer {
  return (next) => (request, call) => {
    const missing = missingParameter(request, taken) ?? missingFunctions(request, taken) ?? missingPart(request, taken)
    if (missing) throw unsupported(missing, upstream)
    const dropped = new Set<string>([...untakenParameters(request, taken), ...untakenExtras(request, taken)])
    noteParameters(call.receipt, { request, taken, dropped })
    if (dropped.size === 0) return next(request, call)
    const parameters: Parameters = without(request.parameters, dropped)
    return next({ ...request, parameters, extra: without(request.extra, dropped) }, call)
  }
}

/** The client's name of a parameter that cannot be left out and is not taken. */
function missingParameter({ parameters, spelling }: ChatRequest, taken: Support): string | undefined {
  const { tools, responseFormat: format } = parameters
  if (tools?.length && !taken.parameters.tools) return spelling.tools ?? 'tools'
  if (!format || format.type === 'text') return undefined
  const isTaken = taken.parameters.responseFormat && (taken.formats?.includes(format.type) ?? true)
  return isTaken ? undefined : (spelling.responseFormat ?? 'response_format')
}

/** Tools under the name they had before, which only their own dialect knows: OpenAI, `functions` (deprecated) */
function missingFunctions(request: ChatRequest, taken: Support): string | undefined {
  const { functions } = request.extra
  const isAsked = Array.isArray(functions) && functions.length > 0
  return isAsked && untakenExtras(request, taken).includes('functions') ? 'functions' : undefined
}

/** The path of the first part that the upstream cannot see. */
function missingPart({ messages }: ChatRequest, { parts }: Support): string | undefined {
  if (!parts) return undefined
  for (const [at, { content }] of messages.entries()) {
    const index = content.findIndex(({ type }) => !parts.includes(type))
    if (index !== -1) return `messages[${at}].content[${index}]`
  }
  return undefined
}

function unsupported(param: string, upstream: string): ChatError {
  const message = `${param}: the upstream "${upstream}" cannot do this. Leave it out, or choose a model of another upstream.`
  return new ChatError('unsupported', { message, param })
}

function untakenParameters({ parameters }: ChatRequest, taken: Support): Parameter[] {
  return Object.keys(parameters).filter((key): key is Parameter => key in parameters && !(key in taken.parameters))
}

function untakenExtras({ dialect, extra }: ChatRequest, { extraFields, extraOf }: Support): string[] {
  return Object.keys(extra).filter((name) => !(extraFields?.includes(name) ?? extraOf === dialect))
}

interface Noted {
  readonly request: ChatRequest
  readonly taken: Support
  readonly dropped: ReadonlySet<string>
}

/** Only what the client sent is noted: what a panel filled in has no spelling. */
function noteParameters({ parameters: noted }: Receipt, { request, taken, dropped }: Noted): void {
  for (const [parameter, name] of Object.entries(request.spelling)) {
    const treatment: Treatment = Object.entries(taken.parameters).find(([key]) => key === parameter)?.[1] ?? 'dropped'
    noted.set(name, treatment)
  }
  for (const name of Object.keys(request.extra)) noted.set(name, dropped.has(name) ? 'dropped' : 'honoured')
}

function without<T extends object>(members: T, names: ReadonlySet<string>): Partial<T> {
  const kept: Partial<T> = { ...members }
  for (const name in kept) if (names.has(name)) delete kept[name]
  return kept
}
