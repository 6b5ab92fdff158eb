import type { z } from 'zod'
import { ChatError } from '../../chat/error.ts'
import type { Fields, Message, Part, ToolCall } from '../../chat/message.ts'
import type { ChatRequest, Parameter, Parameters, ResponseFormat, Tool, ToolChoice } from '../../chat/request.ts'
import { isFields, nestedRest, rest, withExtra } from './fields.ts'
import { dialect, type WireMessage, type WirePart, WireRequest, type WireTool, type WireToolCall } from './schema.ts'

/** What a client asked for, and what only the encoder of its answer has to know. */
export interface DecodedRequest {
  readonly request: ChatRequest
  /** `stream_options.include_usage` */
  readonly includeUsage: boolean
}

/**
 * Reads the parsed body of a Chat Completions request.
 * @throws ChatError `invalid-request`, with the path of the first member that is wrong
 */
export function decodeRequest(body: unknown): DecodedRequest {
  const parsed = WireRequest.safeParse(body)
  if (!parsed.success) throw invalid(parsed.error)
  const wire = parsed.data
  const { parameters, spelling } = decodeParameters(wire)
  const options = wire.stream_options ? rest(wire.stream_options, ['include_usage']) : undefined
  return {
    request: {
      dialect,
      model: wire.model,
      messages: wire.messages.map(decodeMessage),
      parameters,
      spelling,
      extra: {
        ...rest(wire, ['model', 'messages', 'stream', 'stream_options', ...Object.values(spelling)]),
        ...(options && { stream_options: options }),
      },
      stream: wire.stream ?? false,
    },
    includeUsage: wire.stream_options?.include_usage ?? false,
  }
}

/** The dialect's own name of each parameter; `max_tokens` is the older of the two for `maxTokens`. */
export const names = {
  tools: 'tools',
  toolChoice: 'tool_choice',
  parallelToolCalls: 'parallel_tool_calls',
  responseFormat: 'response_format',
  temperature: 'temperature',
  topP: 'top_p',
  maxTokens: 'max_completion_tokens',
  stop: 'stop',
  seed: 'seed',
  frequencyPenalty: 'frequency_penalty',
  presencePenalty: 'presence_penalty',
  choices: 'n',
  logprobs: 'logprobs',
  topLogprobs: 'top_logprobs',
  reasoningEffort: 'reasoning_effort',
  user: 'user',
  metadata: 'metadata',
  serviceTier: 'service_tier',
} as const satisfies Record<Parameter, string>

function decodeParameters(wire: WireRequest): Pick<ChatRequest, 'parameters' | 'spelling'> {
  const maxTokens = wire.max_completion_tokens ?? wire.max_tokens
  const parameters = present<Parameters>({
    tools: wire.tools?.map(decodeTool),
    toolChoice: wire.tool_choice ? decodeToolChoice(wire.tool_choice) : undefined,
    parallelToolCalls: wire.parallel_tool_calls,
    responseFormat: wire.response_format ? decodeResponseFormat(wire.response_format) : undefined,
    temperature: wire.temperature,
    topP: wire.top_p,
    maxTokens,
    stop: typeof wire.stop === 'string' ? [wire.stop] : wire.stop,
    seed: wire.seed,
    frequencyPenalty: wire.frequency_penalty,
    presencePenalty: wire.presence_penalty,
    choices: wire.n,
    logprobs: wire.logprobs,
    topLogprobs: wire.top_logprobs,
    reasoningEffort: wire.reasoning_effort,
    user: wire.user,
    metadata: wire.metadata,
    serviceTier: wire.service_tier,
  })
  const spelled = {
    ...names,
    maxTokens: typeof wire.max_completion_tokens === 'number' ? names.maxTokens : 'max_tokens',
  }
  const spelling: Partial<Record<Parameter, string>> = {}
  for (const parameter of parametersIn(parameters)) spelling[parameter] = spelled[parameter]
  return { parameters, spelling }
}

