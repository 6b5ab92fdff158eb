import type { NoteDrift } from '../../chat/drift.ts'
import type { ChatEvent, Native } from '../../chat/event.ts'
import { brokenAnswer, emptyAnswer, unknownReply } from '../../chat/reply-errors.ts'
import { maxCalls } from '../../wire/reply-limits.ts'
import { isFields } from '../fields.ts'
import { ChoiceReader, type ConcludedChoice, type ReadChoice } from './choice-reader.ts'
import { isSilent } from './contents.ts'
import { dialect } from './dialect.ts'
import { explainsSilence, saysMore } from './finish-reason.ts'
import { ChunkWatch } from './known-chunks.ts'
import { LearnedChunks } from './learned-chunks.ts'
import { type ParsedReply, parseReply } from './parse-reply.ts'
import { type PlainText, plainTextIn } from './plain-text.ts'
import { blankEvent, type ReceivedReply, ReplyEvents, replaceChoices } from './reply-events.ts'
import type { WireChoice } from './wire-reply.ts'

/** What a decoder must know about the request. */
export interface DecodeOptions {
  /** Number of choices that were requested. A stream that ends with fewer finished choices was cut. */
  readonly choices: number
  readonly newId: () => string
  /** The stop sequences of the request. */
  readonly stop?: readonly string[] | undefined
  /** Gets what the upstream sends otherwise than this dialect has it. */
  readonly noteDrift?: NoteDrift | undefined
}

/** A chunk with a finish reason that may not be final yet. */
interface PossibleEnd {
  readonly choice: ChoiceReader
  readonly read: ReadChoice
  readonly reading: ReceivedReply
  readonly end: string
}

/**
 * Turns chunks, or one whole completion, into events. A valid chunk is carried along unchanged as `native`. A chunk with a
 * fault (a wrong id of a tool call, parts instead of a text, `stop` after a tool call) is repaired first.
 *
 * A chunk with a finish reason is held until the stream is over, because some upstreams send a finish reason in every chunk
 * and go on. The later content belongs to the answer, and the last finish reason counts.
 */
export class ReplyDecoder {
  readonly #options: DecodeOptions
  readonly #calls = { left: maxCalls }
  /** There are at most 128, and usually one. */
  readonly #choices: ChoiceReader[] = []
  /** The held chunk of each choice, in the order in which they came. */
  readonly #held = new Map<number, PossibleEnd>()
  #latest: ChoiceReader | undefined
  #hasSaid = false
  #hasTokens = false
  readonly #events = new ReplyEvents()
  #learned: LearnedChunks | undefined

  readonly #drift: ChunkWatch | undefined

  constructor(options: DecodeOptions) {
    this.#options = options
    this.#drift = options.noteDrift && new ChunkWatch(options.noteDrift)
  }

  /** True once every requested choice has a finish reason and no later content. Then the stream may end at any time. */
  get finished(): boolean {
    return this.#held.size >= Math.max(this.#options.choices, this.#choices.length)
  }

  /** Returns the event of a chunk that differs from an earlier one only in its text; undefined for one that must be parsed. */
  learnedChunk(json: string): ChatEvent | undefined {
    const native = this.#learned?.find(json)
    return native && this.#textEvent({ choice: native.template.choice, text: native.text }, native)
  }

  /**
   * Returns the events of one chunk of a stream.
   * @param json the JSON that the chunk was parsed from
   * @throws ChatError for an error object inside it, or for a value that is not a chunk
   */
  chunk(value: unknown, json?: string): readonly ChatEvent[] {
    const plain = this.#plainText(value, json)
    if (plain) return [plain]
    const { choices, ...reading } = this.#parse(value, 'chunk', json)
    if (reading.usage?.outputTokens) this.#hasTokens = true
    const [first] = choices
    if (!first) return this.#withoutChoice(reading)
    return choices.length === 1 ? this.#readOne(first, reading) : this.#readMany(choices, reading)
  }

