import { ChatError } from '../../chat/error.ts'
import type { Annotation, ChatEvent, FinishReason, Usage } from '../../chat/event.ts'
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

interface OpenCall {
  /** Of the answer's calls, counted from 0. */
  readonly index: number
  hasArguments: boolean
}

type Message = NonNullable<NonNullable<CohereEvent['delta']>['message']>

/**
 * Reads the events of `POST /v2/chat`. `message-end` is the only clean end; what comes after it is a part of the answer all
 * the same. Cohere, Chat v2 streaming
 */
export class CohereDecoder implements FrameDecoder {
  /** What `message-end` said. */
  #ending: { readonly reason: FinishReason; readonly usage: Usage | undefined } | undefined
  /** Open calls by Cohere's own index, which may count other parts too. */
  readonly #open = new Map<number, OpenCall>()
  /** Whether more was said after `message-end`. */
  #goesOn = false
  #latest: OpenCall | undefined
  #calls = 0
  #hasContent = false

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
    this.#goesOn ||= this.finished && events.length > 0
    this.#hasContent ||= events.some((event) => !(event.type === 'text' && event.text === ''))
    return events
  }

  end(): readonly ChatEvent[] {
    if (!this.#ending)
      throw new ChatError('upstream-failed', {
        message: 'The upstream broke off its answer.',
        code: 'upstream_disconnected',
      })
    const { reason, usage } = this.#ending
    if (!this.#hasContent && !maySayNothing(reason, usage)) throw emptyAnswer()
    const calls = [...this.#open.keys()].flatMap((at) => this.#closeCall(at))
    const finish: ChatEvent = { type: 'finish', choice: 0, reason: this.#named(reason) }
    return [...calls, finish, ...(usage ? [{ type: 'usage', choice: 0, usage } as const] : [])]
  }

  /** An answer that ends in calls ends by them. */
  #named(reason: FinishReason): FinishReason {
    return this.#calls > 0 && (reason === 'stop' || reason === 'other') ? 'tool-calls' : reason
  }

  #step({ type, index, delta }: CohereEvent): readonly ChatEvent[] {
    const message: Message = delta?.message ?? {}
    switch (type) {
      case 'content-start':
      case 'content-delta':
        return content(message)
      case 'tool-plan-delta':
        return message.tool_plan ? [{ type: 'reasoning', choice: 0, text: message.tool_plan }] : []
      case 'tool-call-start':
        return this.#openCall(index ?? 0, message)
      case 'tool-call-delta':
        return this.#growCall(index ?? 0, message)
      case 'tool-call-end':
        return this.#closeCall(index ?? 0)
      case 'citation-start':
        return citations(message)
      case 'message-end':
        return this.#finish(delta ?? {})
      default:
        // message-start, the other ends, `debug`, and whatever Cohere adds
        return []
    }
  }

  #openCall(at: number, message: Message): readonly ChatEvent[] {
    const call = message.tool_calls
    if (this.#calls >= maxCalls) throw tooManyCalls()
    if (!call?.function?.name) throw badResponse()
    const index = this.#calls++
    this.#latest = { index, hasArguments: false }
    this.#open.set(at, this.#latest)
    const opened: ChatEvent = {
      type: 'tool-call',
      choice: 0,
      index,
      id: call.id ?? `call_${index}`,
      name: call.function.name,
    }
    return [opened, ...this.#growCall(at, message)]
  }

  #growCall(at: number, { tool_calls: call }: Message): readonly ChatEvent[] {
    const json = call?.function?.arguments
    if (!json) return []
    const open = this.#open.get(at) ?? this.#latest
    if (!open) throw badResponse()
    open.hasArguments = true
    return [{ type: 'tool-arguments', choice: 0, index: open.index, json }]
  }

  /** A call without arguments gets the empty ones, which every client parses. */
  #closeCall(at: number): readonly ChatEvent[] {
    const open = this.#open.get(at)
    this.#open.delete(at)
    if (!open || open.hasArguments) return []
    return [{ type: 'tool-arguments', choice: 0, index: open.index, json: '{}' }]
  }

  /** @throws ChatError for an end that is none */
  #finish(delta: NonNullable<CohereEvent['delta']>): readonly ChatEvent[] {
    const before = this.#ending
    // one that is no end takes back another before it, if more was said since
    if (this.#goesOn) this.#ending = undefined
    this.#goesOn = false
    const reason = finishReason(delta.finish_reason ?? 'COMPLETE', delta.error)
    this.#ending = { reason, usage: (delta.usage ? decodeUsage(delta.usage) : undefined) ?? before?.usage }
    return []
  }
}

/** A model that was cut short or filtered may have said nothing; so may one whose tokens, which were counted, are not shown. */
function maySayNothing(reason: FinishReason, usage: Usage | undefined): boolean {
  return reason === 'length' || reason === 'content-filter' || (reason === 'stop' && Boolean(usage?.outputTokens))
}

function content({ content: part }: Message): readonly ChatEvent[] {
  if (!part) return []
  if (part.thinking) return [{ type: 'reasoning', choice: 0, text: part.thinking }]
  return part.text ? [{ type: 'text', choice: 0, text: part.text }] : []
}

function citations({ citations: citation }: Message): readonly ChatEvent[] {
  if (!citation) return []
  return [{ type: 'text', choice: 0, text: '', annotations: annotationsOf(citation) }]
}

/** An annotation for each source; the citation itself goes along, since OpenAI's shape has no place for half of it. */
function annotationsOf(citation: CohereCitation): Annotation[] {
  // offsets into the plan or the thinking say nothing about the text
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
    extra: { citation },
  }))
}

/** Cohere, Chat v2 finish reasons; the older ones of v1 where they still turn up. */
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
    throw statusError(0, new Headers(), error ? { message: error } : {})
  }
  return finishes.get(wire) ?? 'other'
}

/** Where only the bill is told, it is all that is known; where nothing is, there is no usage. */
function decodeUsage({ tokens, billed_units: bill, cached_tokens: cached }: CohereUsage): Usage | undefined {
  const input = tokens?.input_tokens ?? bill?.input_tokens
  const output = tokens?.output_tokens ?? bill?.output_tokens
  if (input == null && output == null) return undefined
  return {
    ...(input != null && { inputTokens: input }),
    ...(output != null && { outputTokens: output }),
    ...(input != null && output != null && { totalTokens: input + output }),
    ...(cached != null && { cachedInputTokens: cached }),
    ...(bill && {
      billed: {
        ...(bill.input_tokens != null && { inputTokens: bill.input_tokens }),
        ...(bill.output_tokens != null && { outputTokens: bill.output_tokens }),
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
