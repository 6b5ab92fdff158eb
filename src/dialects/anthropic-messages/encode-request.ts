import type { Fields } from '../../chat/message.ts'
import { type ChatRequest, type Parameter, sentFields } from '../../chat/request.ts'
import { compact, isFields, rest } from '../fields.ts'
import { acceptableBody } from './acceptable-messages.ts'
import { markCaches } from './cache-marks.ts'
import { dialect } from './dialect.ts'
import { encodeConversation, encodeTurns } from './encode-messages.ts'
import { budgetFor, encodeThinking } from './encode-thinking.ts'
import { encodeTools } from './encode-tools.ts'
import { NativeMessages } from './native-messages.ts'

/** What is known of a model. */
export interface ModelFacts {
  /** Tokens. */
  readonly maxOutputTokens?: number
  /** Whether it takes an effort in place of a budget of tokens for thinking. */
  readonly isAdaptive?: boolean
}

/** Tokens of an answer, if neither the client nor the list of models limits it. Nearly every model allows as many. */
const usualMaxTokens = 8_192

/** Whether the answer is a stream: always for clients of other dialects, because a long message comes after minutes without a byte. */
export function isStreamed(request: ChatRequest): boolean {
  return request.stream || request.dialect !== dialect
}

/**
 * Writes the body of `POST /v1/messages`. What a client of this dialect sent stays as it came, except for what a layer has changed.
 * @throws ChatError `unsupported` for something that Anthropic cannot express
 */
export function encodeRequest(request: ChatRequest, facts: ModelFacts = {}): Fields {
  if (request.native instanceof NativeMessages) return encodeNative(request, request.native)
  const body = encodeOther(request, facts)
  return request.dialect === dialect ? body : markCaches(body)
}

/** The parameters about tools, which are written together. */
const ofTools = ['tools', 'toolChoice', 'parallelToolCalls'] as const satisfies readonly Parameter[]

/** Writes a request of this dialect from its own body, and writes anew what has changed. */
function encodeNative(request: ChatRequest, native: NativeMessages): Fields {
  const { model, stream } = request
  const isSame = stream === (native.value.stream ?? false)
  const body = { ...acceptableBody(native.value), model, ...(!isSame && { stream }) }
  if (native.isIntact(request)) return body
  return {
    ...body,
    ...nativeMessages(request, native, body),
    ...nativeTools(request, native),
    ...nativeSampling(request, native),
  }
}

/** New messages are written after those of the body. If one of those has changed, all are written anew. */
function nativeMessages(request: ChatRequest, native: NativeMessages, { messages }: Fields): Fields {
  const kept = native.kept(request)
  if (kept === undefined || !Array.isArray(messages)) return { ...encodeConversation(request.messages) }
  return { messages: [...messages, ...encodeTurns(request.messages.slice(kept))] }
}

/** New tools are written after those of the body, which may have tools that only Anthropic knows. */
function nativeTools(request: ChatRequest, native: NativeMessages): Fields {
  if (!native.hasChanged(request, ofTools)) return {}
  const { tools, tool_choice } = encodeTools(request)
  const sent: readonly unknown[] = Array.isArray(native.value.tools) ? native.value.tools : []
  const known = new Set(sent.map((tool) => isFields(tool) && tool.name))
  const added = Array.isArray(tools) ? tools.filter(({ name }) => !known.has(name)) : []
  return { tools: [...sent, ...added], tool_choice }
}

/** Anthropic's names of the parameters that a layer may change, besides tools. */
const ofSampling = [
  ['maxTokens', 'max_tokens'],
  ['temperature', 'temperature'],
  ['topP', 'top_p'],
  ['stop', 'stop_sequences'],
] as const satisfies readonly (readonly [Parameter, string])[]

function nativeSampling(request: ChatRequest, native: NativeMessages): Fields {
  const written: Fields = { ...samplingOf(request, native.value), max_tokens: request.parameters.maxTokens }
  const changed = ofSampling.filter(([parameter]) => native.hasChanged(request, [parameter]))
  return Object.fromEntries(changed.map(([, name]) => [name, written[name]]))
}

/** Writes a request of another dialect, or one whose own body is not known. */
function encodeOther(request: ChatRequest, facts: ModelFacts): Fields {
  const { model, parameters } = request
  const { system, messages } = encodeConversation(request.messages)
  const wanted = parameters.maxTokens ?? maxTokensFor(parameters.reasoningEffort, facts)
  const maxTokens = Math.min(wanted, facts.maxOutputTokens ?? wanted)
  const thinking = encodeThinking(request, { maxTokens, isAdaptive: facts.isAdaptive ?? false, messages })
  const { output_config: effort, ...thought } = thinking
  const format = formatOf(request)
  return {
    model,
    max_tokens: maxTokens,
    stream: isStreamed(request),
    ...listMember('system', [...system, ...instructionsFor(request)]),
    messages,
    ...encodeTools(request),
    ...samplingOf(request, thinking),
    ...thought,
    ...((effort || format) && { output_config: { ...(isFields(effort) && effort), ...format } }),
    ...ownFields(request),
  }
}

function maxTokensFor(effort: string | undefined, { maxOutputTokens }: ModelFacts): number {
  if (maxOutputTokens !== undefined) return maxOutputTokens
  const budget = effort === undefined || effort === 'none' ? 0 : (budgetFor(effort) ?? 0)
  return usualMaxTokens + budget
}

function listMember(name: string, blocks: readonly Fields[]): Fields {
  return blocks.length > 0 ? { [name]: blocks } : {}
}

/** Anthropic refuses a temperature together with thinking, and stop sequences without a visible character. */
function samplingOf({ parameters }: ChatRequest, { thinking }: Fields): Fields {
  const { temperature, topP, stop = [], user, serviceTier } = parameters
  const isThinking = isFields(thinking) && thinking.type !== 'disabled'
  const stops = stop.filter((sequence) => sequence.trim() !== '')
  return compact({
    temperature: isThinking || temperature === undefined ? undefined : Math.min(Math.max(temperature, 0), 1),
    top_p: isThinking ? undefined : topP,
    stop_sequences: stops.length > 0 ? stops : undefined,
    metadata: user === undefined ? undefined : { user_id: user },
    service_tier: serviceTier === 'auto' || serviceTier === 'standard_only' ? serviceTier : undefined,
  })
}

/** A schema for the answer. Anthropic follows it strictly, and has no name for it. */
function formatOf({ parameters: { responseFormat: format } }: ChatRequest): Fields | undefined {
  if (format?.type !== 'json-schema' || !format.schema) return undefined
  return { format: { type: 'json_schema', schema: format.schema } }
}

/** Anthropic has no format for JSON without a schema, so the model is told. */
function instructionsFor({ parameters: { responseFormat: format } }: ChatRequest): readonly Fields[] {
  const isJson = format?.type === 'json' || (format?.type === 'json-schema' && !format.schema)
  return isJson ? [{ type: 'text', text: 'Answer with one JSON object, and nothing before or after it.' }] : []
}

/** Notes of the gateway among the members that only this dialect knows: headers, and names of tools. */
const isNote = (name: string) => name === 'anthropic-beta' || name.startsWith('tools.')

function ownFields(request: ChatRequest): Fields {
  if (request.dialect !== dialect) return {}
  const fields = sentFields(request)
  return rest(fields, Object.keys(fields).filter(isNote)) ?? {}
}
