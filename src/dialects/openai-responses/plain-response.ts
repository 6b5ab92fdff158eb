import type { ChatEvent, Native } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { hasOnly, isFields } from '../fields.ts'
import { isRefusal } from '../openai-chat/refusal-inside.ts'
import { decodeUsage } from './decode-usage.ts'
import { dialect } from './dialect.ts'
import type { ToolNames } from './tool-names.ts'

/** More items are read, and perhaps refused, by the full reader. */
const maxItems = 1_000

interface PlainReading {
  /** How the tools of the request are called in the vocabulary. */
  readonly names: ToolNames | undefined
  /** Attached to each event. */
  readonly native?: Native | undefined
}

/** A whole response, which all events that were decoded from it carry. */
export function wholeNative(value: Fields, json?: string): Native {
  return { dialect, form: 'whole', value, ...(json !== undefined && { json }) }
}

/**
 * Returns the events of a whole response in the documented form that has only texts and calls of functions, as most have. Returns
 * undefined for any other response, and for one that may need a repair.
 */
export function plainResponseIn(value: Fields, { names, native }: PlainReading): readonly ChatEvent[] | undefined {
  const { object, type, status, output, incomplete_details, error, usage: counts } = value
  if (
    object !== 'response' ||
    type !== undefined ||
    status !== 'completed' ||
    (incomplete_details ?? error ?? null) !== null
  )
    return undefined
  const usage = decodeUsage(counts)
  if (!usage || !Array.isArray(output) || output.length === 0 || output.length > maxItems) return undefined
  if (isRefusal(value)) return undefined
  const events = new PlainEvents(names, native && { native })
  for (const item of output) if (!isFields(item) || !events.add(item)) return undefined
  return events.end(usage)
}

const messageMembers: ReadonlySet<string> = new Set(['id', 'type', 'status', 'role', 'content'])
const textMembers: ReadonlySet<string> = new Set(['type', 'text', 'annotations', 'logprobs'])
const callMembers: ReadonlySet<string> = new Set(['id', 'type', 'status', 'call_id', 'name', 'arguments'])

class PlainEvents {
  readonly #names: ToolNames | undefined
  readonly #beside: { readonly native: Native } | undefined
  readonly #events: ChatEvent[] = []
  readonly #ids = new Set<unknown>()
  #part = 0
  #hasCalls = false

  constructor(names: ToolNames | undefined, beside: { readonly native: Native } | undefined) {
    this.#names = names
    this.#beside = beside
  }

  /** Adds the events of an item. Returns false if it is not plain. */
  add(item: Fields): boolean {
    // an item that comes twice counts once
    if (item.id !== undefined && this.#ids.has(item.id)) return false
    this.#ids.add(item.id)
    if (item.type === 'message') return this.#message(item)
    return item.type === 'function_call' && this.#call(item)
  }

  end(usage: NonNullable<ReturnType<typeof decodeUsage>>): readonly ChatEvent[] {
    const reason = this.#hasCalls ? 'tool-calls' : 'stop'
    this.#events.push(
      { type: 'finish', choice: 0, reason, raw: 'completed', ...this.#beside },
      { type: 'usage', choice: 0, usage, ...this.#beside },
    )
    return this.#events
  }

  #message(item: Fields): boolean {
    const { content } = item
    if (!Array.isArray(content) || content.length !== 1 || !hasOnly(item, messageMembers)) return false
    const said: unknown = content[0]
    if (!isFields(said) || said.type !== 'output_text' || !hasOnly(said, textMembers)) return false
    const { text } = said
    if (typeof text !== 'string' || text === '' || !isEmpty(said.annotations) || !isEmpty(said.logprobs)) return false
    const at = { choice: 0, part: this.#part++, ...this.#beside }
    this.#events.push({ type: 'text', text, ...at }, { type: 'part-end', ...at })
    return true
  }

  #call(item: Fields): boolean {
    const { call_id: id, name: said, arguments: json } = item
    if (!isWords(id) || !isWords(said) || !isWords(json) || !hasOnly(item, callMembers)) return false
    this.#hasCalls = true
    const at = { choice: 0, part: this.#part++, ...this.#beside }
    const name = this.#names?.nameOf(said) ?? said
    this.#events.push(
      { type: 'tool-call', id, name, ...at },
      { type: 'tool-arguments', json, ...at },
      { type: 'part-end', ...at },
    )
    return true
  }
}

function isWords(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

/** Whether a list is empty, or is not there. */
function isEmpty(list: unknown): boolean {
  return list === undefined || list === null || (Array.isArray(list) && list.length === 0)
}
