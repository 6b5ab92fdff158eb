import type { FinishReason, Usage } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { isFields } from '../fields.ts'
import { encodeUsage } from './usage.ts'

/** What a response has beside its items. */
export interface ResponseHead {
  /** `resp_…` */
  readonly id: string
  /** Unix seconds. */
  readonly created: number
  /** The request, whose settings a response repeats. */
  readonly body: Fields
}

export interface ResponseState {
  readonly status: 'queued' | 'in_progress' | 'completed' | 'incomplete' | 'failed' | 'cancelled'
  readonly output: readonly Fields[]
  readonly usage?: Usage | undefined
  /** Unix seconds of the end. */
  readonly completed?: number
  readonly incomplete?: string | undefined
  readonly error?: { readonly code: string; readonly message: string }
}

interface ResponseEnd {
  readonly status: 'completed' | 'incomplete'
  readonly incomplete?: string
}

/** How a response ends for each reason. */
export function endOf(reason: FinishReason | undefined): ResponseEnd {
  if (reason === 'length') return { status: 'incomplete', incomplete: 'max_output_tokens' }
  if (reason === 'content-filter') return { status: 'incomplete', incomplete: 'content_filter' }
  return { status: 'completed' }
}

/** Writes a response. Strict clients need every member, also those without a value. Source: Open Responses, response resource */
export function encodeResponse({ id, created, body }: ResponseHead, state: ResponseState): Fields {
  const { status, output, usage, completed, incomplete, error } = state
  return {
    id,
    object: 'response',
    created_at: created,
    completed_at: completed ?? null,
    status,
    incomplete_details: incomplete === undefined ? null : { reason: incomplete },
    error: error ?? null,
    output,
    usage: encodeUsage(usage),
    ...settingsOf(body),
  }
}

/** The settings of a request as a response repeats them, with OpenAI's defaults. */
function settingsOf(body: Fields): Fields {
  const { reasoning, text, tools, metadata } = body
  return {
    model: body.model,
    previous_response_id: textOr(body.previous_response_id, null),
    instructions: textOr(body.instructions, null),
    tools: Array.isArray(tools) ? tools.map(withAllMembers) : [],
    tool_choice: body.tool_choice ?? 'auto',
    truncation: textOr(body.truncation, 'disabled'),
    parallel_tool_calls: body.parallel_tool_calls !== false,
    text: { ...(isFields(text) && text), format: formatOf(isFields(text) ? text.format : undefined) },
    top_p: numberOr(body.top_p, 1),
    presence_penalty: numberOr(body.presence_penalty, 0),
    frequency_penalty: numberOr(body.frequency_penalty, 0),
    top_logprobs: numberOr(body.top_logprobs, 0),
    temperature: numberOr(body.temperature, 1),
    reasoning: isFields(reasoning) ? { effort: null, summary: null, ...reasoning } : { effort: null, summary: null },
    max_output_tokens: numberOr(body.max_output_tokens, null),
    max_tool_calls: numberOr(body.max_tool_calls, null),
    store: body.store !== false,
    background: body.background === true,
    service_tier: textOr(body.service_tier, 'default'),
    metadata: isFields(metadata) ? metadata : {},
    safety_identifier: textOr(body.safety_identifier, null),
    prompt_cache_key: textOr(body.prompt_cache_key, null),
    user: textOr(body.user, null),
  }
}

/** A format for a schema has every member, but not the schema itself. Source: Open Responses, JsonSchemaResponseFormat */
function formatOf(format: unknown): Fields {
  if (!isFields(format)) return { type: 'text' }
  if (format.type !== 'json_schema') return format
  return { name: 'answer', description: null, ...format, schema: null, strict: format.strict === true }
}

/** A tool has every member, but not the secrets with which OpenAI would reach an MCP server: a response is kept. */
function withAllMembers(tool: unknown): unknown {
  if (!isFields(tool)) return tool
  if (tool.type === 'mcp') {
    const { authorization: _, headers: _headers, ...shown } = tool
    return shown
  }
  if (tool.type !== 'function') return tool
  return { description: null, parameters: null, strict: null, ...tool }
}

function textOr<Other>(value: unknown, other: Other): string | Other {
  return typeof value === 'string' ? value : other
}

function numberOr<Other>(value: unknown, other: Other): number | Other {
  return typeof value === 'number' ? value : other
}
