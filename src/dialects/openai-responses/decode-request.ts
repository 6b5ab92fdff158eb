import { ChatError } from '../../chat/error.ts'
import type { Fields, ForeignPart, Part } from '../../chat/message.ts'
import type { SentPrompt } from '../../chat/prompt.ts'
import type { ChatRequest, OfferedTool } from '../../chat/request.ts'
import { isFields } from '../fields.ts'
import { gatewayWishes, withoutGatewayMembers } from '../gateway-members.ts'
import { mustBe, notABody, refusedBody, textIn, tooMany } from '../invalid-request.ts'
import { readFlag } from '../readings.ts'
import { askForSummary, isOfCompaction, wantsCompaction } from './compaction.ts'
import { decodeInput, type ReadInput } from './decode-input.ts'
import { decodeSettings } from './decode-parameters.ts'
import { decodeChoice, decodeTools } from './decode-tools.ts'
import { dialect } from './dialect.ts'
import { NativeResponse } from './native-response.ts'
import { PlainInput } from './plain-input.ts'
import { promptIn } from './prompt.ts'
import type { ContentSealer } from './sealed-extra.ts'
import { ToolNames } from './tool-names.ts'

/** A request, and what the answer needs of it. */
export interface ResponseRequest {
  readonly request: ChatRequest
  /** The body, whose settings the response repeats. */
  readonly body: Fields
  readonly names: ToolNames
  /** Whether the answer is a summary, which becomes the only item. */
  readonly isCompaction: boolean
}

interface BesideBody {
  /** The items of earlier responses. */
  readonly earlier?: readonly unknown[]
  /** Opens what was sealed for the client. */
  readonly sealer?: ContentSealer | undefined
  /** The JSON of a body whose input is plain. */
  readonly bytes?: Uint8Array
}

/** Maximum number of tools of a request. */
const maxTools = 4_096

/** Returns the items of a body. A text is one message of the user. @throws ChatError `invalid-request` */
export function itemsIn({ input }: Fields): readonly unknown[] {
  if (typeof input === 'string') return [{ type: 'message', role: 'user', content: input }]
  if (input === undefined || input === null) return []
  if (Array.isArray(input)) return input
  throw refusedBody({ path: ['input'], problem: mustBe('a string or a list of items', input), code: 'invalid_type' })
}

/** Returns the body of a request if it is an object. @throws ChatError `invalid-request` */
export function bodyIn(body: unknown): Fields {
  if (isFields(body)) return body
  throw notABody('"model" and "input"')
}

/**
 * Reads a request to OpenAI's Responses API. What only OpenAI has, such as its own tools, is left out and named in the receipt.
 * @throws ChatError `invalid-request`, with the path of the member that is wrong; `unsupported`; `too-large`
 */
export function decodeRequest(body: Fields, { earlier = [], sealer, bytes }: BesideBody = {}): ResponseRequest {
  const model = textIn(body, 'model', [])
  if (model === '') throw refusedBody({ path: ['model'], problem: 'must not be empty', code: 'invalid_value' })
  refuseMissing(body)
  const names = new ToolNames()
  const own = decodeTools(body.tools, names)
  const instructions = isGiven(body.instructions) ? textIn(body, 'instructions', []) : undefined
  const items = itemsIn(body)
  const given = { earlier, items, instructions, sealer }
  const input = bytes ? new PlainInput(given, names) : decodeInput(given, names)
  if (input.isRead && input.messages.length === 0)
    throw refusedBody({ path: ['input'], problem: 'must not be empty', code: 'missing_required_parameter' })
  const all = earlier.length === 0 ? items : [...earlier, ...items]
  const prompt = () => promptIn(body, all, earlier.length)
  const read = {
    model,
    input,
    hosted: [...own.hosted, ...input.hosted],
    tools: [...own.tools, ...input.tools],
    names,
    prompt,
  }
  const shared = { body, names, isCompaction: wantsCompaction(items) }
  if (shared.isCompaction) return { request: askForSummary(requestOf(body, read)), ...shared }
  // a summary that was sealed here is of no use to a service
  if (all.some(isOfCompaction)) return { request: requestOf(body, read), ...shared }
  const value = withoutGatewayMembers(body)
  const native = new NativeResponse({ value, bytes: value === body ? bytes : undefined }, { items: all, input, names })
  return { request: requestOf(body, read, native), ...shared }
}

