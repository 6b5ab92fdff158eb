import type { ChatEvent, Native } from '../../chat/event.ts'
import { maxCalls } from '../../wire/reply-limits.ts'
import { ChoiceReader, type ConcludedChoice, type ReadChoice } from './choice-reader.ts'
import { isSilent } from './contents.ts'
import { dialect } from './dialect.ts'
import { isFields } from './fields.ts'
import { explainsSilence, saysMore } from './finish-reason.ts'
import { parseReply } from './parse-reply.ts'
import { plainTextIn } from './plain-text.ts'
import { badResponse, cutOff, emptyAnswer } from './reply-errors.ts'
import { blank, type ReceivedReply, ReplyEvents, withChoices } from './reply-events.ts'
import type { WireChoice } from './wire-reply.ts'

/** What a decoder has to know beyond the bytes. */
export interface DecodeOptions {
  /** How many answers were asked for: a stream that ends with fewer finished was cut. */
  readonly choices: number
  readonly newId: () => string
  /** The stop sequences that were asked for. */
  readonly stop?: readonly string[]
}

/** A chunk that names an end, as long as it is not known to be one. */
interface PossibleEnd {
  readonly choice: ChoiceReader
  readonly read: ReadChoice
  readonly reading: ReceivedReply
  readonly end: string
}

/**
 * Turns chunks, or one whole completion, into events. A chunk that says what it should travels along as `native`;
 * one that had to be put right (calls with wrong ids, parts where text was due, `stop` after a call) travels as it
 * should have been.
 *
 * An end that a chunk names is held until the stream is over: some upstreams name one first, or in every chunk, and go on.
 * What they say then belongs to the answer, whose end is the last that was named.
 */
export class ReplyDecoder {
  readonly #options: DecodeOptions
  readonly #calls = { left: maxCalls }
  readonly #choices = new Map<number, ChoiceReader>()
  /** By choice, in the order in which the ends were named. */
  readonly #held = new Map<number, PossibleEnd>()
  #latest: ChoiceReader | undefined
  #hasSaid = false
  #hasTokens = false
  readonly #events = new ReplyEvents()

  constructor(options: DecodeOptions) {
    this.#options = options
  }

  /** True once every answer that was asked for has named its end, and said nothing since: from here on, an end is no cut. */
  get finished(): boolean {
    return this.#held.size >= Math.max(this.#options.choices, this.#choices.size)
  }

  /**
   * The events of one chunk of a stream.
   * @param json what the chunk was parsed from
   * @throws ChatError for an error object inside it, or when it is no chunk at all
   */
  chunk(value: unknown, json?: string): readonly ChatEvent[] {
    const plain = this.#plainText(value, json)
    if (plain) return [plain]
    const { choices, ...reading } = parseReply(value, 'chunk', json)
    if (reading.usage?.outputTokens) this.#hasTokens = true
    const [first] = choices
    if (!first) return this.#withoutChoice(reading)
    return choices.length === 1 ? this.#readOne(first, reading) : this.#readMany(choices, reading)
  }

