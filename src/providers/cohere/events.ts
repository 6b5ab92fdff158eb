import { ChatError } from '../../chat/error.ts'
import type { Annotation, ChatEvent, FinishReason, Usage } from '../../chat/event.ts'
import { parseUpstreamJson } from '../../wire/json.ts'
import type { FrameDecoder } from '../../wire/read-frames.ts'
import type { SseFrame } from '../../wire/sse.ts'
import { type CohereCitation, CohereEvent, type CohereUsage } from './schema.ts'

type Message = NonNullable<NonNullable<CohereEvent['delta']>['message']>

/** Reads the events of `POST /v2/chat`. `message-end` is the only clean end. Cohere, Chat v2 streaming */
export class CohereDecoder implements FrameDecoder {
  finished = false
  #calls = 0
  #hasArguments = false
  #hasContent = false

  frame({ data }: SseFrame): readonly ChatEvent[] {
    const parsed = CohereEvent.safeParse(parseUpstreamJson(data))
    if (!parsed.success) throw badResponse()
    const events = this.#step(parsed.data)
    this.#hasContent ||= events.some(
      (event) => event.type !== 'finish' && !(event.type === 'text' && event.text === ''),
    )
    return events
  }

  end(): readonly ChatEvent[] {
    if (!this.finished)
      throw new ChatError('upstream-failed', {
        message: 'The upstream broke off its answer.',
        code: 'upstream_disconnected',
      })
    return []
  }

  #step({ type, delta }: CohereEvent): readonly ChatEvent[] {
    const message: Message = delta?.message ?? {}
    switch (type) {
      case 'content-start':
      case 'content-delta':
        return content(message)
      case 'tool-plan-delta':
        return message.tool_plan ? [{ type: 'reasoning', choice: 0, text: message.tool_plan }] : []
      case 'tool-call-start':
        return this.#open(message)
      case 'tool-call-delta':
        return this.#grow(message)
      case 'tool-call-end':
        return this.#hasArguments ? [] : [{ type: 'tool-arguments', choice: 0, index: this.#calls - 1, json: '{}' }]
      case 'citation-start':
        return citations(message)
      case 'message-end':
        return this.#finish(delta ?? {})
      default:
        // message-start, the other ends, `debug`, and whatever Cohere adds
        return []
    }
  }

  #open(message: Message): readonly ChatEvent[] {
    const call = message.tool_calls
    if (!call || Array.isArray(call)) return []
    this.#hasArguments = false
    const index = this.#calls++
    const opened: ChatEvent = {
      type: 'tool-call',
      choice: 0,
      index,
      id: call.id ?? `call_${index}`,
      name: call.function?.name ?? '',
    }
    return [opened, ...this.#grow(message)]
  }

  #grow({ tool_calls: call }: Message): readonly ChatEvent[] {
    const json = call && !Array.isArray(call) ? call.function?.arguments : undefined
    if (!json) return []
    this.#hasArguments = true
    return [{ type: 'tool-arguments', choice: 0, index: this.#calls - 1, json }]
  }

  #finish(delta: NonNullable<CohereEvent['delta']>): readonly ChatEvent[] {
    const reason = finishReason(delta.finish_reason ?? 'COMPLETE', delta.error)
    const usage = delta.usage ? decodeUsage(delta.usage) : undefined
    if (!this.#hasContent && reason === 'stop' && !usage?.outputTokens) {
      throw new ChatError('upstream-failed', {
        message: 'The upstream ended without an answer.',
        code: 'upstream_empty_response',
      })
    }
    this.finished = true
    const finish: ChatEvent = { type: 'finish', choice: 0, reason }
    return usage ? [finish, { type: 'usage', choice: 0, usage }] : [finish]
  }
}

function content({ content: part }: Message): readonly ChatEvent[] {
  if (!part || Array.isArray(part)) return []
  if (part.thinking) return [{ type: 'reasoning', choice: 0, text: part.thinking }]
  return part.text ? [{ type: 'text', choice: 0, text: part.text }] : []
}

function citations({ citations: citation }: Message): readonly ChatEvent[] {
  if (!citation || Array.isArray(citation)) return []
  return [{ type: 'text', choice: 0, text: '', annotations: annotationsOf(citation) }]
}

/** An annotation for each source; the citation itself goes along, since OpenAI's shape has no place for half of it. */
function annotationsOf(citation: CohereCitation): Annotation[] {
  const place = {
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
const finishes: Readonly<Record<string, FinishReason>> = {
  COMPLETE: 'stop',
  STOP_SEQUENCE: 'stop',
  MAX_TOKENS: 'length',
  TOOL_CALL: 'tool-calls',
  ERROR_TOXIC: 'content-filter',
}

function finishReason(wire: string, error: string | null | undefined): FinishReason {
  if (wire === 'TIMEOUT') throw new ChatError('timeout', { message: 'The upstream ran out of time within its answer.' })
  if (wire === 'ERROR_LIMIT')
    throw new ChatError('invalid-request', {
      message: 'The conversation is too long for this model.',
      code: 'context_length_exceeded',
    })
  if (wire === 'ERROR' || wire === 'USER_CANCEL') {
    throw new ChatError('upstream-failed', {
      message: `The upstream broke off its answer with an error.${error ? ` It said: ${error.slice(0, 300)}` : ''}`,
    })
  }
  return finishes[wire] ?? 'other'
}

function decodeUsage(wire: CohereUsage): Usage {
  const { input_tokens: input, output_tokens: output } = wire.tokens ?? {}
  const billed = wire.billed_units
  return {
    ...(input != null && { inputTokens: input }),
    ...(output != null && { outputTokens: output }),
    ...(input != null && output != null && { totalTokens: input + output }),
    ...(wire.cached_tokens != null && { cachedInputTokens: wire.cached_tokens }),
    ...(billed && {
      billed: {
        ...(billed.input_tokens != null && { inputTokens: billed.input_tokens }),
        ...(billed.output_tokens != null && { outputTokens: billed.output_tokens }),
      },
    }),
    source: 'upstream',
  }
}

function badResponse(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The upstream answered in an unknown shape.',
    code: 'upstream_bad_response',
  })
}
