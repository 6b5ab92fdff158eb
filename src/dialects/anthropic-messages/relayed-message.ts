import type { ChatEvent, ForeignEvent, Native } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { redact } from '../../chat/secret.ts'
import { isFields } from '../fields.ts'
import { dialect } from './dialect.ts'
import { LearnedDeltas } from './learned-deltas.ts'

/** The part that the deltas of an open block add to. */
interface OpenText {
  readonly type: 'text' | 'reasoning'
  readonly part: number
}

/** The blocks that each kind of delta belongs to. An unknown kind may belong to any. Anthropic, Streaming Messages */
const blocksOfDeltas: ReadonlyMap<unknown, RegExp> = new Map([
  ['text_delta', /^text$/],
  ['citations_delta', /^text$/],
  ['thinking_delta', /^thinking$/],
  ['signature_delta', /^thinking$/],
  ['input_json_delta', /^(?!text$|(redacted_)?thinking$)/],
])

/** Maximum number of events that wait for another one. */
const maxAside = 64

/**
 * Attaches the events of a stream to those that were decoded from them, for a client of this dialect. An event without a meaning
 * for us gets an event of its own. An event with a fault is not attached, so it is written anew.
 */
export class RelayedMessage {
  readonly #learned = new LearnedDeltas()
  /** The type of the open block. */
  #block: unknown
  #text: OpenText | undefined
  /** Events that show nothing, and that do not extend the time of the deadlines. */
  #aside: Native[] = []
  #end: Native | undefined
  #stop: Native | undefined

  /** Returns the event of a delta that differs from an earlier one only in its text; undefined for one that must be read. */
  learned(json: string): readonly ChatEvent[] | undefined {
    if (!this.#text) return undefined
    const native = this.#learned.find(json)
    if (!native) return undefined
    const { type, part } = this.#text
    return this.#after([{ type, choice: 0, part, text: native.text, native }])
  }

  /**
   * @param decoded the events that were decoded from it
   * @param json the JSON of the event, unless it is too long for a text
   */
  attach(decoded: readonly ChatEvent[], value: unknown, json?: string): readonly ChatEvent[] {
    if (!isFields(value)) return decoded
    const native: Native = { dialect, form: 'chunk', value, ...(json !== undefined && { json: inOneLine(json) }) }
    switch (value.type) {
      case 'message':
        return this.#whole(decoded, wholeNative(value, json))
      case 'content_block_start':
        return this.#begin(decoded, native)
      case 'content_block_delta':
        return this.#grow(decoded, native)
      case 'content_block_stop':
        this.#close()
        return this.#after(carried(decoded, native, { isMade: isEnding }))
      case 'message_delta':
        return this.#hold(decoded, native)
      case 'message_stop':
        this.#stop = withoutSecrets(native)
        return decoded
      case 'message_start':
      case 'ping':
        return decoded.length > 0 ? this.#after(carried(decoded, native)) : this.#wait(withoutSecrets(native))
      default:
        return this.#after(carried(decoded, withoutSecrets(native)))
    }
  }

  /** Attaches the events of the end to the last events. */
  atEnd(decoded: readonly ChatEvent[]): readonly ChatEvent[] {
    return this.#after(decoded.map((event) => this.#ended(event)))
  }

  #ended(event: ChatEvent): ChatEvent {
    const native = this.#end?.form === 'whole' || event.type === 'finish' ? this.#end : this.#stop
    const isLast = event.type === 'finish' || event.type === 'usage' || native?.form === 'whole'
    return native && isLast ? { ...event, native } : event
  }

