import { ChatError } from '../../chat/error.ts'
import type {
  AssistantMessage,
  Fields,
  Message,
  Part,
  ToolCallPart,
  ToolMessage,
  UserMessage,
} from '../../chat/message.ts'
import { callsOf, textOf, withoutImages } from '../../chat/message.ts'
import type { Support } from '../../chat/model.ts'
import { type ChatRequest, type FunctionTool, schemaOf } from '../../chat/request.ts'
import type { Runtime } from '../../flow/runtime.ts'
import { jsonOrUndefined } from '../../wire/json.ts'
import { filePart, imagePart } from './file-part.ts'

/** What smithery's playground supports. It has no field for sampling, a token limit or a response format. */
export const support: Support = {
  parameters: { tools: 'mapped', toolChoice: 'mapped', reasoningEffort: 'mapped', choices: 'emulated' },
  parts: ['text', 'image', 'file', 'reasoning', 'refusal'],
}

/**
 * Encodes the body of `POST /api/chat`: the whole conversation, as the AI SDK's UIMessages.
 * @throws ChatError `unsupported` for content that smithery refuses; `invalid-request` for a result without its call
 */
export function encodeSmitheryRequest(request: ChatRequest, runtime: Pick<Runtime, 'newId'>): Fields {
  const uiMessage = messageMaker(runtime)
  const effort = efforts[request.parameters.reasoningEffort ?? '']
  const messages = encodeMessages(request.messages.map(withoutImages), uiMessage)
  const instructions = systemPrompt(request.messages)
  // the service needs a message, so instructions alone, such as those for a chat's title, are sent as a message
  const isAlone = messages.length === 0
  return {
    messages: isAlone ? [uiMessage('user', [{ type: 'text', text: instructions }])] : messages,
    model: request.model,
    systemPrompt: isAlone ? '' : instructions,
    ...encodeTools(request),
    // public clients of the playground send the effort in this field
    ...(effort && { reasoningEffort: effort }),
  }
}

const efforts: Readonly<Record<string, string>> = {
  none: 'minimal',
  minimal: 'minimal',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'high',
}

/** Joins all instructions, because smithery has one system prompt and no system messages within the conversation. */
function systemPrompt(messages: readonly Message[]): string {
  return messages
    .filter(({ role }) => role === 'system' || role === 'developer')
    .map(({ content }) => textOf(content))
    .filter((text) => text !== '')
    .join('\n\n')
}

/** A message and its position in the request. */
interface AtPosition<M> {
  readonly at: number
  readonly message: M
}

/**
 * Encodes the messages. A call and its result are in one message here; in the request a result may come anywhere after
 * its call.
 */
function encodeMessages(messages: readonly Message[], uiMessage: MakeMessage): Fields[] {
  const calls = callsWithResults(messages)
  return messages.flatMap((message, at): Fields[] => {
    const isFileRefused = message.role !== 'user'
    const index = isFileRefused ? message.content.findIndex(({ type }) => type === 'image' || type === 'file') : -1
    if (index !== -1)
      throw unsupported(`messages[${at}].content[${index}]`, 'pictures and files anywhere but in a user message')
    if (message.role === 'user') return [uiMessage('user', userParts({ at, message }))]
    const parts = message.role === 'assistant' ? assistantParts(message, calls) : []
    // an empty step is an answer that broke off before its first word
    return parts.length > 1 ? [uiMessage('assistant', parts)] : []
  })
}

type MakeMessage = (role: 'user' | 'assistant', parts: readonly Fields[]) => Fields

function messageMaker(runtime: Pick<Runtime, 'newId'>): MakeMessage {
  return (role, parts) => ({ id: `msg-${runtime.newId().replaceAll('-', '').slice(0, 16)}`, role, parts })
}

function unsupported(param: string, what: string): ChatError {
  return new ChatError('unsupported', { message: `${param}: smithery does not support ${what}.`, param })
}

interface CallWithResult {
  /** An id that is unique within the conversation. */
  readonly id: string
  result: ToolMessage | undefined
}

/**
 * Finds the result of every call. If several calls have the same id, because a client starts its count
 * again in every answer, the last of them gets the result.
 */
