import type { NoteDrift } from '../../chat/drift.ts'
import { DriftWatch } from '../../chat/drift-watch.ts'
import { type ChatEvent, type FinishReason, isBlank, type Usage } from '../../chat/event.ts'
import { PartWriter } from '../../chat/part-writer.ts'
import { brokenAnswer, emptyAnswer, mayBeEmpty, unknownReply } from '../../chat/reply-errors.ts'
import { errorInside } from '../../dialects/openai-chat/complaint.ts'
import { isRefusal, saysWords } from '../../dialects/openai-chat/refusal-inside.ts'
import { frameValue } from '../../wire/frame-value.ts'
import type { FrameDecoder } from '../../wire/read-frames.ts'
import { maxCalls, tooManyCalls } from '../../wire/reply-limits.ts'
import type { SseFrame } from '../../wire/sse.ts'
import { annotationsOf } from './annotation.ts'
import { readComplaint } from './complaint.ts'
import { finishReason } from './finish-reason.ts'
import { knownEvents } from './known-events.ts'
import type { CohereEvent } from './schema.ts'
import { decodeUsage } from './usage.ts'
import { eventsOfWhole } from './whole.ts'

/** Loaded when it is needed, because zod costs much at the start (docs/decisions/0050-late-modules.md). */
const schemas = (): typeof import('./schema.ts') => require('./schema.ts')

interface CohereCall {
  readonly part: number
  hasArguments: boolean
}

/** The finish and the usage of `message-end`. */
interface NamedEnd {
  readonly reason: FinishReason
  /** Cohere's own word for the finish. */
  readonly raw: string | undefined
  readonly usage: Usage | undefined
}

type CohereMessage = NonNullable<NonNullable<CohereEvent['delta']>['message']>

/**
 * Reads the events of `POST /v2/chat`. `message-end` is the only clean end, but events after it still belong to the
 * answer. Cohere, Chat v2 streaming
 */
export class CohereDecoder implements FrameDecoder {
  readonly #writer = new PartWriter()
  readonly #stop: readonly string[]
  #ending: NamedEnd | undefined
  /** Open calls, by Cohere's own index, which may count other parts too. */
  readonly #open = new Map<number, CohereCall>()
  /** Whether content came after `message-end`. */
  #continuesAfterEnd = false
  #latest: CohereCall | undefined
  #calls = 0
  #hasContent = false

  readonly #drift: DriftWatch | undefined

  /** @param stop the stop sequences of the request */
  constructor(stop: readonly string[] = [], note?: NoteDrift) {
    this.#stop = stop
    this.#drift = note && new DriftWatch(knownEvents, note)
  }

  get finished(): boolean {
    return this.#ending !== undefined
  }

  frame(frame: SseFrame): readonly ChatEvent[] {
    const value = frameValue(frame)
    if (value === undefined) return []
    if (frame.event === 'error' || isRefusal(value)) throw errorInside(value, readComplaint)
    return (eventsOfWhole(value) ?? [value]).flatMap((event) => this.#read(event))
  }

  #read(value: unknown): readonly ChatEvent[] {
    const parsed = schemas().CohereEvent.safeParse(value)
    if (!parsed.success) {
      if (saysWords(value)) throw errorInside(value, readComplaint)
      this.#drift?.look('', value)
      throw unknownReply()
    }
    const events = this.#tryStep(parsed.data, value)
    if (events.length === 0) this.#drift?.look(parsed.data.type, value, parsed.data)
    this.#continuesAfterEnd ||= this.finished && events.length > 0
    this.#hasContent ||= events.some((event) => !isBlank(event))
    return events
  }

