import type { ChatEvent } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { moveAnnotations } from '../../chat/move-annotations.ts'
import { PartWriter } from '../../chat/part-writer.ts'
import { unknownReply } from '../../chat/reply-errors.ts'
import { maxCalls, tooLarge, tooManyCalls } from '../../wire/reply-limits.ts'
import { isFields } from '../fields.ts'
import { decodeAnnotation } from './annotation.ts'
import { extraOfCall, isCall, readCall } from './called-item.ts'
import { ownExtra } from './own-extra.ts'
import { returnedReasoning } from './own-reasoning.ts'
import type { ToolNames } from './tool-names.ts'
import { type ItemWords, wordsIn } from './words.ts'

/** A content part of which something has come. */
interface OpenContent {
  /** The characters of the answer's text before it. */
  readonly start: number
  annotations: number
}

/** An item that has begun. */
export class IncomingItem {
  /** The item as it began, with what later events said of the whole. */
  item: Fields
  /** The part of a call that the client runs, once its name is known. */
  part: number | undefined
  hasArguments = false
  readonly contents = new Map<string, OpenContent>()
  /** The content part that had words last. */
  latest: string | undefined

  constructor(item: Fields) {
    this.item = item
  }

  /** Takes what an event says of the whole item. Empty members replace none. */
  join(said: Fields): void {
    const members = Object.entries(said).filter(([, value]) => value !== undefined && value !== null && value !== '')
    this.item = { ...this.item, ...Object.fromEntries(members) }
  }
}

/** Writes the items of a response as the parts of an answer. */
export class ItemWriter {
  readonly #names: ToolNames | undefined
  readonly #writer = new PartWriter()
  #textLength = 0
  #calls = 0

  constructor(names: ToolNames | undefined) {
    this.#names = names
  }

  get hasCalls(): boolean {
    return this.#calls > 0
  }

  readonly finish: PartWriter['finish'] = (...ended) => this.#writer.finish(...ended)

  say(open: IncomingItem, { kind, content, text, isWhole, logprobs }: ItemWords): readonly ChatEvent[] {
    if (isWhole && open.contents.has(content)) return []
    this.#contentOf(open, content)
    if (text === '') return []
    const isNext = open.latest !== undefined && open.latest !== content
    const between = isNext ? this.#between(open, kind) : []
    open.latest = content
    if (kind === 'text') this.#textLength += text.length
    return [...between, ...this.#writer[kind](text, logprobs && { logprobs: { content: logprobs } })]
  }

  /** Separates two content parts of one item. The pieces of reasoning are paragraphs of one part. */
  #between({ item }: IncomingItem, kind: ItemWords['kind']): readonly ChatEvent[] {
    return kind === 'reasoning' ? this.#writer.reasoning('\n\n') : this.#writer.endWords(extraOfMessage(item))
  }

  #contentOf({ contents }: IncomingItem, content: string): OpenContent {
    const known = contents.get(content)
    if (known) return known
    if (contents.size >= maxCalls) throw tooLarge(`has an item with more than ${maxCalls} content parts`)
    const added = { start: this.#textLength, annotations: 0 }
    contents.set(content, added)
    return added
  }

  /** Adds annotations to the open text. */
  annotate(open: IncomingItem, content: string, wire: readonly unknown[]): readonly ChatEvent[] {
    const annotations = wire.filter(isFields).map(decodeAnnotation)
    if (annotations.length === 0) return []
    const known = this.#contentOf(open, content)
    known.annotations += annotations.length
    return this.#writer.text('', moveAnnotations({ annotations }, known.start))
  }

  /** Opens the part of a call, once its name is known. */
  openCall(open: IncomingItem): readonly ChatEvent[] {
    const call = open.part === undefined && isCall(open.item) ? readCall(open.item, this.#names) : undefined
    if (!call) return []
    if (this.#calls >= maxCalls) throw tooManyCalls()
    this.#calls++
    const opened = this.#writer.toolCall({ id: call.id === '' ? `call_${this.#calls}` : call.id, name: call.name })
    open.part = this.#writer.latestPart
    return opened
  }

  /** Adds to the arguments of a call. The input of a tool that takes a text is a member of them. */
  grow(open: IncomingItem, delta: string): readonly ChatEvent[] {
    if (open.part === undefined || delta === '') return []
    const isText = open.item.type === 'custom_tool_call'
    const opening = isText && !open.hasArguments ? '{"input":"' : ''
    open.hasArguments = true
    return this.#writer.toolArguments(open.part, opening + (isText ? JSON.stringify(delta).slice(1, -1) : delta))
  }

  /** Ends an item. What its events have not said of it is said now. */
  end(open: IncomingItem): readonly ChatEvent[] {
    const { item } = open
    if (item.type === 'message') return [...this.#sayRest(open), ...this.#writer.endWords(extraOfMessage(item))]
    if (item.type === 'reasoning') return this.#endReasoning(open)
    if (isCall(item)) return this.#endCall(open)
    return typeof item.type === 'string' ? this.#serverItem(item, item.type) : []
  }

  #sayRest(open: IncomingItem): readonly ChatEvent[] {
    return listIn(open.item.content)
      .filter(isFields)
      .flatMap((part, at) => {
        const words = wordsIn({ ...part, content_index: at })
        if (!words) return []
        const said = this.say(open, words)
        const named = open.contents.get(words.content)?.annotations ?? 0
        return [...said, ...this.annotate(open, words.content, listIn(part.annotations).slice(named))]
      })
  }

  #endReasoning(open: IncomingItem): readonly ChatEvent[] {
    const { summary, content } = open.item
    const said = [...listIn(summary).entries(), ...listIn(content).entries()].flatMap(([at, part]) => {
      const words = isFields(part) ? wordsIn({ ...part, content_index: at, summary_index: at }) : undefined
      return words ? this.say(open, words) : []
    })
    const ending = ownExtra(returnedReasoning(open.item))
    // hidden reasoning is a part without text
    const hidden = open.latest === undefined && ending.extra ? this.#writer.reasoning('') : []
    return [...said, ...hidden, ...this.#writer.endWords(ending)]
  }

  #endCall(open: IncomingItem): readonly ChatEvent[] {
    const opened = this.openCall(open)
    const { part, item, hasArguments } = open
    if (part === undefined) throw unknownReply()
    const missing = hasArguments ? (item.type === 'custom_tool_call' ? '"}' : '') : readCall(item, this.#names)?.json
    const grown = missing ? this.#writer.toolArguments(part, missing) : []
    return [...opened, ...grown, ...this.#writer.endCall(part, extraOfCall(item))]
  }

  /** Writes an item that the service made itself, such as a search. */
  #serverItem(item: Fields, type: string): readonly ChatEvent[] {
    const call = {
      id: typeof item.id === 'string' ? item.id : type,
      name: type.replace(/_call$/, ''),
      arguments: JSON.stringify(item.action ?? {}),
    }
    return this.#writer.whole({ type: 'server-tool-call', ...call, ...ownExtra({ item }) })
  }
}

/** OpenAI wants the phase of a message back. OpenAI, Responses API reference */
function extraOfMessage({ phase }: Fields) {
  return ownExtra(typeof phase === 'string' ? { phase } : undefined)
}

export function listIn(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
