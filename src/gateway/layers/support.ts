import { ChatError } from '../../chat/error.ts'
import { type Part, withoutImages } from '../../chat/message.ts'
import { type AskedModel, type ParameterTreatment, type Support, supportFor } from '../../chat/model.ts'
import {
  type ChatRequest,
  idleParameters,
  type OfferedTool,
  type Parameter,
  type Parameters,
  sentFields,
  type UnreadableField,
} from '../../chat/request.ts'
import { excerpt } from '../../chat/secret.ts'
import type { Receipt, Treatment } from '../../flow/call.ts'
import type { Layer } from '../../flow/chat.ts'

/**
 * Sends an upstream only what it supports, and notes in the receipt what happened to each parameter of the client. If
 * an answer would be wrong without something (tools, a response format, a picture), the request is refused; anything
 * else is dropped.
 * @param remedy what the operator can do for an upstream without tools or formats
 */
export function support(upstream: string, offered: Support, remedy = ''): Layer {
  const supports = new ModelSupports(offered)
  return (next) => (received, call) => {
    const prepared = supports.of(received)
    const { supported } = prepared
    if (isTakenWhole(received, prepared)) {
      noteParameters(call.receipt, { request: received, prepared, dropped: none, changed: none })
      return next(received, call)
    }
    const reduced = takesImages(supported) ? received : { ...received, messages: received.messages.map(withoutImages) }
    const unread = unreadableFor(reduced, supported)
    if (unread) throw new ChatError('unsupported', unread)
    const { request, changed } = limitValues(reduced, supported)
    const foreign = foreignTools(request, supported)
    if (foreign) throw unknownTools(foreign, request, upstream)
    const missing =
      missingParameter(request, supported) ??
      missingChoice(request, supported) ??
      missingFunctions(request, supported) ??
      missingPart(request, supported)
    if (missing) throw unsupported(missing, upstream, isEmulable(missing, request) ? remedy : '')
    const idle = idleParameters(request.parameters).filter((name) => name in request.parameters)
    const dropped = new Set<string>([
      ...unsupportedParameters(request, supported),
      ...unsupportedExtras(request, supported),
      ...idle,
    ])
    noteParameters(call.receipt, { request, prepared, dropped, changed })
    if (dropped.size === 0) return next(request, call)
    const parameters: Parameters = without(request.parameters, dropped)
    const sent = request.sent && { sent: without(request.sent, dropped) }
    const extra = { ...request.extra, [request.dialect]: without(sentFields(request), dropped) }
    return next({ ...request, parameters, ...sent, extra }, call)
  }
}

const none: ReadonlySet<string> = new Set()

/** What a model supports, and the same facts by name. */
interface PreparedSupport {
  readonly supported: Support
  readonly treatments: ReadonlyMap<string, ParameterTreatment>
  readonly names: ReadonlyMap<string, string>
}

/** Limit for the models whose support is kept. Clients choose the names. */
const maxModels = 1_000

/** What each model of one upstream supports. */
class ModelSupports {
  readonly #offered: Support
  readonly #usual: PreparedSupport
  readonly #byModel = new Map<string, PreparedSupport>()
  /** For its other APIs. */
  readonly #others = new Map<Support, ModelSupports>()

  constructor(offered: Support) {
    this.#offered = offered
    this.#usual = prepare(offered)
  }

  of(request: AskedModel): PreparedSupport {
    const other = this.#offered.instead?.(request)
    return other ? this.#otherOf(other).of(request) : this.#ofModel(request.model)
  }

