import { ChatError } from '../../chat/error.ts'
import { type ChatEvent, type FinishReason, isBlank, type Usage } from '../../chat/event.ts'
import type { Annotation } from '../../chat/message.ts'
import { PartWriter } from '../../chat/part-writer.ts'
import { wholeCounts } from '../../chat/stated-usage.ts'
import { errorInside } from '../../dialects/openai-chat/complaint.ts'
import { isRefusal, saysWords } from '../../dialects/openai-chat/refusal-inside.ts'
import { frameValue } from '../../wire/frame-value.ts'
import { statusError } from '../../wire/http-status.ts'
import type { FrameDecoder } from '../../wire/read-frames.ts'
import { maxCalls, tooManyCalls } from '../../wire/reply-limits.ts'
import type { SseFrame } from '../../wire/sse.ts'
import { readComplaint } from './complaint.ts'
import { type CohereCitation, CohereEvent, type CohereUsage } from './schema.ts'
import { eventsOfWhole } from './whole.ts'

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

  /** @param stop the stop sequences of the request */
  constructor(stop: readonly string[] = []) {
    this.#stop = stop
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
    const parsed = CohereEvent.safeParse(value)
    if (!parsed.success) throw saysWords(value) ? errorInside(value, readComplaint) : badResponse()
    const events = this.#step(parsed.data)
    this.#continuesAfterEnd ||= this.finished && events.length > 0
    this.#hasContent ||= events.some((event) => !isBlank(event))
    return events
  }

  end(): readonly ChatEvent[] {
    if (!this.#ending)
      throw new ChatError('upstream-failed', {
        message: 'The upstream broke off its answer.',
        code: 'upstream_disconnected',
      })
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
    if (!call?.function?.name) throw badResponse()
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
    if (!open) throw badResponse()
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

/** Whether an answer may be empty: the model was cut short or filtered, or it counted tokens that it does not show. */
function mayBeEmpty(reason: FinishReason, usage: Usage | undefined): boolean {
  return reason === 'length' || reason === 'content-filter' || (reason === 'stop' && Boolean(usage?.outputTokens))
}

/**
 * Makes an annotation for each source. Each contains the whole citation, because OpenAI's shape has no place for
 * some of its members.
 */
function annotationsOf(citation: CohereCitation): Annotation[] {
  // offsets into the plan or the thinking do not apply to the text
  const isOfText = !citation.type || citation.type === 'TEXT_CONTENT'
  const place = isOfText && {
    ...(citation.start != null && { start: citation.start }),
    ...(citation.end != null && { end: citation.end }),
  }
  const sources = citation.sources?.length ? citation.sources : [{ document: undefined }]
  return sources.map(({ document }) => ({
    ...(typeof document?.url === 'string' && { url: document.url }),
    ...(typeof document?.title === 'string' && { title: document.title }),
    ...place,
    details: { citation },
  }))
}

/** Cohere, Chat v2 finish reasons, and the older ones of v1, which still occur. */
const finishes: ReadonlyMap<string, FinishReason> = new Map([
  ['COMPLETE', 'stop'],
  ['STOP_SEQUENCE', 'stop'],
  ['MAX_TOKENS', 'length'],
  ['TOOL_CALL', 'tool-calls'],
  ['ERROR_TOXIC', 'content-filter'],
])

function finishReason(wire: string, error: string | null | undefined): FinishReason {
  if (wire === 'TIMEOUT') throw new ChatError('timeout', { message: 'The upstream ran out of time within its answer.' })
  if (wire === 'ERROR_LIMIT')
    throw new ChatError('invalid-request', {
      message: 'The conversation is too long for this model.',
      code: 'context_length_exceeded',
    })
  if (wire === 'ERROR' || wire === 'USER_CANCEL') {
    throw statusError({ status: 0 }, error ? { message: error } : {})
  }
  return finishes.get(wire) ?? 'other'
}

/** Reads the usage. If only the billed tokens are known, they count; if nothing is known, there is no usage. */
function decodeUsage({ tokens, billed_units: bill, cached_tokens: cached }: CohereUsage): Usage | undefined {
  const input = tokens?.input_tokens ?? bill?.input_tokens
  const output = tokens?.output_tokens ?? bill?.output_tokens
  if (input === undefined && output === undefined) return undefined
  const counts = wholeCounts({
    ...(input !== undefined && { inputTokens: input }),
    ...(output !== undefined && { outputTokens: output }),
    ...(cached !== undefined && { cachedInputTokens: cached }),
  })
  const known = counts.inputTokens !== undefined && counts.outputTokens !== undefined
  return {
    ...counts,
    ...(known && { totalTokens: counts.inputTokens + counts.outputTokens }),
    ...(bill && {
      billed: {
        ...(bill.input_tokens !== undefined && { inputTokens: bill.input_tokens }),
        ...(bill.output_tokens !== undefined && { outputTokens: bill.output_tokens }),
      },
    }),
    source: 'upstream',
  }
}

function emptyAnswer(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The upstream ended without an answer.',
    code: 'upstream_empty_response',
  })
}

function badResponse(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The upstream answered in an unknown shape.',
    code: 'upstream_bad_response',
  })
}
