import { ChatError } from '../../chat/error.ts'
import { type Part, withoutImages } from '../../chat/message.ts'
import { type ParameterTreatment, type Support, supportFor } from '../../chat/model.ts'
import {
  type ChatRequest,
  idleParameters,
  type Parameter,
  type Parameters,
  sentFields,
  type UnreadableField,
} from '../../chat/request.ts'
import type { Receipt, Treatment } from '../../flow/call.ts'
import type { Layer } from '../../flow/chat.ts'

/**
 * Hands an upstream only what it takes, and writes the receipt: what became of each parameter the client sent. What an
 * answer would be wrong without (tools, a response format, a picture) is refused, everything else is dropped.
 */
export function support(upstream: string, offered: Support): Layer {
  return (next) => (received, call) => {
    const taken = supportFor(offered, received.model)
    const asked = takesImages(taken) ? received : { ...received, messages: received.messages.map(withoutImages) }
    const unread = unreadOf(asked, taken)
    if (unread) throw new ChatError('unsupported', unread)
    const { request, changed } = withinValues(asked, taken)
    const missing = missingParameter(request, taken) ?? missingFunctions(request, taken) ?? missingPart(request, taken)
    if (missing) throw unsupported(missing, upstream)
    const idle = idleParameters(request.parameters).filter((name) => name in request.parameters)
    const dropped = new Set<string>([...untakenParameters(request, taken), ...untakenExtras(request, taken), ...idle])
    noteParameters(call.receipt, { request, taken, dropped, changed })
    if (dropped.size === 0) return next(request, call)
    const parameters: Parameters = without(request.parameters, dropped)
    const sent = request.sent && { sent: without(request.sent, dropped) }
    const extra = { ...request.extra, [request.dialect]: without(sentFields(request), dropped) }
    return next({ ...request, parameters, ...sent, extra }, call)
  }
}

function takesImages({ parts }: Support): boolean {
  return parts?.includes('image') ?? true
}

/** What the upstream cannot be asked with, since only the client's own dialect may know what it means. */
function unreadOf({ unread, dialect }: ChatRequest, { extraOf, parameters }: Support): UnreadableField | undefined {
  if (extraOf === dialect) return undefined
  return unread?.find(({ parameter }) => !parameter || parameter in parameters || needed.includes(parameter))
}

/** Parameters without which an answer would be wrong. */
const needed: readonly Parameter[] = ['tools', 'responseFormat']

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
  const { functions } = sentFields(request)
  const isAsked = Array.isArray(functions) && functions.length > 0
  return isAsked && untakenExtras(request, taken).includes('functions') ? 'functions' : undefined
}

/** The path of the first part that the upstream cannot see. */
function missingPart({ messages }: ChatRequest, { parts }: Support): string | undefined {
  if (!parts) return undefined
  for (const [at, { content }] of messages.entries()) {
    // thoughts and calls stand beside what a client sees as the content
    const listed = content.filter(({ type }) => type !== 'reasoning' && !isOfTools(type))
    const index = listed.findIndex(({ type }) => !parts.includes(type))
    if (index !== -1) return `messages[${at}].content[${index}]`
  }
  return undefined
}

/** Calls in a history are an upstream's to write, or to refuse, whatever content it takes. */
function isOfTools(type: Part['type']): boolean {
  return type === 'tool-call' || type === 'server-tool-call' || type === 'server-tool-result'
}

function unsupported(param: string, upstream: string): ChatError {
  const message = `${param}: the upstream "${upstream}" cannot do this. Leave it out, or choose a model of another upstream.`
  return new ChatError('unsupported', { message, param })
}

function untakenParameters({ parameters, sent }: ChatRequest, taken: Support): string[] {
  return Object.keys({ ...sent, ...parameters }).filter((key) => !(key in taken.parameters))
}

function untakenExtras(request: ChatRequest, { extraFields, extraOf, lacksFields }: Support): string[] {
  const isOwn = extraOf === request.dialect
  const isTaken = (name: string) => extraFields?.includes(name) ?? (isOwn && !lacksFields?.includes(name))
  return Object.keys(sentFields(request)).filter((name) => !isTaken(name))
}

interface Noted {
  readonly request: ChatRequest
  readonly taken: Support
  readonly dropped: ReadonlySet<string>
  /** The parameters whose values are others now. */
  readonly changed: ReadonlySet<string>
}

/** Only what the client sent is noted: what a panel filled in has no spelling. */
function noteParameters({ parameters: noted }: Receipt, { request, taken, dropped, changed }: Noted): void {
  for (const [parameter, name] of Object.entries(request.spelling)) {
    const treatment = Object.entries(taken.parameters).find(([key]) => key === parameter && !dropped.has(key))?.[1]
    const isOwnName = Object.entries(taken.names ?? {}).some(([key, own]) => key === parameter && own === name)
    noted.set(name, treatmentOf(treatment, { isOwnName, isChanged: changed.has(parameter) }))
  }
  for (const name of Object.keys(sentFields(request))) noted.set(name, dropped.has(name) ? 'dropped' : 'honoured')
}

/** What is sent under the client's own name for it, with its own value, is honoured, whatever becomes of others. */
function treatmentOf(
  taken: ParameterTreatment | undefined,
  { isOwnName, isChanged }: { readonly isOwnName: boolean; readonly isChanged: boolean },
): Treatment {
  if (!taken) return 'dropped'
  if (isChanged) return 'mapped'
  return isOwnName && taken === 'mapped' ? 'honoured' : taken
}

/** The request with the nearest value that the upstream takes in place of each that it does not. */
function withinValues(
  request: ChatRequest,
  { ranges, words }: Support,
): { request: ChatRequest; changed: Set<string> } {
  const changed = new Set<string>()
  if (!ranges && !words) return { request, changed }
  const parameters: Record<string, unknown> = { ...request.parameters }
  const change = (name: string, value: unknown) => {
    if (value === parameters[name]) return
    parameters[name] = value
    changed.add(name)
  }
  for (const [name, { min, max }] of Object.entries(ranges ?? {})) {
    const value = parameters[name]
    if (typeof value === 'number') change(name, Math.min(Math.max(value, min), max))
  }
  for (const [name, known] of Object.entries(words ?? {})) {
    const value = parameters[name]
    if (typeof value === 'string' && Object.hasOwn(known, value)) change(name, known[value])
  }
  return { request: changed.size > 0 ? { ...request, parameters } : request, changed }
}

function without<T extends object>(members: T, names: ReadonlySet<string>): Partial<T> {
  const kept: Partial<T> = { ...members }
  for (const name in kept) if (names.has(name)) delete kept[name]
  return kept
}
