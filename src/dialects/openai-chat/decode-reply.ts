import type { ChatEvent, Native, Usage } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { maxCalls } from '../../wire/reply-limits.ts'
import { ChoiceReader, type ConcludedChoice, type ReadChoice } from './choice-reader.ts'
import { isEmpty, saysForeign, saysNothing } from './contents.ts'
import { dialect } from './dialect.ts'
import { isFields } from './fields.ts'
import { explainsSilence, saysMore } from './finish-reason.ts'
import { parseReply } from './parse-reply.ts'
import { plainTextIn } from './plain-text.ts'
import { badResponse, cutOff, emptyAnswer } from './reply-errors.ts'
import type { WireChoice } from './wire-reply.ts'

/** What a decoder has to know beyond the bytes. */
export interface DecodeOptions {
  /** How many answers were asked for: a stream that ends with fewer finished was cut. */
  readonly choices: number
  readonly newId: () => string
}

/** Chunks that are kept until an event can carry them. */
const maxAside = 16

/** A reply as it came, and its usage. */
interface Reading {
  readonly native: Native
  readonly usage: Usage | undefined
}

/** A chunk that names an end, as long as it is not known to be one. */
interface Held {
  readonly choice: ChoiceReader
  readonly read: ReadChoice
  readonly reading: Reading
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
  readonly #held = new Map<number, Held>()
  #latest: ChoiceReader | undefined
  #hasSaid = false
  #hasTokens = false
  /** Usage that came after every answer's end, which it follows. */
  #late: { readonly native: Native; readonly usage: Usage } | undefined
  /** Chunks that add nothing to an answer, before it begins or after its end, such as Azure's filter results. */
  readonly #aside: Native[] = []

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
    const { choices, ...reading } = parseReply(value, 'chunk')
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
    return [...this.#events(concluded, choices, reading), ...this.end('terminated')]
  }

