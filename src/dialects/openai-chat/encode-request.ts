import type { Fields, Message, Part, ToolCall } from '../../chat/message.ts'
import type { Support } from '../../chat/model.ts'
import {
  type ChatRequest,
  idleParameters,
  type Parameter,
  type Parameters,
  type ResponseFormat,
  type Tool,
  type ToolChoice,
} from '../../chat/request.ts'
import { names, parametersIn } from './decode-parameters.ts'
import { dialect } from './dialect.ts'
import { compact, merge } from './fields.ts'

/**
 * Writes a request the way Chat Completions has it. A request of the same dialect leaves as it came, unknown fields
 * and the client's own spelling included; of another dialect, what is only that dialect's stays behind.
 * @param own the names that the service has for parameters, where it has but one
 */
export function encodeRequest(request: ChatRequest, own: Support['names'] = {}): Fields {
  const native = request.dialect === dialect
  const body: Record<string, unknown> = {
    ...(native ? request.extra : {}),
    model: request.model,
    messages: request.messages.map((message) => encodeMessage(message, native)),
  }
  const { parameters } = request
  const sent = (native && request.sent) || {}
  const idle = idleParameters(native ? parameters : functionsOf(parameters))
  for (const parameter of new Set([...parametersIn(parameters), ...parametersIn(sent)])) {
    if (idle.includes(parameter)) continue
    const name = own[parameter] ?? ((native && request.spelling[parameter]) || names[parameter])
    const was = sent[parameter]
    // what a layer has changed is no more what was sent
    const isAsSent = was !== undefined && was.read === parameters[parameter]
    const value = isAsSent ? was.raw : encodeParameter(parameter, parameters, native)
    if (value !== undefined) body[name] = value
  }
  return body
}

function functionsOf(parameters: Parameters): Parameters {
  const { tools } = parameters
  return tools ? { ...parameters, tools: tools.filter(({ type }) => type === 'function') } : parameters
}

function encodeParameter(parameter: Parameter, parameters: Parameters, native: boolean): unknown {
  switch (parameter) {
    case 'tools':
      return parameters.tools
        ?.filter((tool) => native || tool.type === 'function')
        .map((tool) => encodeTool(tool, native))
    case 'toolChoice':
      return parameters.toolChoice && encodeToolChoice(parameters.toolChoice)
    case 'responseFormat':
      return parameters.responseFormat && encodeResponseFormat(parameters.responseFormat, native)
    default:
      return parameters[parameter]
  }
}

/** @param native whether the service speaks this dialect with all the client may know of it */
export function encodeMessage(message: Message, native: boolean): Fields {
  const base = {
    role: message.role,
    content: encodeContent(message, native),
    ...(message.name !== undefined && { name: message.name }),
  }
  const extra = native ? message.extra?.[dialect] : undefined
  switch (message.role) {
    case 'tool':
      return merge({ ...base, tool_call_id: message.toolCallId }, extra)
    case 'assistant':
      return merge(
        {
          ...base,
          ...besideContent(message.content),
          ...(message.toolCalls.length > 0 && {
            tool_calls: message.toolCalls.map((call) => encodeToolCall(call, native)),
          }),
        },
        extra,
      )
    default:
      return merge(base, extra)
  }
}

/** An assistant's reasoning and refusal stand beside its content. */
function besideContent(parts: readonly Part[]): Fields {
  const beside: Record<string, unknown> = {}
  for (const part of parts) {
    if (part.type === 'reasoning')
      beside[part.extra?.field === 'reasoning' ? 'reasoning' : 'reasoning_content'] = part.text
    else if (isBeside(part)) beside.refusal = part.text
  }
  return beside
}

function isBeside(part: Part): part is Extract<Part, { type: 'refusal' | 'reasoning' }> {
  return part.type === 'reasoning' || (part.type === 'refusal' && part.extra?.field === true)
}

/** One plain text is a string, which every upstream takes; nothing is null, where OpenAI has it so. */
function encodeContent(message: Message, native: boolean): unknown {
  const parts = message.content.filter((part) => !isBeside(part) && (native || part.type !== 'foreign'))
  const [only] = parts
  if (!only) return message.role === 'assistant' ? null : message.content.length > 0 ? '' : []
  if (parts.length === 1 && only.type === 'text' && !(native && only.extra)) return only.text
  return parts.map((part) => encodePart(part, native))
}

function encodePart(part: Part, native: boolean): Fields {
  const extra = native ? part.extra : undefined
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
    case 'refusal':
      return merge({ type: 'refusal', refusal: part.text }, extra)
    case 'reasoning':
      return { type: 'text', text: part.text }
    case 'foreign':
      return { type: part.name, ...part.extra }
  }
}

export function encodeToolCall(call: ToolCall, native: boolean): Fields {
  return merge(
    { id: call.id, type: 'function', function: { name: call.name, arguments: call.arguments } },
    native ? call.extra?.[dialect] : undefined,
  )
}

function encodeTool(tool: Tool, native: boolean): Fields {
  if (tool.type === 'foreign') return { type: tool.name, ...tool.extra }
  const { name, description, parameters, strict } = tool
  return merge(
    { type: 'function', function: compact({ name, description, parameters, strict }) },
    native ? tool.extra : undefined,
  )
}

function encodeToolChoice(choice: ToolChoice): unknown {
  if (choice.type === 'foreign') return choice.value
  return choice.type === 'function' ? { type: 'function', function: { name: choice.name } } : choice.type
}

function encodeResponseFormat(format: ResponseFormat, native: boolean): unknown {
  if (format.type === 'foreign') return format.value
  if (format.type === 'text') return { type: 'text' }
  if (format.type === 'json') return { type: 'json_object' }
  const { name, schema, description, strict } = format
  return merge(
    { type: 'json_schema', json_schema: compact({ name, schema, description, strict }) },
    native ? format.extra : undefined,
  )
}
