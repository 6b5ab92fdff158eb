import type { ChatError } from '../../chat/error.ts'
import type { FinishReason, Usage } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { sseData, sseEvent } from '../../wire/sse.ts'
import { failureOf, wasCancelled } from './encode-error.ts'
import { encodeResponse, endOf, type ResponseHead } from './response-object.ts'

/** A response when it has ended, and its items with everything that the next turn needs. */
export interface EndedResponse {
  readonly response: Fields
  readonly items: readonly Fields[]
}

export interface ResponseWriterOptions extends ResponseHead {
  /** Unix seconds. */
  now(): number
  /** Keeps the whole response. */
  keep(ended: EndedResponse): Promise<void> | undefined
}

/** What an answer has come to. */
export interface AnswerSoFar {
  readonly output: readonly Fields[]
  /** The items for the next turn. */
  readonly items: readonly Fields[]
  readonly reason: FinishReason | undefined
  readonly usage: Usage | undefined
}

/** Writes the events of a response that are not about an item: its beginning, its end, and signs of life between them. */
export class ResponseWriter {
  readonly #options: ResponseWriterOptions
  #sequence = 0
  #hasBegun = false
  #ended: EndedResponse | undefined

  constructor(options: ResponseWriterOptions) {
    this.#options = options
  }

  /** The text that shows that a silent stream is alive. Codex does not count a comment as life. */
  get keepAlive(): string {
    return this.#hasBegun ? this.#snapshot('in_progress') : this.begin()
  }

  /** Writes the beginning of a response that no model works on yet. */
  queue(): string {
    return this.#snapshot('created', 'queued') + this.#snapshot('queued', 'queued')
  }

  /** Writes the beginning, if it was not written yet. */
  begin(): string {
    if (this.#hasBegun) return ''
    this.#hasBegun = true
    const response = this.#snapshotOf('in_progress')
    const created = this.#sequence === 0 ? this.writeJson('response.created', response) : ''
    return created + this.writeJson('response.in_progress', response)
  }

  /** Ends the response and keeps it, unless it failed before the client knew of it. The client and the store get the same. */
  kept(answer: AnswerSoFar, error?: ChatError): Promise<void> | undefined {
    return error && this.#sequence === 0 ? undefined : this.#options.keep(this.#end(answer, error))
  }

  /** Writes the last event. An `error` event would hide the reason of a failure from most clients. */
  terminal(answer: AnswerSoFar, error?: ChatError): string {
    const begun = this.begin()
    const { response } = this.#end(answer, error)
    // OpenAI has no event for a response that was cancelled
    const type = response.status === 'cancelled' ? 'incomplete' : response.status
    return begun + this.write(`response.${type}`, { response }) + sseData('[DONE]')
  }

  write(type: string, members: Fields): string {
    return this.writeJson(type, JSON.stringify(members).slice(1, -1))
  }

  /** @param members the JSON of its members, of which there is at least one */
  writeJson(type: string, members: string): string {
    return sseEvent(type, `{"type":"${type}","sequence_number":${this.#sequence++},${members}}`)
  }

  #snapshot(event: string, status: 'queued' | 'in_progress' = 'in_progress'): string {
    return this.writeJson(`response.${event}`, this.#snapshotOf(status))
  }

  #snapshotOf(status: 'queued' | 'in_progress'): string {
    return `"response":${JSON.stringify(encodeResponse(this.#options, { status, output: [] }))}`
  }

  #end({ output, items, reason, usage }: AnswerSoFar, error: ChatError | undefined): EndedResponse {
    this.#ended ??= {
      response: encodeResponse(this.#options, {
        ...(error ? failedState(error) : { ...endOf(reason), completed: this.#options.now() }),
        output,
        usage,
      }),
      items,
    }
    return this.#ended
  }
}

function failedState(error: ChatError) {
  return wasCancelled(error)
    ? ({ status: 'cancelled' } as const)
    : ({ status: 'failed', error: failureOf(error) } as const)
}
