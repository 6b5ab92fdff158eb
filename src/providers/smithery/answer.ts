import { ChatError } from '../../chat/error.ts'
import type { ChatEvent, FinishReason, Usage } from '../../chat/event.ts'
import { PartWriter } from '../../chat/part-writer.ts'
import { emptyAnswer, mayBeEmpty, unknownReply } from '../../chat/reply-errors.ts'
import { errorInside } from '../../dialects/openai-chat/complaint.ts'
import { isRefusal, saysWords } from '../../dialects/openai-chat/refusal-inside.ts'
import { statusError } from '../../wire/http-status.ts'
import { HeldCalls } from './held-calls.ts'

/** Builds the events of an answer, for both of the formats that it may come in. */
export class AnswerBuilder {
  readonly calls = new HeldCalls()
  readonly #writer = new PartWriter()
  usage: Usage | undefined
  #hasContent = false
  /** The finish that the service sent, if any. */
  #ending: { readonly said: string | null | undefined } | undefined

  get finished(): boolean {
    return this.#ending !== undefined
  }

  get isEmpty(): boolean {
    return !this.#hasContent && this.calls.count === 0
  }

  text(text: string | null | undefined): readonly ChatEvent[] {
    return text ? this.#note(this.#writer.text(text)) : []
  }

  reasoning(text: string | null | undefined): readonly ChatEvent[] {
    return text ? this.#note(this.#writer.reasoning(text)) : []
  }

  /** Adds a source or a file of the answer, which has no place in the text. */
  source({ url, title, details }: AnswerSource): readonly ChatEvent[] {
    const annotation = { ...(url && { url }), ...(title && { title }), details }
    return this.#note(this.#writer.text('', { annotations: [annotation] }))
  }

  /**
   * Notes the finish. Later content still belongs to the answer.
   * @param said the AI SDK's finish reason; older servers send none
   * @throws ChatError for a finish that reports a failure
   */
  finish(said: string | null | undefined): readonly ChatEvent[] {
    if (said === 'error') throw answerError(undefined)
    this.#ending = { said: said ?? this.#ending?.said }
    return []
  }

  /** Ends the answer. @throws ChatError if it has no content */
  close(): readonly ChatEvent[] {
    const said = this.#ending?.said
    const reason = finishReason(said, this.calls.count > 0)
    if (this.isEmpty && !mayBeEmpty(reason, this.usage)) throw emptyAnswer()
    const calls = this.calls.release(this.#writer)
    const usage: readonly ChatEvent[] = this.usage ? [{ type: 'usage', choice: 0, usage: this.usage }] : []
    return [...calls, ...this.#writer.finish(reason, said ? { raw: said } : {}), ...usage]
  }

  #note(events: readonly ChatEvent[]): readonly ChatEvent[] {
    this.#hasContent = true
    return events
  }
}

interface AnswerSource {
  readonly url?: string | null | undefined
  readonly title?: string | null | undefined
  readonly details: { readonly [field: string]: unknown }
}

/** AI SDK, FinishReason */
const finishes: ReadonlyMap<string, FinishReason> = new Map([
  ['stop', 'stop'],
  ['length', 'length'],
  ['content-filter', 'content-filter'],
  ['tool-calls', 'tool-calls'],
])

/**
 * The finish reason. With calls for the client it is `tool-calls`, unless the answer was cut short or filtered. Without
 * such calls it is never `tool-calls`, because smithery answers its own calls itself.
 */
function finishReason(said: string | null | undefined, hasCalls: boolean): FinishReason {
  const reason = said ? (finishes.get(said) ?? 'other') : 'stop'
  if (hasCalls && (reason === 'stop' || reason === 'other')) return 'tool-calls'
  return !hasCalls && reason === 'tool-calls' ? 'stop' : reason
}

/** The error for a failure within an answer. The status was 200, so only the message tells its kind. */
export function answerError(message: string | null | undefined): ChatError {
  return statusError({ status: 0 }, message ? { message } : {})
}

/** The error for an error object in place of a chunk, or for an unknown shape. */
export function complaintOf(value: unknown): ChatError {
  return typeof value === 'string' || isRefusal(value) || saysWords(value) ? errorInside(value) : unknownReply()
}

export function cancelled(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The upstream cancelled its answer.',
    code: 'upstream_cancelled',
  })
}
