import type { Fields, Message, ReasoningPart } from '../../chat/message.ts'
import { isFields } from '../fields.ts'
import { decodeInput, type GivenItems, type ReadInput } from './decode-input.ts'
import type { ToolNames } from './tool-names.ts'

/** Longer conversations are read at once, by the full reader. */
const maxItems = 10_000

/**
 * Whether the input has the documented form and refers to nothing that is kept, so that it can be read without a fault, and goes to an
 * upstream of this dialect as it is. Reasoning and items that a service made itself need the full reader.
 */
export function hasPlainInput({ input, previous_response_id: previous }: Fields): boolean {
  if (previous !== undefined && previous !== null) return false
  if (typeof input === 'string') return true
  if (!Array.isArray(input) || input.length > maxItems || !isFields(input[0]) || !isOfClient(input[0])) return false
  const calls: ItemCalls = {}
  for (const item of input) if (!isFields(item) || !isPlainItem(item, calls)) return false
  return true
}

/** The ids of the calls so far. Most requests have none. */
interface ItemCalls {
  known?: Set<string>
}

/** An item must not have what would be taken from it: an id, and members that are null. */
function isPlainItem(item: Fields, calls: ItemCalls): boolean {
  for (const name in item) if (name === 'id' || item[name] === null) return false
  switch (item.type) {
    case undefined:
    case 'message':
      return (isOfClient(item) || item.role === 'assistant') && isContent(item.content)
    case 'function_call':
      return isWords(item.name) && isWords(item.arguments) && isNewCall(item, calls)
    case 'custom_tool_call':
      return isWords(item.name) && isWords(item.input) && isNewCall(item, calls)
    case 'function_call_output':
    case 'custom_tool_call_output':
      return typeof item.call_id === 'string' && calls.known?.has(item.call_id) === true && isWords(item.output)
    default:
      return false
  }
}

/** Whether it is a message that a conversation can consist of. */
function isOfClient({ type = 'message', role }: Fields): boolean {
  return type === 'message' && (role === 'user' || role === 'system' || role === 'developer')
}

/** Limit for the characters of a call's id. Longer ones are shortened. */
const maxId = 64

function isNewCall({ call_id: id }: Fields, calls: ItemCalls): boolean {
  if (typeof id !== 'string' || id === '' || id.length > maxId) return false
  calls.known ??= new Set()
  calls.known.add(id)
  return true
}

function isWords(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

function isContent(content: unknown): boolean {
  if (!Array.isArray(content)) return isWords(content)
  if (content.length === 0) return false
  for (const part of content) if (!isFields(part) || !isPlainPart(part)) return false
  return true
}

function isPlainPart({ type, text, image_url }: Fields): boolean {
  if (type === 'input_image') return typeof image_url === 'string'
  return (type === 'input_text' || type === 'output_text') && isWords(text)
}

const noReasoning: ReadonlyMap<Fields, ReasoningPart> = new Map()

/** A plain input. Its messages are decoded when they are first read, because few upstreams need that. */
export class PlainInput implements ReadInput {
  readonly tools = []
  readonly hosted = []
  readonly update = {}
  readonly reasoning = noReasoning
  readonly #given: GivenItems
  readonly #names: ToolNames
  #messages: readonly Message[] | undefined

  constructor(given: GivenItems, names: ToolNames) {
    this.#given = given
    this.#names = names
  }

  get messages(): readonly Message[] {
    this.#messages ??= decodeInput(this.#given, this.#names).messages
    return this.#messages
  }

  get isRead(): boolean {
    return this.#messages !== undefined
  }
}
