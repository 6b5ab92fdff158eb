import type { NoteDrift } from '../../chat/drift.ts'
import { DriftWatch } from '../../chat/drift-watch.ts'
import { type ChatEvent, isBlank } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { brokenAnswer, emptyAnswer, mayBeEmpty, unknownReply } from '../../chat/reply-errors.ts'
import { maxCalls, tooLarge } from '../../wire/reply-limits.ts'
import { isFields } from '../fields.ts'
import { isRefusal } from '../openai-chat/refusal-inside.ts'
import { errorInside, failureIn } from './complaint.ts'
import { decodeUsage } from './decode-usage.ts'
import { type DeltaFrame, frameOf } from './delta-frame.ts'
import { IncomingItem, ItemWriter, listIn } from './item-writer.ts'
import { knownEvents, nameOf } from './known-events.ts'
import { type ResponseOutcome, readEnd } from './response-outcome.ts'
import type { ToolNames } from './tool-names.ts'
import { contentOf, type ItemWords, wordsIn } from './words.ts'

/** An event that the client does not see. It tells the layers that the upstream is working. */
const progress: readonly ChatEvent[] = [{ type: 'foreign', choice: 0, isShown: false }]

/** A delta, which later ones may repeat with another text. */
interface KnownDelta {
  readonly item: IncomingItem
  readonly words: ItemWords
  readonly frame: DeltaFrame
}

/**
 * Reads the events of a response. Each content part of a message, each call and each reasoning is a part of the answer. Items are read from
 * their own events, because the last event may have none of them (BerriAI/litellm#32724). Only `response.completed` and
 * `response.incomplete` are a clean end. OpenAI, Responses API, streaming events
 */
export class ResponseDecoder {
  readonly #items: ItemWriter
  readonly #open = new Map<string, IncomingItem>()
  /** The places and ids of the items that have begun. */
  readonly #begun = new Set<string>()
  #ended: ResponseOutcome | undefined
  #hasContent = false
  /** A delta of the content part that grows. */
  #known: KnownDelta | undefined

  readonly #drift: DriftWatch | undefined

  /** @param names how the tools of the request are called in the vocabulary, if they are called something else */
  constructor(names?: ToolNames, note?: NoteDrift) {
    this.#items = new ItemWriter(names)
    this.#drift = note && new DriftWatch(knownEvents, note)
  }

  get finished(): boolean {
    return this.#ended !== undefined
  }

  /** Reads a delta that differs from an earlier one only in its text; undefined for one that must be parsed. */
  repeated(json: string): readonly ChatEvent[] | undefined {
    const text = this.#known?.frame.textIn(json)
    return this.#known && text !== undefined
      ? this.#items.say(this.#known.item, { ...this.#known.words, text })
      : undefined
  }

  /**
   * Reads an event, or a whole response.
   * @param json the JSON of an event
   * @throws ChatError for a failed response, and for a value of another shape
   */
  event(value: unknown, json?: string): readonly ChatEvent[] {
    if (isRefusal(value)) throw errorInside(value)
    if (!isFields(value)) throw unknownReply()
    const events = isResponse(value) ? this.#end(value) : this.#tryStep(value, json)
    this.#hasContent ||= events.some((event) => !isBlank(event))
    return events
  }

