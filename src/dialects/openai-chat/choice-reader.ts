import type { ChatEvent, FinishReason, Native } from '../../chat/event.ts'
import { decodeAnnotation } from './annotation.ts'
import { errorInside } from './complaint.ts'
import {
  type Contents,
  fieldOfThinking,
  noHalves,
  readContents,
  rewriteContents,
  type Texts,
  takeHalves,
} from './contents.ts'
import { ownExtra } from './fields.ts'
import { decodeFinish, encodeFinish, isDocumentedFinish } from './finish-reason.ts'
import { extraOfAnswer, gather, nothing } from './handed-back.ts'
import type { WireChoice, WireDelta, WireToolDelta } from './reply-schema.ts'
import { type ReadToolDelta, ToolCalls } from './tool-calls.ts'

type Form = Native['form']

/** What a choice of one chunk says, before its end, if it names one, is believed. */
export interface ReadChoice {
  readonly wire: WireChoice
  readonly form: Form
  readonly contents: Contents
  readonly events: readonly ChatEvent[]
  readonly said: WireDelta
  /** What to relay of it: `said` itself where that was right. */
  readonly delta: object
  readonly calls: readonly ReadToolDelta[]
  /** The upstream's word for the end. */
  readonly end: string | undefined
}

/** A choice's events, and the choice to relay with them: `wire` itself where it was right. */
export interface ConcludedChoice {
  readonly index: number
  readonly events: readonly ChatEvent[]
  readonly relay: object
}

/** Makes the events of a chunk whose end was held: with the end, or without. */
export type Ending = (isEnd: boolean) => readonly ChatEvent[]

const noEnd = { finish_reason: null }
const none: readonly ReadToolDelta[] = []

/** One answer of a reply, as it grows. */
export class ChoiceReader {
  readonly index: number
  readonly #toolCalls: ToolCalls
  readonly #halves = noHalves()
  #gathered = nothing
  #isFinished = false
  #ending: Ending | undefined

  constructor(index: number, newId: () => string) {
    this.index = index
    this.#toolCalls = new ToolCalls(index, newId)
  }

  /** Whether its finish has been given out. */
  get isFinished(): boolean {
    return this.#isFinished
  }

  /** Whether an end has been named, be it held. */
  get isOver(): boolean {
    return this.#isFinished || this.#ending !== undefined
  }

  /** Whether text that comes now is just more text: nothing is held back, and nothing has ended. */
  get isPlain(): boolean {
    return !this.isOver && this.#halves.text === ''
  }

  /** Keeps a chunk that names an end until it is known to be one. */
  hold(ending: Ending): void {
    this.#ending = ending
  }

  /** The events of the chunk that was held, if one was. */
  settle(isEnd: boolean): readonly ChatEvent[] {
    const ending = this.#ending
    this.#ending = undefined
    return ending ? ending(isEnd) : []
  }