function callsWithResults(messages: readonly Message[]): ReadonlyMap<ToolCallPart, CallWithResult> {
  const calls = new Map<ToolCallPart, CallWithResult>()
  const newest = new Map<string, CallWithResult>()
  for (const [at, message] of messages.entries()) {
    for (const call of callsOf(message)) {
      const found = { id: newest.has(call.id) ? `${call.id}-${calls.size}` : call.id, result: undefined }
      calls.set(call, found)
      newest.set(call.id, found)
    }
    if (message.role === 'tool') callOf(message, at, newest).result = message
  }
  return calls
}

function callOf({ toolCallId }: ToolMessage, at: number, newest: ReadonlyMap<string, CallWithResult>): CallWithResult {
  const call = newest.get(toolCallId)
  if (call) return call
  const param = `messages[${at}].tool_call_id`
  throw new ChatError('invalid-request', { message: `${param} does not name a call of an earlier message.`, param })
}

function userParts({ at, message }: AtPosition<UserMessage>): Fields[] {
  const parts = message.content.map((part, index) => userPart(part, `messages[${at}].content[${index}]`))
  // front ends send an empty text beside a picture, which models refuse
  const texts = parts.filter(({ text }) => text !== '')
  return texts.length > 0 ? texts : [{ type: 'text', text: '' }]
}

function userPart(part: Part, param: string): Fields {
  switch (part.type) {
    case 'image':
      return imagePart(part)
    case 'file':
      return filePart(part) ?? refuseFileId(param)
    case 'text':
    case 'refusal':
    case 'reasoning':
      return { type: 'text', text: part.text }
    default:
      throw unsupported(param, 'content of this kind')
  }
}

function refuseFileId(param: string): never {
  throw unsupported(param, 'files by their id')
}

/** Leaves reasoning out, because models refuse reasoning without their signature. */
function assistantParts(message: AssistantMessage, calls: ReadonlyMap<ToolCallPart, CallWithResult>): Fields[] {
  const texts = message.content.map((part) => (part.type === 'text' || part.type === 'refusal' ? part.text : ''))
  const text = texts.join('')
  return [
    { type: 'step-start' },
    ...(text !== '' ? [{ type: 'text', text, state: 'done' }] : []),
    ...callsOf(message).map((call) => toolPart(call, calls.get(call))),
  ]
}

function toolPart({ id, name, arguments: json }: ToolCallPart, found: CallWithResult | undefined): Fields {
  const part = { type: `tool-${name}`, toolCallId: found?.id ?? id, input: inputOf(json) }
  const result = found?.result
  if (!result) return { ...part, state: 'input-available' }
  // in the form of an MCP result, because smithery's tools are MCP tools
  const output = { content: [{ type: 'text', text: textOf(result.content) }] }
  return { ...part, state: 'output-available', output }
}

/**
 * The arguments as an object. If the model wrote something else, its text is put into an object, because models accept
 * only an object in a call that is sent back.
 */
function inputOf(json: string): unknown {
  const input = json === '' ? {} : jsonOrUndefined(json)
  return typeof input === 'object' && input !== null && !Array.isArray(input) ? input : { arguments: json }
}

/** Encodes the tools. If the client chose one tool, only that tool is offered, and the model must call it. */
function encodeTools({ parameters: { tools = [], toolChoice }, spelling }: ChatRequest): Fields {
  const functions = tools.filter((tool) => tool.type === 'function')
  if (functions.length < tools.length) throw unsupported(spelling.tools ?? 'tools', 'tools that are not functions')
  const choice = spelling.toolChoice ?? 'tool_choice'
  switch (toolChoice?.type) {
    case 'foreign':
      throw unsupported(choice, 'a choice of this kind')
    case 'none':
      return { tools: [] }
    case 'required':
      return { tools: functions.map(encodeTool), toolChoice: 'required' }
    case 'function': {
      const named = functions.filter(({ name }) => name === toolChoice.name)
      if (named.length > 0) return { tools: named.map(encodeTool), toolChoice: 'required' }
      throw new ChatError('invalid-request', { message: `${choice} names a tool that is not in tools.`, param: choice })
    }
    default:
      return { tools: functions.map(encodeTool) }
  }
}

/** Encodes a tool. The schema is in both fields that are in use: MCP's, and that of newer clients. */
function encodeTool(tool: FunctionTool): Fields {
  const { name, description = '' } = tool
  const schema = schemaOf(tool)
  return { type: 'function', name, description, inputSchema: schema, parameters: schema }
}