/** The parameters that are there, by the vocabulary's names. */
export function parametersIn(parameters: Parameters): Parameter[] {
  return Object.keys(parameters).filter((key): key is Parameter => key in names)
}

/** The members that are neither null nor undefined. */
function present<T extends object>(members: { readonly [K in keyof T]?: T[K] | null | undefined }): Partial<T> {
  const found: Partial<T> = {}
  for (const key in members) {
    const value = members[key]
    if (value !== null && value !== undefined) found[key] = value
  }
  return found
}

function decodeMessage(message: WireMessage): Message {
  const name = message.name ? { name: message.name } : {}
  switch (message.role) {
    case 'system':
    case 'developer':
    case 'user':
      return {
        role: message.role,
        content: decodeContent(message.content),
        ...name,
        ...withExtra(rest(message, ['role', 'content', 'name'])),
      }
    case 'tool':
      return {
        role: 'tool',
        content: decodeContent(message.content),
        toolCallId: message.tool_call_id,
        ...name,
        ...withExtra(rest(message, ['role', 'content', 'name', 'tool_call_id'])),
      }
    case 'function':
      // the extra writes over what a tool message would say, so that it leaves as it came
      return {
        role: 'tool',
        content: decodeContent(message.content),
        toolCallId: message.name,
        ...name,
        extra: { ...rest(message, ['role', 'content', 'name']), role: 'function', tool_call_id: undefined },
      }
    case 'assistant':
      return {
        role: 'assistant',
        content: [...decodeContent(message.content), ...assistantParts(message)],
        toolCalls: (message.tool_calls ?? []).map(decodeToolCall),
        ...name,
        ...withExtra(
          rest(message, ['role', 'content', 'name', 'refusal', 'reasoning_content', 'reasoning', 'tool_calls']),
        ),
      }
  }
}

/** What an assistant message holds beside its content. `field` is the name it leaves under. */
function assistantParts(message: Extract<WireMessage, { role: 'assistant' }>): Part[] {
  const parts: Part[] = []
  if (message.refusal) parts.push({ type: 'refusal', text: message.refusal, extra: { field: true } })
  if (message.reasoning_content) parts.push({ type: 'reasoning', text: message.reasoning_content })
  else if (message.reasoning) parts.push({ type: 'reasoning', text: message.reasoning, extra: { field: 'reasoning' } })
  return parts
}

function decodeContent(content: string | readonly WirePart[] | null | undefined): Part[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  return (content ?? []).map(decodePart)
}

function decodePart(wire: WirePart): Part {
  const part: WirePart & Fields = wire
  if (typeof part.text === 'string' && part.type === 'text') {
    return { type: 'text', text: part.text, ...withExtra(rest(part, ['type', 'text'])) }
  }
  if (part.type === 'refusal' && typeof part.refusal === 'string') {
    return { type: 'refusal', text: part.refusal, ...withExtra(rest(part, ['type', 'refusal'])) }
  }
  const inner = part[part.type]
  return (
    (isFields(inner) && decodeNestedPart(part, inner)) || {
      type: 'foreign',
      name: part.type,
      extra: rest(part, ['type']) ?? {},
    }
  )
}

function decodeNestedPart(part: WirePart & Fields, inner: Fields): Part | undefined {
  switch (part.type) {
    case 'image_url':
      return {
        type: 'image',
        url: String(inner.url),
        ...(typeof inner.detail === 'string' && { detail: inner.detail }),
        ...withExtra(nestedRest(part, 'image_url', ['type'], ['url', 'detail'])),
      }
    case 'input_audio':
      return {
        type: 'audio',
        base64: String(inner.data),
        format: String(inner.format),
        ...withExtra(nestedRest(part, 'input_audio', ['type'], ['data', 'format'])),
      }
    case 'file':
      return {
        type: 'file',
        ...(typeof inner.file_data === 'string' && { content: inner.file_data }),
        ...(typeof inner.file_id === 'string' && { fileId: inner.file_id }),
        ...(typeof inner.filename === 'string' && { name: inner.filename }),
        ...withExtra(nestedRest(part, 'file', ['type'], ['file_data', 'file_id', 'filename'])),
      }
    default:
      return undefined
  }
}