  /** Returns the last events. @throws ChatError if the answer is cut or empty */
  end(): readonly ChatEvent[] {
    if (!this.#ended) throw brokenAnswer()
    const { raw, usage } = this.#ended
    const reason = this.#ended.reason === 'stop' && this.#items.hasCalls ? 'tool-calls' : this.#ended.reason
    if (!this.#hasContent && !mayBeEmpty(reason, usage)) throw emptyAnswer()
    return [...this.#items.finish(reason, { raw }), ...(usage ? [{ type: 'usage', choice: 0, usage } as const] : [])]
  }

  #tryStep(value: Fields, json: string | undefined): readonly ChatEvent[] {
    try {
      const events = this.#step(value, json)
      // an item may have a type that is not known, and still be kept whole
      if (events.length === 0 || events === progress || value.item) this.#drift?.look(nameOf(value), value)
      return events
    } catch (thrown) {
      this.#drift?.lookAfter(thrown, nameOf(value), value)
      throw thrown
    }
  }

  #step(value: Fields, json: string | undefined): readonly ChatEvent[] {
    if (typeof value.type !== 'string') throw unknownReply()
    const words = wordsIn(value)
    if (words) return this.#say(value, words, json)
    this.#known = undefined
    switch (value.type) {
      case 'response.output_item.added':
        return this.#begin(placeOf(value), fieldsIn(value.item))
      case 'response.output_item.done':
        return this.#endItem(placeOf(value), fieldsIn(value.item))
      case 'response.output_text.annotation.added':
        return this.#annotate(value)
      case 'response.function_call_arguments.delta':
      case 'response.custom_tool_call_input.delta':
        return this.#grow(value)
      case 'response.function_call_arguments.done':
      case 'response.custom_tool_call_input.done':
        this.#open.get(placeOf(value))?.join({ name: value.name, arguments: value.arguments, input: value.input })
        return []
      case 'response.completed':
      case 'response.incomplete':
        return this.#end(fieldsIn(value.response))
      case 'response.failed':
      case 'response.cancelled':
        throw failureIn(value.response)
      default:
        // progress of tools that the service runs, signs of life, and types that may be added later
        return progress
    }
  }

  #say(value: Fields, words: ItemWords, json: string | undefined): readonly ChatEvent[] {
    const item = this.#itemOf(value, words.kind === 'reasoning' ? 'reasoning' : 'message')
    if (this.#known?.item !== item || this.#known.words.content !== words.content || words.isWhole)
      this.#known = undefined
    if (!this.#known && json !== undefined && words.text !== '' && !words.isWhole && !words.logprobs) {
      const frame = frameOf(json)
      this.#known = frame && { item, words, frame }
    }
    return this.#items.say(item, words)
  }

  #begin(place: string, item: Fields): readonly ChatEvent[] {
    if (this.#begun.size > 2 * maxCalls) throw tooLarge(`has more than ${maxCalls} items`)
    // a place that is used again ends the item before
    const ended = this.#open.has(place) ? this.#endItem(place, {}) : []
    const open = new IncomingItem(item)
    this.#open.set(place, open)
    this.#begun.add(place)
    if (typeof item.id === 'string') this.#begun.add(item.id)
    const opened = this.#items.openCall(open)
    return [...ended, ...(opened.length > 0 ? opened : progress)]
  }

  /** The item that an event belongs to. Some services leave out its beginning. */
  #itemOf(value: Fields, type: 'message' | 'reasoning'): IncomingItem {
    const place = placeOf(value)
    if (!this.#open.has(place)) this.#begin(place, { type })
    return this.#open.get(place) ?? new IncomingItem({ type })
  }

  #annotate(value: Fields): readonly ChatEvent[] {
    const open = this.#itemOf(value, 'message')
    return this.#items.annotate(open, contentOf('text', value.content_index), [value.annotation])
  }

  #grow(value: Fields): readonly ChatEvent[] {
    const open = this.#open.get(placeOf(value))
    return open && typeof value.delta === 'string' ? this.#items.grow(open, value.delta) : []
  }

  #endItem(place: string, done: Fields): readonly ChatEvent[] {
    const begun = this.#open.has(place) ? [] : this.#begin(place, done)
    const open = this.#open.get(place)
    if (!open) return begun
    open.join(done)
    this.#open.delete(place)
    return [...begun, ...this.#items.end(open)]
  }

  /** Reads the end of the response, and the items that no event has shown. */
  #end(response: Fields): readonly ChatEvent[] {
    if (response.status === 'failed' || response.status === 'cancelled') throw failureIn(response)
    const ended = readEnd(response, decodeUsage(response.usage))
    const output = listIn(response.output)
    const open = [...this.#open.keys()].flatMap((place) => this.#endItem(place, fieldsIn(output[Number(place)])))
    const unseen = output.flatMap((item, at) => this.#endUnseen(String(at), fieldsIn(item)))
    this.#ended = ended
    return [...open, ...unseen]
  }

  #endUnseen(place: string, item: Fields): readonly ChatEvent[] {
    const isKnown = this.#begun.has(place) || (typeof item.id === 'string' && this.#begun.has(item.id))
    return isKnown ? [] : this.#endItem(place, item)
  }
}

/** Where an item stands. Some services name an item by another id in each event, and others leave out the place. */
function placeOf({ output_index, item_id, item }: Fields): string {
  if (typeof output_index === 'number') return String(output_index)
  const id = item_id ?? fieldsIn(item).id
  return typeof id === 'string' ? id : ''
}

/** Whether it is a whole response, which a service may send in place of a stream. */
function isResponse({ object, type, output }: Fields): boolean {
  return type === undefined && (object === 'response' || Array.isArray(output))
}

const noFields: Fields = {}

function fieldsIn(value: unknown): Fields {
  return isFields(value) ? value : noFields
}
