import { type ChatEvent, type FinishReason, isOfPart, type Native } from '../../chat/event.ts'
import type { Extras, Fields } from '../../chat/message.ts'
import { PartWriter } from '../../chat/part-writer.ts'
import { decodeAnnotation } from './annotation.ts'
import {
  type Contents,
  fieldOfThinking,
  noPendingSurrogates,
  readContents,
  rewriteContents,
  saysLogprobs,
  type Texts,
  takeHalves,
} from './contents.ts'
import { dialect } from './dialect.ts'
import { decodeFinish, encodeFinish, isDocumentedFinish, stopSequenceIn } from './finish-reason.ts'
import { extraOfAnswer, gather, nothing } from './handed-back.ts'
import { ownExtra } from './own-extra.ts'
import { type CallBudget, type ReadToolDelta, ToolCalls } from './tool-calls.ts'
import type { WireToolDelta } from './wire-calls.ts'
import type { WireChoice, WireDelta } from './wire-reply.ts'

type Form = Native['form']

/** What a choice of one chunk says. If it names an end, that end is not yet final. */
export interface ReadChoice {
  readonly wire: WireChoice
  readonly form: Form
  readonly contents: Contents
  readonly events: readonly ChatEvent[]
  readonly said: WireDelta
  /** The delta to relay: `said` itself, unless it was repaired. */
  readonly delta: object
  readonly calls: readonly ReadToolDelta[]
  /** The upstream's finish reason. */
  readonly end: string | undefined
}

/** A choice's events, and the choice to relay with them. It is the original object, unless it was repaired. */
export interface ConcludedChoice {
  readonly index: number
  readonly events: readonly ChatEvent[]
  readonly relay: object
}

const noEnd = { finish_reason: null }
const noCalls: readonly ReadToolDelta[] = []

/** What a choice reader needs beside the reply. */
export interface ChoiceOptions {
  readonly newId: () => string
  /** The stop sequences of the request. */
  readonly stop: readonly string[]
  readonly calls: CallBudget
}

/** Reads one choice of a reply, delta by delta. */
export class ChoiceReader {
  readonly index: number
  readonly #writer: PartWriter
  /** Made for the first tool call; most choices have none. */
  #toolCalls: ToolCalls | undefined
  readonly #options: ChoiceOptions
  readonly #halves = noPendingSurrogates()
  #gathered = nothing
  /** The last finish reason so far, even if more content came after it. */
  #word: string | undefined
  /** Whether the upstream itself sent that finish reason. */
  #isNamed = false
  #stopSequence: string | undefined
  #isFinished = false

  constructor(index: number, options: ChoiceOptions) {
    this.index = index
    this.#options = options
    this.#writer = new PartWriter(index)
  }

  /** Whether its finish event has been returned. */
  get isFinished(): boolean {
    return this.#isFinished
  }

  /** The upstream's finish reason. It may change while more chunks come. */
  get word(): string {
    return this.#word ?? 'stop'
  }

  /** Returns the number of the text part, if plain text can be added without any other event. */
  plainTextPart(): number | undefined {
    return this.#halves.text === '' ? this.#writer.plainTextPart() : undefined
  }

