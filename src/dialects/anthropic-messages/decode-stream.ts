import type { NoteDrift } from '../../chat/drift.ts'
import { DriftWatch } from '../../chat/drift-watch.ts'
import { type ChatEvent, isBlank } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { PartWriter } from '../../chat/part-writer.ts'
import { brokenAnswer, emptyAnswer, mayBeEmpty, unknownReply } from '../../chat/reply-errors.ts'
import { maxCalls, tooLarge, tooManyCalls } from '../../wire/reply-limits.ts'
import { isFields, rest } from '../fields.ts'
import { isRefusal, saysWords } from '../openai-chat/refusal-inside.ts'
import { decodeCitation } from './citation.ts'
import { errorInside } from './complaint.ts'
import { knownEvents, nameOf } from './known-events.ts'
import { ownExtra } from './own-extra.ts'
import { readStop } from './stop-reason.ts'
import { decodeUsage } from './usage.ts'
import { eventsOfMessage } from './whole-message.ts'

/** Limit for the characters of a block that are kept until the block ends. */
const maxHeld = 16 * 1024 * 1024

/** Blocks of which nothing may be shown for minutes: hidden thinking, and tools that Anthropic runs. Only pings come then. */
const silent: ReadonlySet<unknown> = new Set(['thinking', 'redacted_thinking', 'server_tool_use', 'mcp_tool_use'])

/** An event that the client does not see. It tells the layers that the upstream is working. */
const progress: readonly ChatEvent[] = [{ type: 'foreign', choice: 0, isShown: false }]

/** An open block. */
interface OpenBlock {
  /** The block as it began, and, if its type is unknown, with what its deltas added. */
  block: Fields
  /** The part of a call that the client runs. It has no meaning for other blocks. */
  readonly part: number
  signature: string
  /** The arguments of a call that Anthropic runs itself, because that part is written whole. */
  json: string
  hasArguments: boolean
}

/**
 * Reads the events of a streamed message. Each block of the message is a part. `message_stop` is the only clean end, but
 * blocks after it still belong to the answer. Anthropic, Streaming Messages
 */
export class MessageDecoder {
  readonly #writer = new PartWriter()
  readonly #open = new Map<number, OpenBlock>()
  /** The type of the latest block. */
  #latest: unknown
  #usage: Fields = {}
  #stop: Fields = {}
  #calls = 0
  #hasContent = false
  #isStopped = false
  readonly #drift: DriftWatch | undefined

  constructor(note?: NoteDrift) {
    this.#drift = note && new DriftWatch(knownEvents, note)
  }

  get finished(): boolean {
    return this.#isStopped
  }