  /**
   * The events still due when the stream is over.
   * @param how `terminated` if the upstream said so itself (`[DONE]`), `cut` if its bytes just ended
   * @throws ChatError `upstream-failed` when the answer is cut or empty
   */
  end(how: 'terminated' | 'cut'): readonly ChatEvent[] {
    if (how === 'cut' && !this.finished) throw cutOff()
    const late = this.#late
    const after = late ? this.#aside.splice(0) : []
    const ends = [...this.#held.values()].flatMap(({ choice, read, reading, end }) =>
      this.#events([choice.conclude(read, end)], [read.wire], reading),
    )
    const unnamed = [...this.#choices.values()].flatMap((choice) => choice.finish())
    if (!this.#hasSaid && !this.#maySayNothing()) throw emptyAnswer()
    this.#held.clear()
    this.#aside.push(...after)
    return [...ends, ...unnamed, ...(late ? this.#usageEvents(late.native, late.usage) : [])]
  }

  /** A model that was cut short or filtered may have said nothing; so may one whose tokens, which were counted, are not shown. */
  #maySayNothing(): boolean {
    const words = [...this.#choices.values()].map(({ word }) => word)
    return words.some(explainsSilence) || (this.#hasTokens && words.includes('stop'))
  }

  /** The one event of a chunk that only adds text to an answer which goes on: most chunks are that. */
  #plainText(value: unknown, json: string | undefined): ChatEvent | undefined {
    const plain = plainTextIn(value)
    if (!plain || !isFields(value) || this.#held.has(plain.choice) || !this.#choices.get(plain.choice)?.isPlain)
      return undefined
    this.#hasSaid = true
    const native: Native = { dialect, form: 'chunk', value, ...(json !== undefined && { json }) }
    return { type: 'text', choice: plain.choice, text: plain.text, native }
  }

  #readOne(wire: WireChoice, reading: Reading): readonly ChatEvent[] {
    const choice = this.#choiceAt(wire.index ?? 0)
    if (this.#staysEnded(choice, wire)) return this.#afterEnd(choice, wire, reading)
    const before = this.#reopen(choice)
    const read = this.#read(choice, wire)
    if (read.end !== undefined) {
      this.#held.set(choice.index, { choice, read, reading, end: read.end })
      return before
    }
    const events = this.#events([choice.reopen(read)], [wire], reading)
    return before.length > 0 ? [...before, ...events] : events
  }

  /** A chunk for several answers: as one, as long as all of them go on, else as a chunk for each. */
  #readMany(choices: readonly WireChoice[], reading: Reading): readonly ChatEvent[] {
    const placed = choices.map((wire, at) => ({ ...wire, index: wire.index ?? at }))
    const isOne = new Set(placed.map(({ index }) => index)).size === placed.length
    if (isOne && placed.every(({ index, end }) => end === undefined && !this.#held.has(index))) {
      const open = placed.map((wire) => {
        const choice = this.#choiceAt(wire.index)
        return choice.reopen(this.#read(choice, wire))
      })
      return this.#events(open, choices, reading)
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
    return this.#events([choice.reopen(held.read)], [held.read.wire], held.reading)
  }

  /** Nothing more is said, but the end may be named once more: `stop` often follows the end that says why. */
  #noteEnd({ index }: ChoiceReader, { end }: WireChoice): void {
    const held = this.#held.get(index)
    if (held && end !== undefined && saysMore(end, held.end)) this.#held.set(index, { ...held, end })
  }

  /** A chunk for an answer that has named its end, and says nothing more. */
  #afterEnd(choice: ChoiceReader, wire: WireChoice, { native, usage }: Reading): readonly ChatEvent[] {
    this.#noteEnd(choice, wire)
    if (usage) return this.#usageAfter({ native: withChoices(native, []), usage })
    const { relay } = choice.reopen(choice.read({ ...wire, end: undefined }, 'chunk'))
    this.#keepAside(relay === wire.raw ? native : withChoices(native, [relay]))
    return []
  }

  /** The events of a chunk, with the chunk to relay: as it came, or put right. */
  #events(
    concluded: readonly ConcludedChoice[],
    wires: readonly WireChoice[],
    { native, usage }: Reading,
  ): readonly ChatEvent[] {
    const isRight = concluded.length === wires.length && concluded.every(({ relay }, at) => relay === wires[at]?.raw)
    const relayed = isRight
      ? native
      : withChoices(
          native,
          concluded.map(({ relay }) => relay),
        )
    const first = concluded[0]?.index ?? 0
    const events = this.#aside.splice(0).map((each): ChatEvent => ({ ...blank, choice: first, native: each }))
    const isBlank = !usage && concluded.every((choice) => choice.events.length === 0)
    if (isBlank) {
      const isForeign = wires.some(({ said }) => saysForeign(said))
      events.push({ ...blank, choice: first, native: relayed, ...(isForeign && { isForeign }) })
    }
    for (const choice of concluded) for (const event of choice.events) events.push({ ...event, native: relayed })
    if (usage) events.push(...this.#usageEvents(relayed, usage))
    return events
  }

  /** A chunk without choices: usage, or what only this dialect knows. */
  #withoutChoice({ native, usage }: Reading): readonly ChatEvent[] {
    if (usage) return this.#usageAfter({ native, usage })
    if (this.#latest && !this.finished) return [{ ...blank, choice: this.#latest.index, native }]
    this.#keepAside(native)
    return []
  }

  /** Usage beside no answer that goes on: where all have named their end, it comes after that. */
  #usageAfter({ native, usage }: Reading): readonly ChatEvent[] {
    if (!usage) return []
    if (!this.finished) return this.#usageEvents(native, usage)
    this.#late = { native, usage }
    return []
  }

  /** Nothing but usage may come after a finish: what was kept since then goes out with it. */
  #usageEvents(native: Native, usage: Usage): readonly ChatEvent[] {
    this.#late = undefined
    return [...this.#aside.splice(0), native].map((each) => ({ type: 'usage', choice: 0, usage, native: each }))
  }

  #keepAside(native: Native): void {
    if (this.#aside.length < maxAside) this.#aside.push(native)
  }

  #choiceAt(index: number): ChoiceReader {
    const known = this.#choices.get(index)
    const choice = known ?? new ChoiceReader(index, { newId: this.#options.newId, calls: this.#calls })
    if (!known) this.#choices.set(index, choice)
    this.#latest = choice
    return choice
  }
}

const blank = { type: 'text', text: '' } as const

/** Whether a choice of a reply adds nothing to its answer. */
function isSilent({ said, calls, logprobs }: WireChoice): boolean {
  return !calls?.length && !(logprobs && saysLogprobs(logprobs)) && saysNothing(said)
}

/** Whether there are log probabilities: where there are none, their lists may stand there empty. */
function saysLogprobs(logprobs: Fields): boolean {
  return !Object.values(logprobs).every((value) => value === null || isEmpty(value))
}

function withChoices(native: Native, choices: readonly object[]): Native {
  return { ...native, value: { ...native.value, choices } }
}
