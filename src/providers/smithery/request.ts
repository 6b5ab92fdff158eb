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

/** What smithery's playground takes; it has no place for sampling, a token limit or a response format. */
export const support: Support = {
  parameters: { tools: 'mapped', toolChoice: 'mapped', reasoningEffort: 'mapped', choices: 'emulated' },
  parts: ['text', 'image', 'file', 'reasoning', 'refusal'],
}

/**
 * The body of `POST /api/chat`: the messages as the UIMessages of the AI SDK, the whole conversation each time.
 * @throws ChatError `unsupported` for what it has no place for, `invalid-request` for results of calls nobody made
 */
export function encodeSmitheryRequest(request: ChatRequest, runtime: Pick<Runtime, 'newId'>): Fields {
  const uiMessage = messageMaker(runtime)
  const effort = efforts[request.parameters.reasoningEffort ?? '']
  const messages = encodeMessages(request.messages.map(withoutImages), uiMessage)
  const instructions = systemPrompt(request.messages)
  // there must be a message: of instructions alone, as for a chat's title, they are one
  const isAlone = messages.length === 0
  return {
    messages: isAlone ? [uiMessage('user', [{ type: 'text', text: instructions }])] : messages,
    model: request.model,
    systemPrompt: isAlone ? '' : instructions,
    ...encodeTools(request),
    // as public clients of the playground send it
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

/** It knows one prompt of the system, and none within the conversation. */
function systemPrompt(messages: readonly Message[]): string {
  return messages
    .filter(({ role }) => role === 'system' || role === 'developer')
    .map(({ content }) => textOf(content))
    .filter((text) => text !== '')
    .join('\n\n')
}

/** A message at its place in the request. */
interface Placed<M> {
  readonly at: number
  readonly message: M
}

/** Calls and their results stand in one message; a result may come anywhere after its call. */
function encodeMessages(messages: readonly Message[], uiMessage: MakeMessage): Fields[] {
  const calls = placedCalls(messages)
  return messages.flatMap((message, at): Fields[] => {
    const isFileRefused = message.role !== 'user'
    const index = isFileRefused ? message.content.findIndex(({ type }) => type === 'image' || type === 'file') : -1
    if (index !== -1)
      throw unsupported(`messages[${at}].content[${index}]`, 'pictures and files anywhere but in a user message')
    if (message.role === 'user') return [uiMessage('user', userParts({ at, message }))]
    const parts = message.role === 'assistant' ? assistantParts(message, calls) : []
    // a step of nothing is an answer that broke off before its first word
    return parts.length > 1 ? [uiMessage('assistant', parts)] : []
  })
}

type MakeMessage = (role: 'user' | 'assistant', parts: readonly Fields[]) => Fields

function messageMaker(runtime: Pick<Runtime, 'newId'>): MakeMessage {
  return (role, parts) => ({ id: `msg-${runtime.newId().replaceAll('-', '').slice(0, 16)}`, role, parts })
}

function unsupported(param: string, what: string): ChatError {
  return new ChatError('unsupported', { message: `${param}: smithery does not take ${what}.`, param })
}

interface PlacedCall {
  /** Its own within the conversation. */
  readonly id: string
  result: ToolMessage | undefined
}

/** Every call with its result: of several with one id, as clients have them that count anew with every answer, the last one's. */
function placedCalls(messages: readonly Message[]): ReadonlyMap<ToolCallPart, PlacedCall> {
  const calls = new Map<ToolCallPart, PlacedCall>()
  const newest = new Map<string, PlacedCall>()
  for (const [at, message] of messages.entries()) {
    for (const call of callsOf(message)) {
      const placed = { id: newest.has(call.id) ? `${call.id}-${calls.size}` : call.id, result: undefined }
      calls.set(call, placed)
      newest.set(call.id, placed)
    }
    if (message.role === 'tool') callOf(message, at, newest).result = message
  }
  return calls
}

function callOf({ toolCallId }: ToolMessage, at: number, newest: ReadonlyMap<string, PlacedCall>): PlacedCall {
  const call = newest.get(toolCallId)
  if (call) return call
  const param = `messages[${at}].tool_call_id`
  throw new ChatError('invalid-request', { message: `${param} names no call of an earlier message.`, param })
}

function userParts({ at, message }: Placed<UserMessage>): Fields[] {
  const parts = message.content.map((part, index) => userPart(part, `messages[${at}].content[${index}]`))
  // with a picture alone, front ends send an empty text, which models refuse
  const said = parts.filter(({ text }) => text !== '')
  return said.length > 0 ? said : [{ type: 'text', text: '' }]
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

/** What it thought is left out: models refuse thoughts that they have not signed. */
function assistantParts(message: AssistantMessage, calls: ReadonlyMap<ToolCallPart, PlacedCall>): Fields[] {
  const said = message.content.map((part) => (part.type === 'text' || part.type === 'refusal' ? part.text : ''))
  const text = said.join('')
  return [
    { type: 'step-start' },
    ...(text !== '' ? [{ type: 'text', text, state: 'done' }] : []),
    ...callsOf(message).map((call) => toolPart(call, calls.get(call))),
  ]
}

function toolPart({ id, name, arguments: json }: ToolCallPart, placed: PlacedCall | undefined): Fields {
  const part = { type: `tool-${name}`, toolCallId: placed?.id ?? id, input: inputOf(json) }
  const result = placed?.result
  if (!result) return { ...part, state: 'input-available' }
  // as a result of MCP, which is what its tools are
  const output = { content: [{ type: 'text', text: textOf(result.content) }] }
  return { ...part, state: 'output-available', output }
}

/** An object, whatever the model wrote: models that are handed their call back take nothing else. */
function inputOf(json: string): unknown {
  const input = json === '' ? {} : jsonOrUndefined(json)
  return typeof input === 'object' && input !== null && !Array.isArray(input) ? input : { arguments: json }
}

/** Being told what to call is being told to call with only that in reach. */
function encodeTools({ parameters: { tools = [], toolChoice }, spelling }: ChatRequest): Fields {
  const functions = tools.filter((tool) => tool.type === 'function')
  if (functions.length < tools.length) throw unsupported(spelling.tools ?? 'tools', 'tools that are no functions')
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

/** The schema under both names that are seen: MCP's, and that of the newer clients. */
function encodeTool(tool: FunctionTool): Fields {
  const { name, description = '' } = tool
  const schema = schemaOf(tool)
  return { type: 'function', name, description, inputSchema: schema, parameters: schema }
}