function decodeToolCall(call: WireToolCall): ToolCall {
  if (call.function) {
    const extra = nestedRest(call, 'function', ['id', 'type'], ['name', 'arguments'])
    return { id: call.id, name: call.function.name, arguments: call.function.arguments, ...withExtra(extra) }
  }
  // a custom call: its extra writes over the function it is not
  const extra = { ...rest(call, ['id']), function: undefined }
  return { id: call.id, name: call.custom?.name ?? '', arguments: call.custom?.input ?? '', extra }
}

function decodeTool(tool: WireTool): Tool {
  if (tool.type !== 'function' || !tool.function)
    return { type: 'foreign', name: tool.type, extra: rest(tool, ['type']) ?? {} }
  const { name, description, parameters, strict } = tool.function
  return {
    type: 'function',
    name,
    ...(typeof description === 'string' && { description }),
    ...(parameters && { parameters }),
    ...(typeof strict === 'boolean' && { strict }),
    ...withExtra(nestedRest(tool, 'function', ['type'], ['name', 'description', 'parameters', 'strict'])),
  }
}

function decodeToolChoice(choice: string | Fields): ToolChoice {
  if (choice === 'auto' || choice === 'none' || choice === 'required') return { type: choice }
  if (typeof choice === 'string')
    throw new ChatError('invalid-request', {
      message: 'tool_choice must be "auto", "none", "required" or an object.',
      param: 'tool_choice',
      code: 'invalid_value',
    })
  const named = choice.function
  if (choice.type === 'function' && isFields(named) && typeof named.name === 'string')
    return { type: 'function', name: named.name }
  return { type: 'foreign', value: choice }
}

function decodeResponseFormat(format: NonNullable<WireRequest['response_format']>): ResponseFormat {
  if (format.type === 'text') return { type: 'text' }
  if (format.type === 'json_object' && !rest(format, ['type'])) return { type: 'json' }
  if (format.type !== 'json_schema' || !format.json_schema) return { type: 'foreign', value: format }
  const { name, schema, description, strict } = format.json_schema
  return {
    type: 'json-schema',
    name,
    ...(schema && { schema }),
    ...(typeof description === 'string' && { description }),
    ...(typeof strict === 'boolean' && { strict }),
    ...withExtra(nestedRest(format, 'json_schema', ['type'], ['name', 'schema', 'description', 'strict'])),
  }
}

type Issue = z.core.$ZodIssue

/** The first thing that is wrong, said the way OpenAI says it. The value itself is not repeated. */
function invalid(error: z.ZodError): ChatError {
  const issue = deepest(error.issues[0])
  const param = issue ? formatPath(issue.path) : ''
  const missing = issue?.code === 'invalid_type' && /undefined$/.test(issue.message)
  const what = missing ? 'is required' : (issue?.message ?? 'is invalid').replace(/^Invalid input: /, '')
  return new ChatError('invalid-request', {
    message: param ? `${param}: ${what}.` : 'The body must be a JSON object with "model" and "messages".',
    code: missing ? 'missing_required_parameter' : issue?.code === 'invalid_type' ? 'invalid_type' : 'invalid_value',
    ...(param && { param }),
  })
}

/** Of a union that did not match, the alternative that got furthest says most. */
function deepest(issue: Issue | undefined): Issue | undefined {
  if (issue?.code !== 'invalid_union') return issue
  const inner = issue.errors.map((issues) => deepest(issues[0])).filter((found) => found !== undefined)
  const best = inner.reduce<Issue | undefined>((a, b) => (a && a.path.length >= b.path.length ? a : b), undefined)
  if (!best || (best.path.length === 0 && inner.length > 1))
    return { ...issue, message: 'has a value of the wrong type or kind' }
  return { ...best, path: [...issue.path, ...best.path] }
}

function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((key, at) => (typeof key === 'number' ? `[${key}]` : `${at ? '.' : ''}${String(key).slice(0, 64)}`))
    .join('')
}