  /** Returns the events of a whole completion. @throws ChatError for an error, an empty answer, or a value that is not a completion */
  whole(value: unknown): readonly ChatEvent[] {
    const { choices, ...reading } = this.#parse(value, 'whole')
    if (choices.length === 0) {
      this.#drift?.chunk(value)
      throw unknownReply()
    }
    if (reading.usage?.outputTokens) this.#hasTokens = true
    const concluded: ConcludedChoice[] = []
    for (const [at, wire] of choices.entries()) {
      const index = wire.index === undefined || this.#known(wire.index) ? at : wire.index
      const choice = this.#choiceAt(index)
      if (choice.isFinished) continue
      this.#hasSaid ||= !isSilent(wire)
      const read = choice.read(wire, 'whole')
      this.#lookAt(read)
      concluded.push(choice.conclude(read, choice.word))
    }
    return [...this.#events.ofChunk(concluded, choices, reading), ...this.end('terminated')]
  }

  /** Notes a frame that is no chunk at all, such as a ping. */
  noteForeign(value: unknown): void {
    this.#drift?.foreign(value)
  }

  /**
   * Returns the events that are left at the end of the stream.
   * @param how `terminated` if the upstream sent `[DONE]`, `cut` if its bytes just ended
   * @throws ChatError `upstream-failed` when the answer is cut or empty
   */
  end(how: 'terminated' | 'cut'): readonly ChatEvent[] {
    if (how === 'cut' && !this.finished) throw brokenAnswer()
    return this.#events.ofEnds(() => {
      const ends = [...this.#held.values()].flatMap(({ choice, read, reading, end }) =>
        this.#events.ofChunk([choice.conclude(read, end)], [read.wire], reading),
      )
      const unnamed = this.#choices.flatMap((choice) => choice.finish())
      if (!this.#hasSaid && !this.#maySayNothing()) throw emptyAnswer()
      this.#held.clear()
      if (unnamed.some(isNamelessCall) || ends.some(isNamelessCall)) this.#drift?.namelessCall()
      return [...ends, ...unnamed]
    })
  }

