import type { ChatEvent, Native, Usage } from '../../chat/event.ts'
import { ChoiceReader, type ConcludedChoice, saidIn } from './choice-reader.ts'
import { saysForeign, saysNothing } from './contents.ts'
import { dialect } from './dialect.ts'
import { isFields } from './fields.ts'
import { parseReply } from './parse-reply.ts'
import { plainTextIn } from './plain-text.ts'
import { badResponse, cutOff, emptyAnswer } from './reply-errors.ts'
import type { WireChoice } from './reply-schema.ts'
import { usageIn } from './usage.ts'

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

/**
 * Turns chunks, or one whole completion, into events. A chunk that says what it should travels along as `native`;
 * one that had to be put right (calls with wrong ids, parts where text was due, `stop` after a call) travels as it
 * should have been.
 */
export class ReplyDecoder {
  readonly #options: DecodeOptions
  readonly #choices = new Map<number, ChoiceReader>()
  #hasContent = false
  /** An end without any content, kept until usage tells whether the model really said nothing. */
  #held: ChatEvent[] = []
  /** Chunks that add nothing to an answer, before it begins or after its end, such as Azure's filter results. */
  readonly #aside: Native[] = []

  constructor(options: DecodeOptions) {
    this.#options = options
  }

  /** True once every answer that was asked for has finished: from here on, an end is no cut. */
  get finished(): boolean {
    let finished = 0
    for (const choice of this.#choices.values()) if (choice.isOver) finished++
    return finished >= Math.max(this.#options.choices, this.#choices.size)
  }

  /**
   * The events of one chunk of a stream.
   * @param json what the chunk was parsed from
   * @throws ChatError for an error object inside it, or when it is no chunk at all
   */
  chunk(value: unknown, json?: string): readonly ChatEvent[] {
    const plain = this.#plainText(value, json)
    if (plain) return [plain]
    return this.#release(this.#read(value, 'chunk'))
  }

  /** The events of a whole completion. @throws ChatError when it is an error, empty, or no completion at all */
  whole(value: unknown): readonly ChatEvent[] {
    const events = this.#release(this.#read(value, 'whole'))
    if (this.#choices.size === 0) throw badResponse()
    return [...events, ...this.end('terminated')]
  }

  /**
   * The events still due when the stream is over.
   * @param how `terminated` if the upstream said so itself (`[DONE]`), `cut` if its bytes just ended
   * @throws ChatError `upstream-failed` when the answer is cut or empty
   */
  end(how: 'terminated' | 'cut'): readonly ChatEvent[] {
    if (how === 'cut' && !this.finished) throw cutOff()
    const isSaid = this.#hasContent && this.#choices.size > 0
    if (!isSaid && (this.#held.length > 0 || !this.finished)) throw emptyAnswer()
    return this.#release([...this.#settleAll(), ...[...this.#choices.values()].flatMap((choice) => choice.finish())])
  }

  /** The one event of a chunk that only adds text to an answer which goes on: most chunks are that. */
  #plainText(value: unknown, json: string | undefined): ChatEvent | undefined {
    const plain = plainTextIn(value)
    if (!plain || !isFields(value) || this.#held.length > 0 || !this.#choices.get(plain.choice)?.isPlain)
      return undefined
    this.#hasContent = true
    const native: Native = { dialect, form: 'chunk', value, ...(json !== undefined && { json }) }
    return { type: 'text', choice: plain.choice, text: plain.text, native }
  }

  #settleAll(): readonly ChatEvent[] {
    return [...this.#choices.values()].flatMap((choice) => choice.settle(true))
  }

  /** While nothing has been said, an end is held: it may be a failure in disguise. */
  #release(events: readonly ChatEvent[]): readonly ChatEvent[] {
    if (!this.#hasContent && (this.#held.length > 0 || events.some(isStop))) {
      this.#held.push(...events)
      return []
    }
    if (this.#held.length === 0) return events
    const all = [...this.#held, ...events]
    this.#held = []
    return all
  }

  #read(value: unknown, form: Native['form']): readonly ChatEvent[] {
    const { reply, native } = parseReply(value, form)
    const usage = usageIn(reply)
    if (usage?.outputTokens) this.#hasContent = true
    const choices = reply.choices ?? []
    if (choices.length === 0) return [...this.#settleAll(), ...this.#withoutChoice({ native, usage })]
    if (form === 'chunk' && choices.length === 1 && choices[0]) return this.#readOne(choices[0], { native, usage })
    return this.#readMany(choices, { native, usage })
  }

  /**
   * The one choice of a chunk. An end beside content is held until the next chunk: some upstreams (gcli2api issue 403,
   * open-webui 16377) name one in every chunk, and an answer must not be cut at the first.
   */
  #readOne(wire: WireChoice, reading: Reading): readonly ChatEvent[] {
    const choice = this.#choiceAt(wire.index ?? 0)
    const isSilent = isSilentChoice(wire, 'chunk')
    const before = choice.settle(isSilent)
    if (choice.isFinished) return [...before, ...this.#afterEnd(reading, isSilent)]
    this.#hasContent ||= !isSilent
    const read = choice.read(wire, 'chunk')
    const finished = (isEnd: boolean) =>
      this.#events([isEnd ? choice.conclude(read) : choice.reopen(read)], [wire], reading)
    if (read.end === undefined || isSilent) return before.length > 0 ? [...before, ...finished(true)] : finished(true)
    choice.hold(finished)
    return before
  }

  #readMany(choices: readonly WireChoice[], reading: Reading): readonly ChatEvent[] {
    const { form } = reading.native
    const before: ChatEvent[] = []
    const concluded: ConcludedChoice[] = []
    let isSilent = true
    for (const [at, wire] of choices.entries()) {
      const choice = this.#choiceAt(wire.index ?? at)
      const saysNothing = isSilentChoice(wire, form)
      before.push(...choice.settle(saysNothing))
      isSilent &&= saysNothing
      if (choice.isFinished) continue
      this.#hasContent ||= !saysNothing
      concluded.push(choice.conclude(choice.read(wire, form)))
    }
    return [
      ...before,
      ...(concluded.length > 0 ? this.#events(concluded, choices, reading) : this.#afterEnd(reading, isSilent)),
    ]
  }

  /** The events of a chunk, with the chunk to relay: as it came, or put right. */
  #events(
    concluded: readonly ConcludedChoice[],
    wires: readonly WireChoice[],
    { native, usage }: Reading,
  ): readonly ChatEvent[] {
    const isRight = concluded.length === wires.length && concluded.every(({ relay }, at) => relay === wires[at])
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
      const isForeign = wires.some((wire) => saysForeign(saidIn(wire, native.form)))
      events.push({ ...blank, choice: first, native: relayed, ...(isForeign && { isForeign }) })
    }
    for (const choice of concluded) for (const event of choice.events) events.push({ ...event, native: relayed })
    if (usage) events.push(...this.#usageEvents(relayed, usage))
    return events
  }

  /** A chunk for answers that have ended: what it counts goes out, what it says is too late. */
  #afterEnd({ native, usage }: Reading, isSilent: boolean): readonly ChatEvent[] {
    if (usage) return this.#usageEvents(withChoices(native, []), usage)
    if (isSilent) this.#keepAside(native)
    return []
  }

  /** A chunk without choices: usage, or what only this dialect knows. */
  #withoutChoice({ native, usage }: Reading): readonly ChatEvent[] {
    if (usage) return this.#usageEvents(native, usage)
    const open = [...this.#choices.values()].find((choice) => !choice.isFinished)
    if (open) return [{ ...blank, choice: open.index, native }]
    this.#keepAside(native)
    return []
  }

  /** Nothing but usage may come after a finish: what was kept since then goes out with it. */
  #usageEvents(native: Native, usage: Usage): readonly ChatEvent[] {
    return [...this.#aside.splice(0), native].map((each) => ({ type: 'usage', choice: 0, usage, native: each }))
  }

  #keepAside(native: Native): void {
    if (this.#aside.length < maxAside) this.#aside.push(native)
  }

  #choiceAt(index: number): ChoiceReader {
    const known = this.#choices.get(index)
    if (known) return known
    const fresh = new ChoiceReader(index, this.#options.newId)
    this.#choices.set(index, fresh)
    return fresh
  }
}

const blank = { type: 'text', text: '' } as const

/** Whether a choice of a reply adds nothing to its answer. */
function isSilentChoice(wire: WireChoice, form: Native['form']): boolean {
  return saysNothing(saidIn(wire, form)) && (wire.logprobs ?? null) === null
}

function isStop(event: ChatEvent): boolean {
  return event.type === 'finish' && event.reason === 'stop'
}

function withChoices(native: Native, choices: readonly object[]): Native {
  return { ...native, value: { ...native.value, choices } }
}
