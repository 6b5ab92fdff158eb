import {
  callsOf,
  type Fields,
  type Message,
  markedContent,
  type Part,
  type ReasoningPart,
  type RefusalPart,
  type ToolCallPart,
  textOf,
} from '../../chat/message.ts'
import type { Support } from '../../chat/model.ts'
import {
  type ChatRequest,
  idleParameters,
  type OfferedTool,
  type Parameter,
  type Parameters,
  type ResponseFormat,
  type ToolChoice,
} from '../../chat/request.ts'
import { compact, merge } from '../fields.ts'
import { names, parametersIn } from './decode-parameters.ts'
import { dialect } from './dialect.ts'
import { showImagesOfResults } from './images-of-results.ts'

/**
 * Writes a Chat Completions request. A request of the same dialect leaves unchanged, including unknown fields and the
 * client's own spelling. The special fields of other dialects are dropped.
 * @param own the service's names of parameters that have only one name there
 */
export function encodeRequest(request: ChatRequest, own: Support['names'] = {}): Fields {
  return {
    ...request.extra[dialect],
    model: request.model,
    messages: showImagesOfResults(request.messages).map((message) => encodeMessage(message)),
    ...encodeParameters(request, { own }),
  }
}

export interface ParameterOptions {
  /** The service's names of parameters that have only one name there. */
  readonly own: Support['names']
  /** Whether the service refuses unknown fields. Then no `extra` is sent. */
  readonly isStrict?: boolean
}

/** Writes the parameters of a request, under the client's own names if it speaks this dialect. */
export function encodeParameters(request: ChatRequest, { own = {}, isStrict = false }: ParameterOptions): Fields {
  const native = !isStrict && request.dialect === dialect
  const parameters = dropForeignTools(request.parameters, isStrict)
  const sent = (native && request.sent) || {}
  const idle = idleParameters(parameters)
  const body: Record<string, unknown> = {}
  for (const parameter of new Set([...parametersIn(parameters), ...parametersIn(sent)])) {
    if (idle.includes(parameter)) continue
    const name = own[parameter] ?? ((native && request.spelling[parameter]) || names[parameter])
    const was = sent[parameter]
    // a value that a layer has changed is not sent in its original form
    const isAsSent = was !== undefined && was.read === request.parameters[parameter]
    const value = isAsSent ? was.raw : encodeParameter(parameter, parameters, isStrict)
    if (value !== undefined) body[name] = value
  }
  return body
}

/** Removes the tools that this dialect cannot express. */
function dropForeignTools(parameters: Parameters, isStrict: boolean): Parameters {
  const { tools } = parameters
  const isWritable = (tool: OfferedTool) => tool.type === 'function' || (!isStrict && tool.extra[dialect] !== undefined)
  return !tools || tools.every(isWritable) ? parameters : { ...parameters, tools: tools.filter(isWritable) }
}

function encodeParameter(parameter: Parameter, parameters: Parameters, isStrict: boolean): unknown {
  switch (parameter) {
    case 'tools':
      return parameters.tools?.map((tool) => encodeTool(tool, isStrict))
    case 'toolChoice':
      return parameters.toolChoice && encodeToolChoice(parameters.toolChoice)
    case 'responseFormat':
      return parameters.responseFormat && encodeResponseFormat(parameters.responseFormat, isStrict)
    default:
      return parameters[parameter]
  }
}

/** @param isStrict whether the service refuses unknown fields */
export function encodeMessage(message: Message, isStrict = false): Fields {
  const shown = message.role === 'tool' ? { ...message, content: markedContent(message) } : message
  const base = {
    role: message.role,
    content: encodeContent(shown, isStrict),
    ...(message.name !== undefined && { name: message.name }),
  }
  const extra = isStrict ? undefined : message.extra?.[dialect]
  switch (message.role) {
    case 'tool':
      return merge({ ...base, tool_call_id: message.toolCallId }, extra)
    case 'assistant': {
      const calls = callsOf(message).map((call) => encodeToolCall(call, isStrict))
      return merge(
        { ...base, ...encodeBesideContent(message.content), ...(calls.length > 0 && { tool_calls: calls }) },
        extra,
      )
    }
    default:
      return merge(base, extra)
  }
}