  #whole(decoded: readonly ChatEvent[], native: Native): readonly ChatEvent[] {
    this.#end = native
    return decoded.map((event) => ({ ...event, native }))
  }

  #begin(decoded: readonly ChatEvent[], native: Native): readonly ChatEvent[] {
    this.#close()
    const { content_block: block } = native.value
    if (!isFields(block)) return this.#after(decoded)
    this.#block = block.type
    const isShown = !isServerTool(block.type)
    return this.#after(
      isWhole(block) ? carried(decoded, withoutInput(native), { isMade: isOpening, isShown }) : decoded,
    )
  }

  #grow(decoded: readonly ChatEvent[], native: Native): readonly ChatEvent[] {
    const { delta } = native.value
    const { type } = isFields(delta) ? delta : {}
    const fits = blocksOfDeltas.get(type)?.test(String(this.#block)) ?? true
    if (!fits) {
      this.#close()
      return this.#after(decoded)
    }
    this.#learn(decoded, native)
    return this.#after(carried(decoded, native, { isShown: !blocksOfDeltas.has(type) }))
  }

  #learn([event, other]: readonly ChatEvent[], { value, json }: Native): void {
    if (other || json === undefined || (event?.type !== 'text' && event?.type !== 'reasoning') || event.text === '')
      return
    this.#text = { type: event.type, part: event.part }
    this.#learned.learn(json, value)
  }

  #close(): void {
    this.#text = undefined
    this.#learned.forget()
  }

  /** Only the last end counts. An earlier one was not the end. */
  #hold(decoded: readonly ChatEvent[], native: Native): readonly ChatEvent[] {
    const earlier = this.#end
    this.#end = withoutSecrets(native)
    return this.#after(carried(decoded, earlier))
  }

  #wait(native: Native | undefined): readonly ChatEvent[] {
    if (native && this.#aside.length < maxAside) this.#aside.push(native)
    return []
  }

  /** Puts the events that have waited before these. */
  #after(events: readonly ChatEvent[]): readonly ChatEvent[] {
    if (this.#aside.length === 0 || events.length === 0) return events
    const waited = this.#aside.map((native) => carrierOf(native))
    this.#aside = []
    return [...waited, ...events]
  }
}

/** A whole message, which all events that were decoded from it carry. */
export function wholeNative(value: Fields, json?: string): Native {
  return { dialect, form: 'whole', value, ...(json !== undefined && { json }) }
}

interface Carrying {
  /** Whether an event was made from the one to attach, and not only ended by it. */
  readonly isMade?: (event: ChatEvent) => boolean
  /** Whether it shows something, if it has no meaning for us. */
  readonly isShown?: boolean
}

/** Attaches an event to those that it made, or to an event of its own. */
function carried(
  decoded: readonly ChatEvent[],
  native: Native | undefined,
  { isMade = () => true, isShown = false }: Carrying = {},
): readonly ChatEvent[] {
  if (!native) return decoded
  if (!decoded.some(isMade)) return [...decoded, carrierOf(native, { isShown })]
  return decoded.map((event) => (isMade(event) ? { ...event, native } : event))
}

function carrierOf(native: Native, { isShown = false } = {}): ForeignEvent {
  return { type: 'foreign', choice: 0, isShown, native }
}

function isOpening({ type }: ChatEvent): boolean {
  return type !== 'part-end'
}

/** Arguments that came with the beginning are not made from the end. A call without any needs no event. */
function isEnding(event: ChatEvent): boolean {
  return event.type !== 'tool-arguments' || event.json === '{}'
}

/** The call of a tool that Anthropic runs, or its result. It shows something when it is whole. */
function isServerTool(block: unknown): boolean {
  return /^(server_tool_use|mcp_tool_use|.+_tool_result)$/.test(String(block))
}

/** The members that clients read at the beginning of a block, by its type. */
const needed: ReadonlyMap<unknown, readonly string[]> = new Map([
  ['text', ['text']],
  ['thinking', ['thinking']],
  ['tool_use', ['id', 'name']],
])

function isWhole(block: Fields): boolean {
  const isCalled = block.type !== 'tool_use' || block.id !== ''
  return isCalled && (needed.get(block.type) ?? []).every((name) => typeof block[name] === 'string')
}

/** Clients read the arguments of a call only from its deltas. */
function withoutInput(native: Native): Native {
  const { content_block: block } = native.value
  if (!isFields(block) || block.type !== 'tool_use' || !isFields(block.input)) return native
  if (Object.keys(block.input).length === 0) return native
  const { json: _, ...others } = native
  return { ...others, value: { ...native.value, content_block: { ...block, input: {} } } }
}

/** An event beside the content that repeats a secret is not relayed. */
function withoutSecrets(native: Native): Native | undefined {
  const { json = '' } = native
  return redact(json) === json ? native : undefined
}

/** A line break, which may only stand between members, would end the event. */
function inOneLine(json: string): string {
  return json.includes('\n') ? json.replaceAll('\n', ' ') : json
}