  #parse(value: unknown, form: Native['form'], json?: string): ParsedReply {
    try {
      return parseReply(value, form, json)
    } catch (thrown) {
      this.#drift?.afterFailure(thrown, value)
      throw thrown
    }
  }

  /** A choice that adds nothing may say it in another place than before; and one that was repaired had a wrong member. */
  #lookAt({ wire, events, end }: ReadChoice): void {
    if (!this.#drift) return
    const isRepaired = wire.said !== wire.raw.delta && wire.said !== wire.raw.message
    if (isRepaired || (events.length === 0 && end === undefined)) this.#drift.choice(wire)
  }

  /** Whether an empty answer is valid: a model may have been cut short or filtered, or its counted tokens are not shown. */
  #maySayNothing(): boolean {
    const words = this.#choices.map(({ word }) => word)
    return words.some(explainsSilence) || (this.#hasTokens && words.includes('stop'))
  }

  /** Returns the event of a chunk that only adds text to an open choice. Most chunks are of this kind. */
  #plainText(value: unknown, json: string | undefined): ChatEvent | undefined {
    const plain = plainTextIn(value)
    if (!plain || !isFields(value)) return undefined
    if (json === undefined) return this.#textEvent(plain, { dialect, form: 'chunk', value })
    const event = this.#textEvent(plain, { dialect, form: 'chunk', value, json })
    if (!event) return undefined
    this.#learned ??= new LearnedChunks()
    this.#learned.learn(json, plain)
    return event
  }

  #textEvent({ choice, text }: PlainText, native: Native): ChatEvent | undefined {
    const part = this.#held.has(choice) ? undefined : this.#known(choice)?.plainTextPart()
    if (part === undefined) return undefined
    this.#hasSaid = true
    return { type: 'text', choice, part, text, native }
  }

  #readOne(wire: WireChoice, reading: ReceivedReply): readonly ChatEvent[] {
    const choice = this.#choiceAt(wire.index ?? 0)
    if (this.#staysEnded(choice, wire)) return this.#afterEnd(choice, wire, reading)
    const before = this.#reopen(choice)
    const read = this.#read(choice, wire)
    this.#lookAt(read)
    if (read.end !== undefined) {
      this.#held.set(choice.index, { choice, read, reading, end: read.end })
      return before
    }
    const events = this.#events.ofChunk([choice.reopen(read)], [wire], reading)
    return before.length > 0 ? [...before, ...events] : events
  }

  /** Reads a chunk for several choices: as one chunk while all of them go on, otherwise as one chunk for each choice. */
  #readMany(choices: readonly WireChoice[], reading: ReceivedReply): readonly ChatEvent[] {
    const placed = choices.map((wire, at) => ({ ...wire, index: wire.index ?? at }))
    const isOne = new Set(placed.map(({ index }) => index)).size === placed.length
    if (isOne && placed.every(({ index, end }) => end === undefined && !this.#held.has(index))) {
      const open = placed.map((wire) => {
        const choice = this.#choiceAt(wire.index)
        return choice.reopen(this.#read(choice, wire))
      })
      return this.#events.ofChunk(open, choices, reading)
    }
    const { native, usage } = reading
    const alone = (wire: WireChoice) => ({ native: replaceChoices(native, [wire.raw]), usage: undefined })
    return [
      ...placed.flatMap((wire) => this.#readOne(wire, alone(wire))),
      ...this.#usageAfter({ native: replaceChoices(native, []), usage }),
    ]
  }

  #read(choice: ChoiceReader, wire: WireChoice): ReadChoice {
    this.#hasSaid ||= !isSilent(wire)
    return choice.read(wire, 'chunk')
  }

  #staysEnded({ index }: ChoiceReader, wire: WireChoice): boolean {
    return this.#held.has(index) && isSilent(wire)
  }

  /** More content came, so the held chunk is returned without its finish reason. */
  #reopen(choice: ChoiceReader): readonly ChatEvent[] {
    const held = this.#held.get(choice.index)
    if (!held) return []
    this.#held.delete(choice.index)
    return this.#events.ofChunk([choice.reopen(held.read)], [held.read.wire], held.reading)
  }

  /** Takes a second finish reason if it is more precise, because `stop` often follows the real one. */
  #noteEnd({ index }: ChoiceReader, { end }: WireChoice): void {
    const held = this.#held.get(index)
    if (held && end !== undefined && saysMore(end, held.end)) this.#held.set(index, { ...held, end })
  }

  /** Reads a chunk without content for a choice that already has a finish reason. */
  #afterEnd(choice: ChoiceReader, wire: WireChoice, { native, usage }: ReceivedReply): readonly ChatEvent[] {
    this.#noteEnd(choice, wire)
    if (usage) return this.#usageAfter({ native: replaceChoices(native, []), usage })
    const { relay } = choice.reopen(choice.read({ ...wire, end: undefined }, 'chunk'))
    this.#events.keepAside(relay === wire.raw ? native : replaceChoices(native, [relay]))
    return []
  }

  /** Reads a chunk without choices: usage, or fields that only this dialect knows. */
  #withoutChoice({ native, usage }: ReceivedReply): readonly ChatEvent[] {
    if (usage) return this.#usageAfter({ native, usage })
    this.#drift?.chunk(native.value)
    if (this.#latest && !this.finished) return [blankEvent(this.#latest.index, native)]
    this.#events.keepAside(native)
    return []
  }

  /** Returns the usage of a chunk without content. If every choice has a finish reason, it is kept until after the end. */
  #usageAfter({ native, usage }: ReceivedReply): readonly ChatEvent[] {
    if (!usage) return []
    if (!this.finished) return this.#events.ofUsage(native, usage)
    this.#events.keepUsage(native, usage)
    return []
  }

  #known(index: number): ChoiceReader | undefined {
    for (const choice of this.#choices) if (choice.index === index) return choice
    return undefined
  }

  #choiceAt(index: number): ChoiceReader {
    const known = this.#known(index)
    const { newId, stop = [] } = this.#options
    const choice = known ?? new ChoiceReader(index, { newId, stop, calls: this.#calls })
    if (!known) this.#choices.push(choice)
    this.#latest = choice
    return choice
  }
}

function isNamelessCall(event: ChatEvent): boolean {
  return event.type === 'tool-call' && event.name === ''
}
