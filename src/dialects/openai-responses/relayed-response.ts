import type { Fields } from '../../chat/message.ts'
import type { Answer } from '../../flow/fold.ts'
import { isFields } from '../fields.ts'
import { replaceMembers } from '../json-members.ts'
import { dialect } from './dialect.ts'
import { encodeResponse, type ResponseHead } from './response-object.ts'
import type { ToolNames } from './tool-names.ts'

interface RelayOptions extends ResponseHead {
  readonly names: ToolNames
  /** Unix seconds. */
  now(): number
}

/** A response as JSON, or as a value. */
export type ResponseJson = { readonly json: string } | { readonly value: Fields }

/**
 * Writes a whole response of an upstream of this dialect as it came. The id, the model, and whether and where it is kept are ours, and so
 * are members that clients need and that it lacks. Returns undefined for an answer that must be written anew.
 */
export function relayResponse({ reply, usage }: Answer, options: RelayOptions): ResponseJson | undefined {
  if (reply?.dialect !== dialect || !isWhole(reply.value, options.names)) return undefined
  const { value, json } = reply
  const { id, body } = options
  const members = isComplete(value, body)
    ? { changed: { id, model: body.model }, missing: {} }
    : newMembers(value, encodeResponse(options, { status: 'completed', output: [], usage, completed: options.now() }))
  const written = json === undefined ? undefined : withMembers(json, value, members)
  return written === undefined ? { value: { ...value, ...members.changed, ...members.missing } } : { json: written }
}

/**
 * Whether a response has all members that clients need, so that only its id and its model change. Each is named, because to look them
 * up takes ten times as long.
 */
function isComplete(value: Fields, body: Fields): boolean {
  const { created_at, completed_at, error, incomplete_details, tools, tool_choice, truncation, text, reasoning } = value
  const { parallel_tool_calls, presence_penalty, frequency_penalty, top_p, top_logprobs, temperature } = value
  const { service_tier, metadata, store, background, previous_response_id } = value
  return (
    areNumbers(created_at, completed_at, top_p, presence_penalty, frequency_penalty, top_logprobs, temperature) &&
    [tool_choice, body.tool_choice ?? '', truncation, service_tier].every((word) => typeof word === 'string') &&
    [text, reasoning, metadata].every(isFields) &&
    Array.isArray(tools) &&
    typeof parallel_tool_calls === 'boolean' &&
    error !== undefined &&
    incomplete_details !== undefined &&
    store === (body.store !== false) &&
    background === (body.background === true) &&
    previous_response_id === (body.previous_response_id ?? null) &&
    repeats(value.instructions, body.instructions) &&
    repeats(value.max_output_tokens, body.max_output_tokens) &&
    repeats(value.max_tool_calls, body.max_tool_calls) &&
    repeats(value.safety_identifier, body.safety_identifier) &&
    repeats(value.prompt_cache_key, body.prompt_cache_key) &&
    repeats(value.user, body.user)
  )
}

function areNumbers(...values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === 'number')
}

/** Whether a member has the type of what was sent, if anything was. */
function repeats(value: unknown, sent: unknown): boolean {
  return value !== undefined && (sent === undefined || sent === null || typeof value === typeof sent)
}

function newMembers(value: Fields, ours: Fields): NewMembers {
  const changed: Record<string, unknown> = {}
  const missing: Record<string, unknown> = {}
  for (const name in ours) {
    if (!(name in value)) missing[name] = ours[name]
    else if (own.has(name) ? value[name] !== ours[name] : !isSameKind(value[name], ours[name]))
      changed[name] = ours[name]
  }
  return { changed, missing }
}

/** The members that only the gateway knows. */
const own: ReadonlySet<string> = new Set(['id', 'model', 'previous_response_id', 'store', 'background'])

/** Whether a value can stand for another one. Nothing is known of what stands for null. */
function isSameKind(value: unknown, other: unknown): boolean {
  if (other === null) return true
  return typeof value === typeof other && value !== null && Array.isArray(value) === Array.isArray(other)
}

interface NewMembers {
  readonly changed: Fields
  readonly missing: Fields
}

function withMembers(json: string, value: Fields, { changed, missing }: NewMembers): string | undefined {
  const isOfHead = Object.keys(changed).every((name) => name === 'id' || name === 'model')
  const written = (isOfHead ? withHead(json, value, changed) : undefined) ?? replaceMembers(json, changed)
  if (written === undefined || Object.keys(missing).length === 0) return written
  return `${written.slice(0, written.lastIndexOf('}'))},${JSON.stringify(missing).slice(1)}`
}

const modelKey = '"model"'
/** A key that is written with this escape may be `model` too. */
const escapedLetter = '\\u006'

/**
 * Replaces the id, which must be the first member, and the model, whose key must occur once. Returns undefined if their places are not
 * certain. To look for them member by member takes long, because the instructions stand between them.
 */
function withHead(json: string, value: Fields, changed: Fields): string | undefined {
  const id = `{"id":${JSON.stringify(value.id)}`
  const model = `${modelKey}:${JSON.stringify(value.model)}`
  const at = json.indexOf(modelKey, id.length)
  const isCertain = json.indexOf(modelKey, at + 1) === -1 && json[at - 1] !== '\\' && !json.includes(escapedLetter)
  if (!isCertain || !json.startsWith(id) || !json.startsWith(model, at)) return undefined
  const named = 'model' in changed ? `${modelKey}:${JSON.stringify(changed.model)}` : model
  return `{"id":${JSON.stringify(changed.id)}${json.slice(id.length, at)}${named}${json.slice(at + model.length)}`
}

/** Whether a plain response has everything that clients need of its items and of its usage. */
function isWhole({ output, usage }: Fields, names: ToolNames): boolean {
  return isUsage(usage) && Array.isArray(output) && output.every((item) => isFields(item) && isWholeItem(item, names))
}

function isWholeItem(item: Fields, names: ToolNames): boolean {
  const { id, status, role, content } = item
  if (typeof id !== 'string' || id === '' || status !== 'completed') return false
  if (item.type !== 'message') return id !== item.call_id && isOwnCall(item, names)
  return role === 'assistant' && Array.isArray(content) && content.every(isWholeText)
}

/** Whether a call names its tool as the client does, as a function without a namespace. */
function isOwnCall({ name: said }: Fields, names: ToolNames): boolean {
  if (typeof said !== 'string') return false
  const { kind, name, namespace } = names.of(names.nameOf(said))
  return kind === 'function' && name === said && namespace === undefined
}

function isWholeText(text: unknown): boolean {
  return isFields(text) && Array.isArray(text.annotations) && Array.isArray(text.logprobs)
}

function isUsage(usage: unknown): boolean {
  if (!isFields(usage)) return false
  const { input_tokens_details: inputs, output_tokens_details: outputs } = usage
  if (!isFields(inputs) || !isFields(outputs)) return false
  const { input_tokens, output_tokens, total_tokens } = usage
  const counts = [input_tokens, output_tokens, total_tokens, inputs.cached_tokens, outputs.reasoning_tokens]
  return counts.every((count) => typeof count === 'number')
}