interface ReadBody {
  readonly model: string
  readonly input: ReadInput
  readonly tools: readonly OfferedTool[]
  /** The types of tools and items that only OpenAI understands. */
  readonly hosted: readonly string[]
  readonly names: ToolNames
  prompt(): SentPrompt
}

function requestOf(
  body: Fields,
  { model, input, tools: found, hosted, names, prompt }: ReadBody,
  native?: NativeResponse,
): ChatRequest {
  if (found.length > maxTools) throw tooMany('tools', 'tools', maxTools)
  const { parameters, spelling } = decodeSettings(input.isRead ? { ...body, ...input.update } : body)
  const { toolChoice, allowed } = decodeChoice(body.tool_choice, names)
  const tools = offered(found, allowed)
  if (allowed?.size && tools.length === 0)
    throw refusedBody({ path: ['tool_choice', 'tools'], problem: 'names no tool of "tools"', code: 'invalid_value' })
  const foreign = input.isRead ? input.messages.flatMap(({ content }) => content.filter(isForeign)) : []
  const dropped = [...hosted.map((type) => `tools.${type}`), ...foreign.map(({ name }) => `input.${name}`)]
  const decoded = {
    parameters: {
      ...parameters,
      ...(tools.length > 0 && { tools }),
      ...(toolChoice && (tools.length > 0 || toolChoice.type === 'foreign') && { toolChoice }),
    },
    extra: { [dialect]: Object.fromEntries(dropped.map((name) => [name, true])) },
  }
  native?.note(decoded)
  return {
    dialect,
    model,
    get messages() {
      return input.messages
    },
    ...decoded,
    spelling: {
      ...spelling,
      ...(tools.length > 0 && { tools: 'tools' }),
      ...(toolChoice && { toolChoice: 'tool_choice' }),
    },
    ...gatewayWishes(body),
    bindsExtra: true,
    stream: flagIn(body, 'stream'),
    prompt,
    ...(native && { native }),
  }
}

/** Whether a part needs a file of OpenAI's or an address that OpenAI would read. */
function isForeign(part: Part): part is ForeignPart {
  return part.type === 'foreign'
}

/** Removes tools that were offered twice, and those that may not be called. */
function offered(tools: readonly OfferedTool[], allowed: ReadonlySet<string> | undefined): readonly OfferedTool[] {
  if (tools.length === 0) return tools
  const byName = new Map(tools.map((tool) => [tool.name, tool]))
  return [...byName.values()].filter(({ name }) => allowed?.has(name) ?? true)
}

/** Members whose meaning would be lost in silence. */
const refused = [
  ['prompt', 'stored prompts exist only at OpenAI. Send "instructions" and "input".'],
  ['conversation', 'conversations are not kept here. Send "previous_response_id" or the whole input.'],
] as const

function refuseMissing(body: Fields): void {
  for (const [param, what] of refused)
    if (body[param] !== undefined && body[param] !== null && body[param] !== false)
      throw new ChatError('unsupported', { message: `${param}: ${what}`, param })
}

/** Replaces the words and numbers that stand for true and false in `store` and `background`, such as "false". @throws ChatError `invalid-request` */
export function withFlags(body: Fields): Fields {
  const odd = ['store', 'background'].filter((name) => isGiven(body[name]) && typeof body[name] !== 'boolean')
  return odd.length === 0 ? body : { ...body, ...Object.fromEntries(odd.map((name) => [name, flagIn(body, name)])) }
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null
}

function flagIn(body: Fields, name: string): boolean {
  if (!isGiven(body[name])) return false
  const reading = readFlag(body[name])
  if ('wrong' in reading) throw refusedBody({ path: [name], problem: reading.wrong, code: 'invalid_type' })
  return reading.value ?? false
}