  /** Reads an event, or a whole message. @throws ChatError for an `error` event, and for a value of another shape */
  event(value: unknown): readonly ChatEvent[] {
    if (isRefusal(value)) throw errorInside(value)
    const events = (eventsOfMessage(value) ?? [value]).flatMap((each) => this.#tryStep(each))
    this.#hasContent ||= events.some((event) => !isBlank(event))
    return events
  }

  /** Returns the last events. @throws ChatError if the answer is cut or empty */
  end(): readonly ChatEvent[] {
    if (!this.#isStopped) throw brokenAnswer()
    const usage = decodeUsage(this.#usage)
    const ended = readStop(this.#stop, this.#calls > 0)
    if (!this.#hasContent && !mayBeEmpty(ended.reason, usage)) throw emptyAnswer()
    const { reason, ...ending } = ended
    return [
      ...[...this.#open.keys()].flatMap((index) => this.#end(index)),
      ...this.#writer.finish(reason, ending),
      ...(usage ? [{ type: 'usage', choice: 0, usage } as const] : []),
    ]
  }

  #tryStep(value: unknown): readonly ChatEvent[] {
    try {
      const events = this.#step(value)
      // a text without words is an event too
      if (this.#drift && events.every(isBlank)) this.#drift.look(nameOf(value), value)
      return events
    } catch (thrown) {
      this.#drift?.lookAfter(thrown, nameOf(value), value)
      throw thrown
    }
  }

  #step(value: unknown): readonly ChatEvent[] {
    if (!isFields(value) || typeof value.type !== 'string') throw saysWords(value) ? errorInside(value) : unknownReply()
    switch (value.type) {
      case 'message_start':
        this.#count(fieldsIn(value.message).usage)
        return []
      case 'content_block_start':
        return this.#begin(indexOf(value), fieldsIn(value.content_block))
      case 'content_block_delta':
        return this.#grow(indexOf(value), fieldsIn(value.delta))
      case 'content_block_stop':
        return this.#end(indexOf(value))
      case 'message_delta':
        this.#stop = { ...this.#stop, ...rest(fieldsIn(value.delta), []) }
        this.#count(value.usage)
        return []
      case 'message_stop':
        this.#isStopped = true
        return []
      case 'ping':
        return silent.has(this.#latest) ? progress : []
      default:
        // types that Anthropic may add later
        return []
    }
  }

  /** Takes a usage. It is cumulative, so its numbers replace the earlier ones. */
  #count(usage: unknown): void {
    if (isFields(usage)) this.#usage = { ...this.#usage, ...rest(usage, []) }
  }

  /** Opens a block. Blocks do not overlap, so it ends the ones before it whose end is missing. */
  #begin(index: number, block: Fields): readonly ChatEvent[] {
    const ended = [...this.#open.keys()].flatMap((open) => this.#end(open))
    const opened = this.#opening(block)
    this.#latest = block.type
    const signature = textIn(block, 'signature')
    this.#open.set(index, { block, part: this.#writer.latestPart, signature, json: '', hasArguments: false })
    return [...ended, ...opened]
  }

  #opening(block: Fields): readonly ChatEvent[] {
    switch (block.type) {
      case 'text':
        return this.#writer.text(textIn(block, 'text'))
      case 'thinking':
        return this.#writer.reasoning(textIn(block, 'thinking'))
      case 'redacted_thinking':
        return this.#writer.reasoning('')
      case 'tool_use':
        return this.#openCall(block)
      default:
        return []
    }
  }

  #openCall(block: Fields): readonly ChatEvent[] {
    if (this.#calls >= maxCalls) throw tooManyCalls()
    const [id, name] = [textIn(block, 'id'), textIn(block, 'name')]
    if (name === '') throw unknownReply()
    this.#calls++
    const others = rest(block, ['type', 'id', 'name', 'input', ...(isDirect(block.caller) ? ['caller'] : [])])
    return this.#writer.toolCall({ id: id === '' ? `toolu_${this.#calls}` : id, name, ...ownExtra(others) })
  }

  #grow(index: number, delta: Fields): readonly ChatEvent[] {
    const open = this.#open.get(index)
    if (!open) throw unknownReply()
    switch (delta.type) {
      case 'text_delta':
        return this.#writer.text(textIn(delta, 'text'))
      case 'thinking_delta':
        return this.#writer.reasoning(textIn(delta, 'thinking'))
      case 'citations_delta':
        return this.#writer.text('', { annotations: [decodeCitation(fieldsIn(delta.citation))] })
      case 'signature_delta':
        open.signature = held(open.signature, textIn(delta, 'signature'))
        return []
      case 'input_json_delta':
        return this.#growCall(open, textIn(delta, 'partial_json'))
      default:
        open.block = grown(open.block, delta)
        return []
    }
  }

  #growCall(open: OpenBlock, json: string): readonly ChatEvent[] {
    if (json === '') return []
    open.hasArguments = true
    if (open.block.type === 'tool_use') return this.#writer.toolArguments(open.part, json)
    open.json = held(open.json, json)
    return []
  }

  #end(index: number): readonly ChatEvent[] {
    const open = this.#open.get(index)
    this.#open.delete(index)
    if (!open) return []
    const { block, part, signature, hasArguments } = open
    switch (block.type) {
      case 'text':
        return this.#writer.endWords()
      case 'thinking':
        return this.#writer.endWords(ownExtra(signature === '' ? undefined : { signature }))
      case 'redacted_thinking':
        return this.#writer.endWords(ownExtra({ redacted: textIn(block, 'data') }))
      case 'tool_use': {
        // services with this dialect may send the arguments with the beginning of the block
        const missing = hasArguments ? [] : this.#writer.toolArguments(part, JSON.stringify(fieldsIn(block.input)))
        return [...missing, ...this.#writer.endCall(part)]
      }
      default:
        return this.#whole(open)
    }
  }

  /** Writes a block that has no deltas for the client: a tool that Anthropic ran, its result, or a block of an unknown type. */
  #whole({ block, json }: OpenBlock): readonly ChatEvent[] {
    const { id, name, tool_use_id, content, is_error, input = {} } = block
    if (typeof id === 'string' && typeof name === 'string') {
      const own = ownExtra(rest(block, ['id', 'name', 'input']))
      const call = { id, name, arguments: json === '' ? JSON.stringify(input) : json }
      return this.#writer.whole({ type: 'server-tool-call', ...call, ...own })
    }
    if (typeof tool_use_id === 'string') {
      const isError = is_error === true || /_error$/.test(textIn(fieldsIn(content), 'type'))
      const failed = isError && { isError }
      return this.#writer.whole({ type: 'server-tool-result', toolCallId: tool_use_id, ...failed, ...ownExtra(block) })
    }
    return [{ type: 'foreign', choice: 0, isShown: true }]
  }
}

function indexOf({ index }: Fields): number {
  return typeof index === 'number' ? index : 0
}

function textIn(fields: Fields, name: string): string {
  const value = fields[name]
  return typeof value === 'string' ? value : ''
}

const noFields: Fields = {}

function fieldsIn(value: unknown): Fields {
  return isFields(value) ? value : noFields
}

/** Whether the model itself made a call, and not a program that it wrote. This is usual, and need not be sent back. */
function isDirect(caller: unknown): boolean {
  return fieldsIn(caller).type === 'direct'
}

/** @throws ChatError `upstream-outdated` for more than an upstream would send */
function held(text: string, added: string): string {
  if (text.length + added.length > maxHeld) throw tooLarge(`has a block of more than ${maxHeld} characters`)
  return text + added
}

/** Adds the texts of a delta to the members of a block of an unknown type. */
function grown(block: Fields, { type: _, ...delta }: Fields): Fields {
  const added = Object.entries(delta).map(([name, value]) => [
    name,
    typeof value === 'string' ? held(textIn(block, name), value) : value,
  ])
  return { ...block, ...Object.fromEntries(added) }
}