  #otherOf(other: Support): ModelSupports {
    const known = this.#others.get(other) ?? new ModelSupports(other)
    this.#others.set(other, known)
    return known
  }

  #ofModel(model: string): PreparedSupport {
    if (!this.#offered.exceptions) return this.#usual
    const known = this.#byModel.get(model)
    if (known) return known
    const supported = supportFor(this.#offered, model)
    const prepared = supported === this.#offered ? this.#usual : prepare(supported)
    if (this.#byModel.size >= maxModels) this.#byModel.clear()
    this.#byModel.set(model, prepared)
    return prepared
  }
}

function prepare(supported: Support): PreparedSupport {
  const { parameters, names = {} } = supported
  return { supported, treatments: new Map(Object.entries(parameters)), names: new Map(Object.entries(names)) }
}

/** Whether a request can be sent as it is. False for a request that needs a closer look. */
function isTakenWhole(request: ChatRequest, { supported, treatments }: PreparedSupport): boolean {
  const { parameters, sent, unread, dialect } = request
  const { parts, ranges, words, formats, extraOf, extraFields, lacksFields, takesOwn } = supported
  if (takesOwn && extraOf === dialect) return true
  if (parts || sent || unread) return false
  for (const name in parameters) if (ranges || words || !treatments.has(name)) return false
  if (parameters.toolChoice?.type === 'foreign' && extraOf !== dialect) return false
  if (parameters.tools?.length === 0 || (formats && parameters.responseFormat)) return false
  if (extraOf !== dialect && parameters.tools && hasOnlyForeign(parameters.tools)) return false
  const takesEveryField = extraOf === dialect && !extraFields && !lacksFields
  return takesEveryField || Object.keys(sentFields(request)).length === 0
}

function takesImages({ parts }: Support): boolean {
  return parts?.includes('image') ?? true
}

/** The first field that this upstream cannot get, because only the client's own dialect may know its meaning. */
function unreadableFor(
  { unread, dialect }: ChatRequest,
  { extraOf, parameters }: Support,
): UnreadableField | undefined {
  if (extraOf === dialect) return undefined
  return unread?.find(({ parameter }) => !parameter || parameter in parameters || needed.includes(parameter))
}

/** Parameters without which an answer would be wrong. */
const needed: readonly Parameter[] = ['tools', 'responseFormat']

/** The client's name of a necessary parameter that the upstream does not support. */
function missingParameter({ parameters, spelling }: ChatRequest, supported: Support): string | undefined {
  const { tools, responseFormat: format } = parameters
  if (tools?.length && !supported.parameters.tools) return spelling.tools ?? 'tools'
  if (!format || format.type === 'text') return undefined
  const isTaken = supported.parameters.responseFormat && (supported.formats?.includes(format.type) ?? true)
  return isTaken ? undefined : (spelling.responseFormat ?? 'response_format')
}

/** The types of the tools, if only an upstream of the client's dialect can offer them. Another one would answer as if there were none. */
function foreignTools({ dialect, parameters }: ChatRequest, { extraOf }: Support): readonly string[] | undefined {
  const { tools = [] } = parameters
  if (extraOf === dialect || tools.length === 0 || !hasOnlyForeign(tools)) return undefined
  return tools.map(({ name }) => name)
}

function unknownTools(types: readonly string[], { spelling }: ChatRequest, upstream: string): ChatError {
  const param = spelling.tools ?? 'tools'
  const named = excerpt(types.join(', '), 200)
  const message = `${param}: the upstream "${upstream}" has no tool of the type ${named}. Leave it out, or choose a model of another upstream.`
  return new ChatError('unsupported', { message, param })
}

function hasOnlyForeign(tools: readonly OfferedTool[]): boolean {
  return tools.every(({ type }) => type === 'foreign')
}

/** The client's name of its choice among tools, if only an upstream of another dialect can make it. */
function missingChoice(
  { parameters: { toolChoice }, spelling }: ChatRequest,
  { extraOf }: Support,
): string | undefined {
  if (toolChoice?.type !== 'foreign' || extraOf === undefined || toolChoice.extra[extraOf]) return undefined
  return spelling.toolChoice ?? 'tool_choice'
}

/** Finds tools under their older name, which only OpenAI's dialect knows: OpenAI, `functions` (deprecated) */
function missingFunctions(request: ChatRequest, supported: Support): string | undefined {
  const { functions } = sentFields(request)
  const isAsked = Array.isArray(functions) && functions.length > 0
  return isAsked && unsupportedExtras(request, supported).includes('functions') ? 'functions' : undefined
}

/** The path of the first part that the upstream does not support. */
function missingPart({ messages }: ChatRequest, { parts }: Support): string | undefined {
  if (!parts) return undefined
  for (const [at, { content }] of messages.entries()) {
    // a client does not count reasoning and calls as parts of the content
    const listed = content.filter(({ type }) => type !== 'reasoning' && !isOfTools(type))
    const index = listed.findIndex(({ type }) => !parts.includes(type))
    if (index !== -1) return `messages[${at}].content[${index}]`
  }
  return undefined
}

/** Whether a part belongs to a tool call. The upstream's adapter encodes or refuses those itself. */
function isOfTools(type: Part['type']): boolean {
  return type === 'tool-call' || type === 'server-tool-call' || type === 'server-tool-result'
}

function isEmulable(param: string, { spelling }: ChatRequest): boolean {
  return param === spelling.tools || param === spelling.responseFormat
}

function unsupported(param: string, upstream: string, remedy: string): ChatError {
  const message = `${param}: the upstream "${upstream}" does not support this. Leave it out, or choose a model of another upstream.${remedy}`
  return new ChatError('unsupported', { message, param })
}

function unsupportedParameters({ parameters, sent }: ChatRequest, supported: Support): string[] {
  return Object.keys({ ...sent, ...parameters }).filter((key) => !(key in supported.parameters))
}

function unsupportedExtras(request: ChatRequest, { extraFields, extraOf, lacksFields }: Support): string[] {
  const { dialect } = request
  const isTaken = (name: string) =>
    (extraFields && extraFields.of === dialect && extraFields.names.includes(name)) ||
    (extraOf === dialect && !lacksFields?.includes(name))
  return Object.keys(sentFields(request)).filter((name) => !isTaken(name))
}

interface ParameterNotes {
  readonly request: ChatRequest
  readonly prepared: PreparedSupport
  readonly dropped: ReadonlySet<string>
  /** The parameters whose values were changed. */
  readonly changed: ReadonlySet<string>
}

/** Notes the parameters that the client sent. Those that a panel has added have no spelling. */
function noteParameters(
  { parameters: noted }: Receipt,
  { request, prepared: { treatments, names }, dropped, changed }: ParameterNotes,
): void {
  for (const [parameter, name] of Object.entries(request.spelling)) {
    const treatment = dropped.has(parameter) ? undefined : treatments.get(parameter)
    const isOwnName = names.get(parameter) === name
    noted.set(name, treatmentOf(treatment, { isOwnName, isChanged: changed.has(parameter) }))
  }
  for (const name of Object.keys(sentFields(request))) noted.set(name, dropped.has(name) ? 'dropped' : 'honoured')
}

/** The treatment of one parameter. A parameter that keeps the client's name and value is honoured. */
function treatmentOf(
  supported: ParameterTreatment | undefined,
  { isOwnName, isChanged }: { readonly isOwnName: boolean; readonly isChanged: boolean },
): Treatment {
  if (!supported) return 'dropped'
  if (isChanged) return 'mapped'
  return isOwnName && supported === 'mapped' ? 'honoured' : supported
}

/** Replaces each number out of range by the nearest number, and each listed word by the upstream's word. */
function limitValues(request: ChatRequest, { ranges, words }: Support): { request: ChatRequest; changed: Set<string> } {
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