/** Writes the reasoning and the refusal of an answer, which stand next to its content. */
export function encodeBesideContent(parts: readonly Part[]): Fields {
  const beside: Record<string, string> = {}
  for (const part of parts) {
    if (part.type !== 'reasoning' && !isRefusalBeside(part)) continue
    const name = part.type === 'refusal' ? 'refusal' : fieldOfReasoning(part)
    beside[name] = (beside[name] ?? '') + part.text
  }
  return beside
}

function fieldOfReasoning({ extra }: ReasoningPart): string {
  return extra?.[dialect]?.field === 'reasoning' ? 'reasoning' : 'reasoning_content'
}

/** Whether a refusal stands next to the content, as in OpenAI's answers, and not among the parts. */
function isRefusalBeside(part: Part): part is RefusalPart {
  return part.type === 'refusal' && part.extra?.[dialect]?.isPart !== true
}

/** Whether a part belongs in `content`. */
function isInContent(part: Part, isStrict: boolean): boolean {
  switch (part.type) {
    case 'reasoning':
    case 'tool-call':
    case 'server-tool-call':
    case 'server-tool-result':
      return false
    case 'refusal':
      return !isRefusalBeside(part)
    case 'foreign':
      return !isStrict && part.extra[dialect] !== undefined
    default:
      return true
  }
}

/** Writes a single text as a string, which every upstream takes. An assistant's empty content is null, as at OpenAI. */
function encodeContent({ role, content }: Message, isStrict: boolean): unknown {
  const parts = content.filter((part) => isInContent(part, isStrict))
  const [only] = parts
  if (!only) return role === 'assistant' ? null : content.length > 0 ? '' : []
  if (parts.length === 1 && only.type === 'text' && (isStrict || !only.extra?.[dialect])) return only.text
  if (isScattered(content, parts, only)) return textOf(parts)
  return parts.map((part) => encodePart(part, isStrict))
}

/** Whether reasoning or tool calls stand between the texts. Then the texts are joined, as a streaming client would do. */
function isScattered(content: readonly Part[], parts: readonly Part[], first: Part): boolean {
  const start = content.indexOf(first)
  const isTogether = parts.every((part, at) => content[start + at] === part)
  return !isTogether && parts.every((part) => part.type === 'text' && !part.extra?.[dialect])
}

/** @param part a part that belongs in `content` */
function encodePart(part: Part, isStrict: boolean): Fields {
  const extra = isStrict ? undefined : part.extra?.[dialect]
  switch (part.type) {
    case 'text':
      return merge({ type: 'text', text: part.text }, extra)
    case 'image':
      return merge({ type: 'image_url', image_url: compact({ url: part.url, detail: part.detail }) }, extra)
    case 'audio':
      return merge({ type: 'input_audio', input_audio: { data: part.base64, format: part.format } }, extra)
    case 'file':
      return merge(
        { type: 'file', file: compact({ file_data: part.content, file_id: part.fileId, filename: part.name }) },
        extra,
      )
    case 'refusal': {
      const { isPart: _, ...others } = extra ?? {}
      return merge({ type: 'refusal', refusal: part.text }, others)
    }
    case 'foreign':
      return { type: part.name, ...extra }
    default:
      return {}
  }
}

export function encodeToolCall(call: ToolCallPart, isStrict = false): Fields {
  return merge(
    { id: call.id, type: 'function', function: { name: call.name, arguments: call.arguments } },
    isStrict ? undefined : call.extra?.[dialect],
  )
}

function encodeTool(tool: OfferedTool, isStrict: boolean): Fields {
  if (tool.type === 'foreign') return { type: tool.name, ...tool.extra[dialect] }
  const { name, description, parameters, strict } = tool
  return merge(
    { type: 'function', function: compact({ name, description, parameters, strict }) },
    isStrict ? undefined : tool.extra?.[dialect],
  )
}

function encodeToolChoice(choice: ToolChoice): unknown {
  if (choice.type === 'foreign') return choice.extra[dialect]
  return choice.type === 'function' ? { type: 'function', function: { name: choice.name } } : choice.type
}

function encodeResponseFormat(format: ResponseFormat, isStrict: boolean): unknown {
  if (format.type === 'foreign') return format.extra[dialect]
  if (format.type === 'text') return { type: 'text' }
  if (format.type === 'json') return { type: 'json_object' }
  const { name, schema, description, strict } = format
  return merge(
    { type: 'json_schema', json_schema: compact({ name, schema, description, strict }) },
    isStrict ? undefined : format.extra?.[dialect],
  )
}