  /** @throws ChatError for an error in place of an answer */
  read(wire: WireChoice, form: Form): ReadChoice {
    if (wire.error) throw errorInside(wire.error)
    const said = saidIn(wire, form)
    const contents = readContents(said, this.#halves)
    const extra = extraOfAnswer(said)
    if (extra) this.#gathered = gather(this.#gathered, extra)
    const calls = said.tool_calls?.length ? this.#calls(said.tool_calls, form) : none
    const isRepaired = calls.some(({ relay }, at) => relay !== said.tool_calls?.[at])
    const events = this.#contentEvents(contents, wire, said)
    for (const call of calls) events.push(...call.events)
    return {
      wire,
      form,
      said,
      contents,
      calls,
      events,
      delta:
        isRepaired || contents.rewritten
          ? { ...said, ...contents.rewritten, ...(isRepaired && { tool_calls: relayed(calls) }) }
          : said,
      end: wire.finish_reason || (form === 'whole' ? 'stop' : undefined),
    }
  }

  /** The choice without the end it named, which was none. */
  reopen(read: ReadChoice): ConcludedChoice {
    return { index: this.index, events: read.events, relay: relayOf(read, this.index, noEnd) }
  }

  /** The choice, with its end if it names one. @throws ChatError where the end is a failure */
  conclude(read: ReadChoice): ConcludedChoice {
    const { end, events } = read
    const { index } = this
    // some name no end by a text of nothing, which a typed client does not know
    if (!end) return { index, events, relay: relayOf(read, index, read.wire.finish_reason === '' ? noEnd : undefined) }
    const { reason, halves, calls, closing } = this.#close(end)
    const delta = {
      ...read.delta,
      ...(halves && rewriteContents(read.said, read.contents, halves)),
      ...(calls.length > 0 && { tool_calls: relayed([...read.calls, ...calls]) }),
    }
    const isWhole = !halves && calls.length === 0
    return {
      index,
      events: [...events, ...closing],
      relay: relayOf(isWhole ? read : { ...read, delta }, index, endOf(read.wire, end, reason)),
    }
  }

  /** The events of an end that the upstream did not name. */
  finish(): readonly ChatEvent[] {
    return this.#isFinished ? [] : this.#close('stop').closing
  }

  #close(word: string) {
    const named = decodeFinish(word)
    const isMisnamed = (named === 'stop' || named === 'other') && this.#toolCalls.count > 0
    const reason: FinishReason = isMisnamed ? 'tool-calls' : named
    const halves = takeHalves(this.#halves)
    const calls = this.#toolCalls.close()
    this.#isFinished = true
    const closing: ChatEvent[] = [
      ...(halves ? this.#textEvents(halves) : []),
      ...calls.flatMap(({ events }) => events),
      { type: 'finish', choice: this.index, reason, ...ownExtra(this.#gathered.fields) },
    ]
    return { reason, halves, calls, closing }
  }

  #calls(calls: readonly WireToolDelta[], form: Form): ReadToolDelta[] {
    return calls.map((call) => (form === 'whole' ? this.#toolCalls.whole(call) : this.#toolCalls.read(call)))
  }

  #contentEvents(contents: Texts, { logprobs }: WireChoice, said: WireDelta): ChatEvent[] {
    const annotations = said.annotations?.map(decodeAnnotation) ?? []
    const hasLogprobs = logprobs !== null && logprobs !== undefined
    const field = fieldOfThinking(said)
    if (annotations.length === 0 && !hasLogprobs) return this.#textEvents(contents, field)
    const beside = { ...(annotations.length > 0 && { annotations }), ...(hasLogprobs && { logprobs }) }
    return [
      ...this.#textEvents({ ...contents, text: '', refusal: '' }, field),
      { type: 'text', choice: this.index, text: contents.text, ...beside },
      ...this.#textEvents({ ...contents, text: '', thinking: '' }),
    ]
  }

  #textEvents({ text, thinking, refusal }: Texts, field?: string): ChatEvent[] {
    const choice = this.index
    const events: ChatEvent[] = []
    if (thinking) events.push({ type: 'reasoning', choice, text: thinking, ...(field && { extra: { field } }) })
    if (text) events.push({ type: 'text', choice, text })
    if (refusal) events.push({ type: 'text', choice, text: refusal, refusal: true })
    return events
  }
}

/** A chunk has a `delta`, a whole reply a `message`; upstreams that only pretend to stream send a `message` in a chunk. */
export function saidIn(wire: WireChoice, form: Form): WireDelta {
  return (form === 'chunk' ? (wire.delta ?? wire.message) : (wire.message ?? wire.delta)) ?? {}
}

function relayed(calls: readonly ReadToolDelta[]): object[] | undefined {
  const relays = calls.map(({ relay }) => relay).filter((relay) => relay !== undefined)
  return relays.length > 0 ? relays : undefined
}

/** The end as a typed client knows it; the upstream's own word stays beside it, as OpenRouter has it. */
function endOf(wire: WireChoice, word: string, reason: FinishReason): object | undefined {
  const isRight = isDocumentedFinish(word) && decodeFinish(word) === reason
  if (isRight) return wire.finish_reason === word ? undefined : { finish_reason: word }
  const isLost = !isDocumentedFinish(word) && wire.native_finish_reason === undefined
  return { finish_reason: encodeFinish(reason), ...(isLost && { native_finish_reason: word }) }
}

function relayOf({ wire, form, delta: said }: ReadChoice, index: number, changes?: object): object {
  const { delta, message, ...others } = wire
  const own = form === 'chunk' ? delta : message
  if (own === said && wire.index === index && !changes) return wire
  return { ...others, index, [form === 'chunk' ? 'delta' : 'message']: said, ...changes }
}