  /** @throws ChatError if there are too many tool calls */
  read(wire: WireChoice, form: Form): ReadChoice {
    const { said } = wire
    const contents = readContents(said, this.#halves)
    const extra = extraOfAnswer(said)
    if (extra) this.#gathered = gather(this.#gathered, extra)
    const events = this.#contentEvents(contents, said)
    const calls = wire.calls ? this.#calls(wire.calls, form) : noCalls
    for (const call of calls) events.push(...call.events)
    if (wire.logprobs) this.#addLogprobs(events, wire.logprobs)
    const end = wire.end ?? (form === 'whole' ? 'stop' : undefined)
    this.#isNamed ||= wire.end !== undefined
    this.#stopSequence = stopSequenceIn(wire.raw, this.#options.stop) ?? this.#stopSequence
    this.#word = end ?? this.#word
    const changes = {
      ...contents.rewritten,
      ...(isRepaired(said.tool_calls, calls) && { tool_calls: relaysOf(calls) }),
    }
    const delta = Object.keys(changes).length > 0 ? { ...said, ...changes } : said
    return { wire, form, said, contents, calls, events, delta, end }
  }

  /** Returns the choice without its finish reason. */
  reopen(read: ReadChoice): ConcludedChoice {
    return { index: this.index, events: read.events, relay: relayOf(read, this.index, withoutEnd(read.wire)) }
  }

  /** Returns the choice with its finish reason. @throws ChatError if the finish reason is a failure */
  conclude(read: ReadChoice, end: string): ConcludedChoice {
    const { index } = this
    const { reason, halves, calls, closing } = this.#close(end)
    const delta = {
      ...read.delta,
      ...(halves && rewriteContents(read.said, read.contents, halves)),
      ...(calls.length > 0 && { tool_calls: relaysOf([...read.calls, ...calls]) }),
    }
    const isWhole = !halves && calls.length === 0
    return {
      index,
      events: [...read.events, ...closing],
      relay: relayOf(isWhole ? read : { ...read, delta }, index, endOf(read.wire.raw, end, reason)),
    }
  }

  /** Returns the closing events of a choice without a held chunk. @throws ChatError if the finish reason is a failure */
  finish(): readonly ChatEvent[] {
    return this.#isFinished ? [] : this.#close(this.word).closing
  }

  #close(word: string) {
    const named = decodeFinish(word)
    const isMisnamed = (named === 'stop' || named === 'other') && (this.#toolCalls?.count ?? 0) > 0
    const reason: FinishReason = isMisnamed ? 'tool-calls' : named
    const halves = takeHalves(this.#halves)
    const words = halves ? this.#wordEvents(halves) : []
    const calls = this.#toolCalls?.close() ?? []
    this.#word = word
    this.#isFinished = true
    const closing: ChatEvent[] = [
      ...words,
      ...calls.flatMap(({ events }) => events),
      ...this.#writer.finish(reason, {
        ...(this.#isNamed && { raw: word }),
        ...(this.#stopSequence !== undefined && { stopSequence: this.#stopSequence }),
        ...ownExtra(this.#gathered.fields),
      }),
    ]
    return { reason, halves, calls, closing }
  }

  #calls(calls: readonly WireToolDelta[], form: Form): ReadToolDelta[] {
    const { newId, calls: budget } = this.#options
    const toolCalls = this.#toolCalls ?? new ToolCalls(this.#writer, newId, budget)
    this.#toolCalls = toolCalls
    return calls.map((call) => (form === 'whole' ? toolCalls.whole(call) : toolCalls.read(call)))
  }

  #contentEvents(contents: Texts, said: WireDelta): ChatEvent[] {
    const events = this.#wordEvents(contents, fieldOfThinking(said) && reasoningFieldExtra)
    const annotations = said.annotations?.map(decodeAnnotation) ?? []
    if (annotations.length === 0) return events
    const at = events.findLastIndex(({ type }) => type === 'text')
    const text = events[at]
    if (text?.type === 'text') events[at] = { ...text, annotations }
    else events.push(...this.#writer.text('', { annotations }))
    return events
  }

  #wordEvents({ text, thinking, refusal }: Texts, beside?: { readonly extra: Extras }): ChatEvent[] {
    if (text === '' && thinking === '' && refusal === '') return []
    const writer = this.#writer
    return [
      ...(this.#toolCalls?.endWhole() ?? []),
      ...(thinking === '' ? [] : writer.reasoning(thinking, beside)),
      ...(text === '' ? [] : writer.text(text)),
      ...(refusal === '' ? [] : writer.refusal(refusal)),
    ]
  }

  /** Adds log probabilities to the last event of a part, or to an empty text if there is no such event. */
  #addLogprobs(events: ChatEvent[], logprobs: Fields): void {
    const at = events.findLastIndex((event) => isOfPart(event) && event.type !== 'part-end')
    const event = events[at]
    if (event && isOfPart(event)) events[at] = { ...event, logprobs }
    else if (saysLogprobs(logprobs)) events.push(...this.#writer.text('', { logprobs }))
  }
}

/** Some services refuse reasoning that is sent back under another field than it came in. */
const reasoningFieldExtra = { extra: { [dialect]: { field: 'reasoning' } } }

/** Whether the tool calls to relay differ from those that came. */
function isRepaired(came: unknown, calls: readonly ReadToolDelta[]): boolean {
  if (came === undefined || came === null) return false
  if (!Array.isArray(came) || came.length !== calls.length) return true
  return calls.some(({ relay }, at) => relay !== came[at])
}

function relaysOf(calls: readonly ReadToolDelta[]): object[] | undefined {
  const relays = calls.map(({ relay }) => relay).filter((relay) => relay !== undefined)
  return relays.length > 0 ? relays : undefined
}

/** Returns a documented finish reason. The upstream's own word goes into `native_finish_reason`, as at OpenRouter. */
function endOf(raw: Fields, word: string, reason: FinishReason): object | undefined {
  const isRight = isDocumentedFinish(word) && decodeFinish(word) === reason
  if (isRight) return raw.finish_reason === word ? undefined : { finish_reason: word }
  const isLost = !isDocumentedFinish(word) && raw.native_finish_reason === undefined
  return { finish_reason: encodeFinish(reason), ...(isLost && { native_finish_reason: word }) }
}

/** Sets the finish reason to null, if there is one. */
function withoutEnd({ raw }: WireChoice): object | undefined {
  return raw.finish_reason === undefined || raw.finish_reason === null ? undefined : noEnd
}

function relayOf({ wire, form, delta: said }: ReadChoice, index: number, changes?: object): object {
  const { raw, logprobs } = wire
  const { delta, message, ...others } = raw
  const own = form === 'chunk' ? delta : message
  const isOdd = !logprobs && raw.logprobs !== undefined && raw.logprobs !== null
  if (own === said && raw.index === index && !changes && !isOdd) return raw
  return {
    ...others,
    index,
    [form === 'chunk' ? 'delta' : 'message']: said,
    ...(isOdd && { logprobs: null }),
    ...changes,
  }
}
