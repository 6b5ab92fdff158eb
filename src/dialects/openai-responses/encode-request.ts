import type { Fields } from '../../chat/message.ts'
import { type ChatRequest, type Parameter, sentFields, type ToolChoice } from '../../chat/request.ts'
import { compact, isFields, rest } from '../fields.ts'
import { dialect } from './dialect.ts'
import { encodeInput } from './encode-input.ts'
import { encodeChoice, encodeFormat, encodeTool, encodeTools } from './encode-tools.ts'
import { nativeItems } from './native-items.ts'
import { NativeResponse } from './native-response.ts'
import type { ToolNames } from './tool-names.ts'

/** OpenAI's smallest limit. */
const minOutputTokens = 16
/** Without it, a service that stores nothing cannot get its reasoning back. */
export const encryptedReasoning = 'reasoning.encrypted_content'

/** Whether the answer is a stream: always for clients of other dialects, because a long answer comes after minutes without a byte. */
export function isStreamed(request: ChatRequest): boolean {
  return request.stream || request.dialect !== dialect
}

/**
 * Writes the body of `POST /responses`. The service stores nothing. What a client of this dialect sent stays as it came, except for
 * what a layer has changed.
 * @throws ChatError `unsupported` for something that this dialect cannot express
 */
export function encodeRequest(request: ChatRequest): Fields {
  if (request.native instanceof NativeResponse) return encodeNative(request, request.native)
  const { model, messages } = request
  return {
    model,
    input: encodeInput(messages),
    ...encodeTools(request),
    ...withPassedFields(settingsOf(request), request),
    ...ours(request, request.parameters.logprobs ? ['message.output_text.logprobs'] : []),
  }
}

function ours(request: ChatRequest, include: readonly unknown[]): Fields {
  return { include: [...new Set([...include, encryptedReasoning])], store: false, stream: isStreamed(request) }
}

/** What belongs to a response that is stored at the service. The gateway stores responses itself. */
export const stored: readonly string[] = ['previous_response_id', 'conversation', 'background', 'stream_options']

/** The parameters that a layer may change, and the members that have them. */
const changeable = [
  ['tools', 'tools'],
  ['toolChoice', 'tool_choice'],
  ['parallelToolCalls', 'parallel_tool_calls'],
  ['maxTokens', 'max_output_tokens'],
  ['temperature', 'temperature'],
  ['topP', 'top_p'],
  ['presencePenalty', 'presence_penalty'],
  ['frequencyPenalty', 'frequency_penalty'],
] as const satisfies readonly (readonly [Parameter, string])[]

/** Writes a request of this dialect from its own body, and writes anew what has changed. */
function encodeNative(request: ChatRequest, native: NativeResponse): Fields {
  const { value } = native
  const include: readonly unknown[] = Array.isArray(value.include) ? value.include : []
  const body = {
    ...rest(value, stored),
    ...nativeInput(request, native),
    model: request.model,
    ...ours(request, include),
  }
  return native.isIntact(request) ? body : { ...body, ...changes(request, native) }
}

/** New messages are written after the items of the body. If earlier ones have changed, all are written anew. */
function nativeInput(request: ChatRequest, native: NativeResponse): Fields {
  const { items, names } = native.parts
  const kept = native.kept(request)
  if (kept)
    return { input: [...nativeItems(native.parts, kept), ...encodeInput(request.messages.slice(kept.count), names)] }
  const offers = items.filter((item) => isFields(item) && item.type === 'additional_tools')
  // the instructions are the first message
  return { input: [...offers, ...encodeInput(request.messages, names)], instructions: undefined }
}

function changes(request: ChatRequest, native: NativeResponse): Fields {
  const changed = changeable.filter(([parameter]) => native.hasChanged(request, [parameter]))
  if (changed.length === 0) return {}
  const written: Fields = { ...settingsOf(request), ...nativeTools(request, native) }
  return Object.fromEntries(changed.map(([, name]) => [name, written[name]]))
}

/** New tools are written after those of the body, which may have tools that only OpenAI knows. */
function nativeTools(request: ChatRequest, native: NativeResponse): Fields {
  const { toolChoice, parallelToolCalls } = request.parameters
  const sent: readonly unknown[] = Array.isArray(native.value.tools) ? native.value.tools : []
  return {
    tools: [...sent, ...native.addedTools(request).flatMap(encodeTool)],
    tool_choice: toolChoice && nativeChoice(toolChoice, native.parts.names),
    parallel_tool_calls: parallelToolCalls,
  }
}

/** A choice names a tool as the client has offered it. */
function nativeChoice(choice: ToolChoice, names: ToolNames): unknown {
  if (choice.type !== 'function') return encodeChoice(choice)
  const { kind, name } = names.of(choice.name)
  return { type: kind, ...(kind !== 'tool_search' && { name }) }
}

function settingsOf({ parameters }: ChatRequest): Fields {
  const { maxTokens, temperature, topP, topLogprobs, reasoningEffort, responseFormat } = parameters
  const { user, metadata, serviceTier } = parameters
  const format = encodeFormat(responseFormat)
  return compact({
    max_output_tokens: maxTokens === undefined ? undefined : Math.max(maxTokens, minOutputTokens),
    temperature,
    top_p: topP,
    top_logprobs: topLogprobs,
    reasoning: reasoningEffort === undefined ? undefined : reasoningOf(reasoningEffort),
    text: format && { format },
    user,
    metadata,
    service_tier: serviceTier,
  })
}

/** Without a summary the client would see nothing of the reasoning. */
function reasoningOf(effort: string): Fields {
  return effort === 'none' ? { effort } : { effort, summary: 'auto' }
}

/** Fields of Chat Completions that mean the same here. */
export const passed: readonly string[] = [
  'prompt_cache_key',
  'prompt_cache_retention',
  'safety_identifier',
  'verbosity',
]

/** Adds those fields to the settings. */
function withPassedFields(settings: Fields, request: ChatRequest): Fields {
  const { verbosity, ...fields } = sentFields(request)
  const same = Object.entries(fields).filter(([name]) => passed.includes(name))
  const text = { ...(isFields(settings.text) && settings.text), verbosity }
  return { ...settings, ...Object.fromEntries(same), ...(verbosity !== undefined && { text }) }
}
