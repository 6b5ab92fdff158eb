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
import { ownExtra } from './fields.ts'
import { decodeFinish, encodeFinish, isDocumentedFinish, stopSequenceIn } from './finish-reason.ts'
import { extraOfAnswer, gather, nothing } from './handed-back.ts'
import { type CallBudget, type ReadToolDelta, ToolCalls } from './tool-calls.ts'
import type { WireToolDelta } from './wire-calls.ts'
import type { WireChoice, WireDelta } from './wire-reply.ts'

type Form = Native['form']

/** What a choice of one chunk says, before its end, if it names one, is believed. */
export interface ReadChoice {
  readonly wire: WireChoice
  readonly form: Form
  readonly contents: Contents
  readonly events: readonly ChatEvent[]
  readonly said: WireDelta
  /** What to relay of it: `said` itself where that is right. */
  readonly delta: object
  readonly calls: readonly ReadToolDelta[]
  /** The upstream's word for the end. */
  readonly end: string | undefined
}

/** A choice's events, and the choice to relay with them: as it came where that is right. */
export interface ConcludedChoice {
  readonly index: number
  readonly events: readonly ChatEvent[]
  readonly relay: object
}

const noEnd = { finish_reason: null }
const none: readonly ReadToolDelta[] = []

/** What a reader needs beside the reply. */
export interface ChoiceOptions {
  readonly newId: () => string
  /** The stop sequences that were asked for. */
  readonly stop: readonly string[]
  readonly calls: CallBudget
}

/** One answer of a reply, as it grows. */
export class ChoiceReader {
  readonly index: number
  readonly #stop: readonly string[]
  readonly #writer: PartWriter
  readonly #toolCalls: ToolCalls
  readonly #halves = noPendingSurrogates()
  #gathered = nothing
  /** The last word for an end; one after which more was said is the end where no other comes. */
  #word: string | undefined
  /** Whether it is the upstream's own. */
  #isNamed = false
  #stopSequence: string | undefined
  #isFinished = false

  constructor(index: number, { newId, calls, stop }: ChoiceOptions) {
    this.index = index
    this.#stop = stop
    this.#writer = new PartWriter(index)
    this.#toolCalls = new ToolCalls(this.#writer, newId, calls)
  }

  /** Whether its finish has been given out. */
  get isFinished(): boolean {
    return this.#isFinished
  }

  /** The upstream's word for its end: it may be another as long as more comes. */
  get word(): string {
    return this.#word ?? 'stop'
  }

  /** The part that text alone adds to, where that is just more text: nothing is held back, and no other part ends. */
  plainTextPart(): number | undefined {
    return this.#halves.text === '' ? this.#writer.plainTextPart() : undefined
  }

  /** @throws ChatError where there are too many calls */
  read(wire: WireChoice, form: Form): ReadChoice {
    const { said } = wire
    const contents = readContents(said, this.#halves)
    const extra = extraOfAnswer(said)
    if (extra) this.#gathered = gather(this.#gathered, extra)
    const events = this.#contentEvents(contents, said)
    const calls = wire.calls ? this.#calls(wire.calls, form) : none
    for (const call of calls) events.push(...call.events)
    if (wire.logprobs) this.#addLogprobs(events, wire.logprobs)
    const end = wire.end ?? (form === 'whole' ? 'stop' : undefined)
    this.#isNamed ||= wire.end !== undefined
    this.#stopSequence = stopSequenceIn(wire.raw, this.#stop) ?? this.#stopSequence
    this.#word = end ?? this.#word
    const changes = { ...contents.rewritten, ...(isRepaired(said.tool_calls, calls) && { tool_calls: relayed(calls) }) }
    const delta = Object.keys(changes).length > 0 ? { ...said, ...changes } : said
    return { wire, form, said, contents, calls, events, delta, end }
  }

  /** The choice without the end it names, if it does. */
  reopen(read: ReadChoice): ConcludedChoice {
    return { index: this.index, events: read.events, relay: relayOf(read, this.index, withoutEnd(read.wire)) }
  }

  /** The choice with the end it names. @throws ChatError where the end is a failure */
  conclude(read: ReadChoice, end: string): ConcludedChoice {
    const { index } = this
    const { reason, halves, calls, closing } = this.#close(end)
    const delta = {
      ...read.delta,
      ...(halves && rewriteContents(read.said, read.contents, halves)),
      ...(calls.length > 0 && { tool_calls: relayed([...read.calls, ...calls]) }),
    }
    const isWhole = !halves && calls.length === 0
    return {
      index,
      events: [...read.events, ...closing],
      relay: relayOf(isWhole ? read : { ...read, delta }, index, endOf(read.wire.raw, end, reason)),
    }
  }

  /** The events of an end that no chunk is held for. @throws ChatError where the end is a failure */
  finish(): readonly ChatEvent[] {
    return this.#isFinished ? [] : this.#close(this.word).closing
  }

  #close(word: string) {
    const named = decodeFinish(word)
    const isMisnamed = (named === 'stop' || named === 'other') && this.#toolCalls.count > 0
    const reason: FinishReason = isMisnamed ? 'tool-calls' : named
    const halves = takeHalves(this.#halves)
    const words = halves ? this.#wordEvents(halves) : []
    const calls = this.#toolCalls.close()
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
    return calls.map((call) => (form === 'whole' ? this.#toolCalls.whole(call) : this.#toolCalls.read(call)))
  }

  #contentEvents(contents: Texts, said: WireDelta): ChatEvent[] {
    const events = this.#wordEvents(contents, fieldOfThinking(said) && thoughtsInReasoning)
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
      ...this.#toolCalls.endWhole(),
      ...(thinking === '' ? [] : writer.reasoning(thinking, beside)),
      ...(text === '' ? [] : writer.text(text)),
      ...(refusal === '' ? [] : writer.refusal(refusal)),
    ]
  }

  /** Of whatever the chunk says; of a text where it says nothing. */
  #addLogprobs(events: ChatEvent[], logprobs: Fields): void {
    const at = events.findLastIndex((event) => isOfPart(event) && event.type !== 'part-end')
    const event = events[at]
    if (event && isOfPart(event)) events[at] = { ...event, logprobs }
    else if (saysLogprobs(logprobs)) events.push(...this.#writer.text('', { logprobs }))
  }
}

/** Some services refuse thoughts that are handed back under another name than they came under. */
const thoughtsInReasoning = { extra: { [dialect]: { field: 'reasoning' } } }

/** Whether the calls to relay are others than those that came. */
function isRepaired(came: unknown, calls: readonly ReadToolDelta[]): boolean {
  if (came === undefined || came === null) return false
  if (!Array.isArray(came) || came.length !== calls.length) return true
  return calls.some(({ relay }, at) => relay !== came[at])
}

function relayed(calls: readonly ReadToolDelta[]): object[] | undefined {
  const relays = calls.map(({ relay }) => relay).filter((relay) => relay !== undefined)
  return relays.length > 0 ? relays : undefined
}

/** The end as a typed client knows it; the upstream's own word stays beside it, as OpenRouter has it. */
function endOf(raw: Fields, word: string, reason: FinishReason): object | undefined {
  const isRight = isDocumentedFinish(word) && decodeFinish(word) === reason
  if (isRight) return raw.finish_reason === word ? undefined : { finish_reason: word }
  const isLost = !isDocumentedFinish(word) && raw.native_finish_reason === undefined
  return { finish_reason: encodeFinish(reason), ...(isLost && { native_finish_reason: word }) }
}

/** What a typed client takes for no end. */
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