  #tryStep(event: CohereEvent, value: unknown): readonly ChatEvent[] {
    try {
      return this.#step(event)
    } catch (thrown) {
      this.#drift?.lookAfter(thrown, event.type, value, event)
      throw thrown
    }
  }

  end(): readonly ChatEvent[] {
    if (!this.#ending) throw brokenAnswer()
    const { reason, raw, usage } = this.#ending
    if (!this.#hasContent && !mayBeEmpty(reason, usage)) throw emptyAnswer()
    const calls = [...this.#open.keys()].flatMap((at) => this.#closeCall(at))
    const finish = this.#writer.finish(this.#finishReasonFor(reason), {
      ...(raw !== undefined && { raw }),
      ...(raw === 'STOP_SEQUENCE' && this.#onlyStop()),
    })
    return [...calls, ...finish, ...(usage ? [{ type: 'usage', choice: 0, usage } as const] : [])]
  }

  /** Returns `tool-calls` for an answer with calls, unless it was cut short or filtered. */
  #finishReasonFor(reason: FinishReason): FinishReason {
    return this.#calls > 0 && (reason === 'stop' || reason === 'other') ? 'tool-calls' : reason
  }

  /** The stop sequence, if the request had only one. Cohere does not tell which of several ended the answer. */
  #onlyStop(): { stopSequence?: string } {
    const [stopSequence, other] = this.#stop
    return stopSequence !== undefined && other === undefined ? { stopSequence } : {}
  }

  #step({ type, index, delta }: CohereEvent): readonly ChatEvent[] {
    const message: CohereMessage = delta?.message ?? {}
    switch (type) {
      case 'content-start':
      case 'content-delta':
        return this.#content(message)
      case 'tool-plan-delta':
        return message.tool_plan ? this.#writer.reasoning(message.tool_plan) : []
      case 'tool-call-start':
        return this.#openCall(index ?? 0, message)
      case 'tool-call-delta':
        return this.#growCall(index ?? 0, message)
      case 'tool-call-end':
        return this.#closeCall(index ?? 0)
      case 'citation-start':
        return this.#citations(message)
      case 'message-end':
        return this.#finish(delta ?? {})
      default:
        // message-start, the other end events, `debug`, and new types
        return []
    }
  }

  #content({ content: part }: CohereMessage): readonly ChatEvent[] {
    if (!part) return []
    if (part.thinking) return this.#writer.reasoning(part.thinking)
    return part.text ? this.#writer.text(part.text) : []
  }

  #citations({ citations: citation }: CohereMessage): readonly ChatEvent[] {
    return citation ? this.#writer.text('', { annotations: annotationsOf(citation) }) : []
  }

  #openCall(at: number, message: CohereMessage): readonly ChatEvent[] {
    const call = message.tool_calls
    if (this.#calls >= maxCalls) throw tooManyCalls()
    if (!call?.function?.name) throw unknownReply()
    const index = this.#calls++
    const ended = this.#closeCall(at)
    const opened = this.#writer.toolCall({ id: call.id ?? `call_${index}`, name: call.function.name })
    this.#latest = { part: this.#writer.latestPart, hasArguments: false }
    this.#open.set(at, this.#latest)
    return [...ended, ...opened, ...this.#growCall(at, message)]
  }

  #growCall(at: number, { tool_calls: call }: CohereMessage): readonly ChatEvent[] {
    const json = call?.function?.arguments
    if (!json) return []
    const open = this.#open.get(at) ?? this.#latest
    if (!open) throw unknownReply()
    open.hasArguments = true
    return this.#writer.toolArguments(open.part, json)
  }

  /** A call without arguments gets `{}`, which every client can parse. */
  #closeCall(at: number): readonly ChatEvent[] {
    const open = this.#open.get(at)
    this.#open.delete(at)
    if (!open) return []
    const { part, hasArguments } = open
    return [...(hasArguments ? [] : this.#writer.toolArguments(part, '{}')), ...this.#writer.endCall(part)]
  }

  /** @throws ChatError for an end that reports a failure */
  #finish(delta: NonNullable<CohereEvent['delta']>): readonly ChatEvent[] {
    const earlierEnd = this.#ending
    // content came after the earlier end, so the answer was not finished, and a failure now counts
    if (this.#continuesAfterEnd) this.#ending = undefined
    this.#continuesAfterEnd = false
    const raw = delta.finish_reason ?? undefined
    const reason = finishReason(raw ?? 'COMPLETE', delta.error)
    this.#ending = { reason, raw, usage: (delta.usage ? decodeUsage(delta.usage) : undefined) ?? earlierEnd?.usage }
    return []
  }
}
