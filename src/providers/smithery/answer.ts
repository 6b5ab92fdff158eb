import { ChatError } from '../../chat/error.ts'
import type { ChatEvent, FinishReason, Usage } from '../../chat/event.ts'
import { PartWriter } from '../../chat/part-writer.ts'
import { errorInside } from '../../dialects/openai-chat/complaint.ts'
import { isRefusal, saysWords } from '../../dialects/openai-chat/refusal-inside.ts'
import { statusError } from '../../wire/http-status.ts'
import { HeldCalls } from './held-calls.ts'

/** What an answer has come to, whichever of the two wires it comes by. */
export class SmitheryAnswer {
  readonly calls = new HeldCalls()
  readonly #writer = new PartWriter()
  usage: Usage | undefined
  #hasContent = false
  /** What its end has been named, once it has been. */
  #ending: { readonly said: string | null | undefined } | undefined

  get finished(): boolean {
    return this.#ending !== undefined
  }

  get isEmpty(): boolean {
    return !this.#hasContent && this.calls.count === 0
  }

  text(text: string | null | undefined): readonly ChatEvent[] {
    return text ? this.#said(this.#writer.text(text)) : []
  }

  reasoning(text: string | null | undefined): readonly ChatEvent[] {
    return text ? this.#said(this.#writer.reasoning(text)) : []
  }

  /** Where the answer has it from, or what it made: it has no place in the text. */
  source({ url, title, details }: Source): readonly ChatEvent[] {
    const annotation = { ...(url && { url }), ...(title && { title }), details }
    return this.#said(this.#writer.text('', { annotations: [annotation] }))
  }

  /**
   * Its end is named: what still comes belongs to it all the same.
   * @param said why it ended, in the AI SDK's words; older servers do not say it
   * @throws ChatError for an end that is none
   */
  finish(said: string | null | undefined): readonly ChatEvent[] {
    if (said === 'error') throw answerError(undefined)
    this.#ending = { said: said ?? this.#ending?.said }
    return []
  }

  /** Nothing more comes. @throws ChatError for an answer that says nothing */
  close(): readonly ChatEvent[] {
    const said = this.#ending?.said
    const reason = finishReason(said, this.calls.count > 0)
    if (this.isEmpty && !maySayNothing(reason, this.usage)) throw empty()
    const calls = this.calls.release(this.#writer)
    const usage: readonly ChatEvent[] = this.usage ? [{ type: 'usage', choice: 0, usage: this.usage }] : []
    return [...calls, ...this.#writer.finish(reason, said ? { raw: said } : {}), ...usage]
  }

  #said(events: readonly ChatEvent[]): readonly ChatEvent[] {
    this.#hasContent = true
    return events
  }
}

interface Source {
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

/** A model that was cut short or filtered may have said nothing; so may one whose tokens, which were counted, are not shown. */
function maySayNothing(reason: FinishReason, usage: Usage | undefined): boolean {
  return reason === 'length' || reason === 'content-filter' || (reason === 'stop' && Boolean(usage?.outputTokens))
}

/** Calls that smithery answered itself are nobody's to answer any more, and others are, whatever it says. */
function finishReason(said: string | null | undefined, hasCalls: boolean): FinishReason {
  const reason = said ? (finishes.get(said) ?? 'other') : 'stop'
  if (hasCalls && (reason === 'stop' || reason === 'other')) return 'tool-calls'
  return !hasCalls && reason === 'tool-calls' ? 'stop' : reason
}

/** An error within an answer: HTTP said 200 already, so only the words are left. */
export function answerError(message: string | null | undefined): ChatError {
  return statusError({ status: 0 }, message ? { message } : {})
}

/** An error in place of a piece of the answer, or something of no known shape. */
export function complaintOf(value: unknown): ChatError {
  return typeof value === 'string' || isRefusal(value) || saysWords(value) ? errorInside(value) : badResponse()
}

function badResponse(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The upstream answered in an unknown shape.',
    code: 'upstream_bad_response',
  })
}

export function cancelled(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The upstream cancelled its answer.',
    code: 'upstream_cancelled',
  })
}

export function cutShort(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The upstream broke off its answer.',
    code: 'upstream_disconnected',
  })
}

function empty(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The upstream ended without an answer.',
    code: 'upstream_empty_response',
  })
}
