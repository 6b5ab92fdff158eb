import { ChatError } from '../../chat/error.ts'
import type { ChatEvent, Native, Usage } from '../../chat/event.ts'
import { ChoiceReader, type ReadChoice, saidIn } from './choice-reader.ts'
import { errorInside } from './complaint.ts'
import { saysNothing } from './contents.ts'
import { isFields } from './fields.ts'
import { WireReply } from './reply-schema.ts'
import { dialect } from './schema.ts'
import { usageIn } from './usage.ts'

/** What a decoder has to know beyond the bytes. */
export interface DecodeOptions {
  /** How many answers were asked for: a stream that ends with fewer finished was cut. */
  readonly choices: number
  readonly newId: () => string
}

/** Late chunks that are kept. */
const maxLate = 16

/** A reply as it came, with what is read of it. */
interface Reading {
  readonly native: Native
  readonly usage: Usage | undefined
  /** Whether it has choices that came after their own end: they are not relayed. */
  readonly isSkipped: boolean
  /** Whether it adds nothing to any answer. */
  readonly isQuiet: boolean
}

interface OpenChoice {
  readonly choice: ChoiceReader
  readonly read: ReadChoice
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
  /** Chunks after the end that add nothing to the answer, such as Azure's filter results: they go out with usage. */
  readonly #late: Native[] = []

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
   * @throws ChatError for an error object inside it, or when it is no chunk at all
   */
  chunk(value: unknown): readonly ChatEvent[] {
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
    if (!this.#hasContent && (this.#held.length > 0 || !this.finished)) throw emptyAnswer()
    return this.#release([...this.#settleAll(), ...[...this.#choices.values()].flatMap((choice) => choice.finish())])
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
    if (choices.length === 0) return [...this.#settleAll(), ...this.#aside({ native, usage })]
    const before: ChatEvent[] = []
    const open: OpenChoice[] = []
    let isQuiet = true
    for (const [at, wire] of choices.entries()) {
      const choice = this.#choiceAt(wire.index ?? at)
      const isSilent = saysNothing(saidIn(wire, form)) && (wire.logprobs ?? null) === null
      before.push(...choice.settle(isSilent))
      isQuiet &&= isSilent
      if (choice.isFinished) continue
      this.#hasContent ||= !isSilent
      open.push({ choice, read: choice.read(wire, form) })
    }
    const isSkipped = open.length < choices.length
    if (open.length > 0) return [...before, ...this.#conclude(open, { native, usage, isSkipped, isQuiet })]
    if (usage) return [...before, ...this.#usageEvents(withChoices(native, []), usage)]
    if (isQuiet) this.#keepLate(native)
    return before
  }

  /**
   * An end beside content is held until the next chunk: some upstreams (gcli2api issue 403, open-webui 16377) name one
   * in every chunk, and an answer must not be cut at the first.
   */
  #conclude(open: readonly OpenChoice[], reading: Reading): readonly ChatEvent[] {
    const [only] = open
    const isSole = only && open.length === 1 && reading.native.form === 'chunk'
    if (!isSole || only.read.end === undefined || reading.isQuiet) return this.#concluded(open, reading, true)
    only.choice.hold((isEnd) => this.#concluded(open, reading, isEnd))
    return []
  }

  #concluded(open: readonly OpenChoice[], { native, usage, isSkipped }: Reading, isEnd: boolean): readonly ChatEvent[] {
    const concluded = open.map(({ choice, read }) => (isEnd ? choice.conclude(read) : choice.reopen(read)))
    const isRight = !isSkipped && concluded.every(({ relay }, at) => relay === open[at]?.read.wire)
    const relayed = isRight
      ? native
      : withChoices(
          native,
          concluded.map(({ relay }) => relay),
        )
    const events = concluded.flatMap((choice) => choice.events)
    if (events.length === 0 && !usage) return [{ ...blank, choice: open[0]?.choice.index ?? 0, native: relayed }]
    return [
      ...events.map((event) => ({ ...event, native: relayed })),
      ...(usage ? this.#usageEvents(relayed, usage) : []),
    ]
  }

  /** A chunk without choices: usage, or what only this dialect knows (Azure's `prompt_filter_results`). */
  #aside({ native, usage }: Pick<Reading, 'native' | 'usage'>): readonly ChatEvent[] {
    if (usage) return this.#usageEvents(native, usage)
    if (!this.finished) return [{ ...blank, choice: this.#firstOpen(), native }]
    this.#keepLate(native)
    return []
  }

  #usageEvents(native: Native, usage: Usage): readonly ChatEvent[] {
    return [...this.#late.splice(0), native].map((each) => ({ type: 'usage', choice: 0, usage, native: each }))
  }

  #keepLate(native: Native): void {
    if (this.#late.length < maxLate) this.#late.push(native)
  }

  /** The first choice that has not finished: nothing but usage may come after a finish. */
  #firstOpen(): number {
    let index = 0
    while (this.#choices.get(index)?.isFinished) index++
    return index
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

function isStop(event: ChatEvent): boolean {
  return event.type === 'finish' && event.reason === 'stop'
}

function withChoices(native: Native, choices: readonly object[]): Native {
  return { ...native, value: { ...native.value, choices } }
}

/** @throws ChatError for an error in place of a reply, or for anything that is none */
function parseReply(value: unknown, form: Native['form']): { reply: WireReply; native: Native } {
  const parsed = WireReply.safeParse(value)
  if (!parsed.success || !isFields(value)) throw hasError(value) ? errorInside(value) : badResponse()
  const { error, object, x_groq } = parsed.data
  if (error || object === 'error') throw errorInside(value)
  if (x_groq?.error) throw errorInside(x_groq.error)
  return { reply: parsed.data, native: { dialect, form, value } }
}

/** Gemini wraps an error in a list. */
function hasError(value: unknown): boolean {
  return Array.isArray(value) ? hasError(value[0]) : isFields(value) && Boolean(value.error)
}

function badResponse(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The upstream answered in an unknown shape.',
    code: 'upstream_bad_response',
  })
}

function cutOff(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The upstream broke off its answer.',
    code: 'upstream_disconnected',
  })
}

function emptyAnswer(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The upstream ended without an answer.',
    code: 'upstream_empty_response',
  })
}