  /** The events of a whole completion. @throws ChatError when it is an error, empty, or no completion at all */
  whole(value: unknown): readonly ChatEvent[] {
    const { choices, ...reading } = parseReply(value, 'whole')
    if (choices.length === 0) throw badResponse()
    if (reading.usage?.outputTokens) this.#hasTokens = true
    const concluded: ConcludedChoice[] = []
    for (const [at, wire] of choices.entries()) {
      const index = wire.index === undefined || this.#choices.has(wire.index) ? at : wire.index
      const choice = this.#choiceAt(index)
      if (choice.isFinished) continue
      this.#hasSaid ||= !isSilent(wire)
      const read = choice.read(wire, 'whole')
      concluded.push(choice.conclude(read, choice.word))
    }
    return [...this.#events.ofChunk(concluded, choices, reading), ...this.end('terminated')]
  }

  /**
   * The events still due when the stream is over.
   * @param how `terminated` if the upstream said so itself (`[DONE]`), `cut` if its bytes just ended
   * @throws ChatError `upstream-failed` when the answer is cut or empty
   */
  end(how: 'terminated' | 'cut'): readonly ChatEvent[] {
    if (how === 'cut' && !this.finished) throw cutOff()
    return this.#events.ofEnds(() => {
      const ends = [...this.#held.values()].flatMap(({ choice, read, reading, end }) =>
        this.#events.ofChunk([choice.conclude(read, end)], [read.wire], reading),
      )
      const unnamed = [...this.#choices.values()].flatMap((choice) => choice.finish())
      if (!this.#hasSaid && !this.#maySayNothing()) throw emptyAnswer()
      this.#held.clear()
      return [...ends, ...unnamed]
    })
  }

  /** A model that was cut short or filtered may have said nothing; so may one whose tokens, which were counted, are not shown. */
  #maySayNothing(): boolean {
    const words = [...this.#choices.values()].map(({ word }) => word)
    return words.some(explainsSilence) || (this.#hasTokens && words.includes('stop'))
  }

  /** The one event of a chunk that only adds text to an answer which goes on: most chunks are that. */
  #plainText(value: unknown, json: string | undefined): ChatEvent | undefined {
    const plain = plainTextIn(value)
    if (!plain || !isFields(value) || this.#held.has(plain.choice)) return undefined
    const part = this.#choices.get(plain.choice)?.plainTextPart()
    if (part === undefined) return undefined
    this.#hasSaid = true
    const native: Native = { dialect, form: 'chunk', value, ...(json !== undefined && { json }) }
    return { type: 'text', choice: plain.choice, part, text: plain.text, native }
  }

  #readOne(wire: WireChoice, reading: ReceivedReply): readonly ChatEvent[] {
    const choice = this.#choiceAt(wire.index ?? 0)
    if (this.#staysEnded(choice, wire)) return this.#afterEnd(choice, wire, reading)
    const before = this.#reopen(choice)
    const read = this.#read(choice, wire)
    if (read.end !== undefined) {
      this.#held.set(choice.index, { choice, read, reading, end: read.end })
      return before
    }
    const events = this.#events.ofChunk([choice.reopen(read)], [wire], reading)
    return before.length > 0 ? [...before, ...events] : events
  }

  /** A chunk for several answers: as one, as long as all of them go on, else as a chunk for each. */
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
    const alone = (wire: WireChoice) => ({ native: withChoices(native, [wire.raw]), usage: undefined })
    return [
      ...placed.flatMap((wire) => this.#readOne(wire, alone(wire))),
      ...this.#usageAfter({ native: withChoices(native, []), usage }),
    ]
  }

  #read(choice: ChoiceReader, wire: WireChoice): ReadChoice {
    this.#hasSaid ||= !isSilent(wire)
    return choice.read(wire, 'chunk')
  }

  #staysEnded({ index }: ChoiceReader, wire: WireChoice): boolean {
    return this.#held.has(index) && isSilent(wire)
  }

  /** More is said: what was held goes out without its end. */
  #reopen(choice: ChoiceReader): readonly ChatEvent[] {
    const held = this.#held.get(choice.index)
    if (!held) return []
    this.#held.delete(choice.index)
    return this.#events.ofChunk([choice.reopen(held.read)], [held.read.wire], held.reading)
  }

  /** Nothing more is said, but the end may be named once more: `stop` often follows the end that says why. */
  #noteEnd({ index }: ChoiceReader, { end }: WireChoice): void {
    const held = this.#held.get(index)
    if (held && end !== undefined && saysMore(end, held.end)) this.#held.set(index, { ...held, end })
  }

  /** A chunk for an answer that has named its end, and says nothing more. */
  #afterEnd(choice: ChoiceReader, wire: WireChoice, { native, usage }: ReceivedReply): readonly ChatEvent[] {
    this.#noteEnd(choice, wire)
    if (usage) return this.#usageAfter({ native: withChoices(native, []), usage })
    const { relay } = choice.reopen(choice.read({ ...wire, end: undefined }, 'chunk'))
    this.#events.keepAside(relay === wire.raw ? native : withChoices(native, [relay]))
    return []
  }

  /** A chunk without choices: usage, or what only this dialect knows. */
  #withoutChoice({ native, usage }: ReceivedReply): readonly ChatEvent[] {
    if (usage) return this.#usageAfter({ native, usage })
    if (this.#latest && !this.finished) return [blank(this.#latest.index, native)]
    this.#events.keepAside(native)
    return []
  }

  /** Usage beside no answer that goes on: where all have named their end, it comes after that. */
  #usageAfter({ native, usage }: ReceivedReply): readonly ChatEvent[] {
    if (!usage) return []
    if (!this.finished) return this.#events.ofUsage(native, usage)
    this.#events.keepUsage(native, usage)
    return []
  }

  #choiceAt(index: number): ChoiceReader {
    const known = this.#choices.get(index)
    const { newId, stop = [] } = this.#options
    const choice = known ?? new ChoiceReader(index, { newId, stop, calls: this.#calls })
    if (!known) this.#choices.set(index, choice)
    this.#latest = choice
    return choice
  }
}
