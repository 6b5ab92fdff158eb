import type { Usage } from '../../chat/event.ts'
import { excerpt } from '../../chat/secret.ts'
import { showsSomething } from '../../flow/begin.ts'
import type { Call } from '../../flow/call.ts'
import type { ObserverLayer } from '../../flow/chat.ts'
import type { Batch } from '../../flow/flow.ts'
import { type Ending, type Watcher, watch } from '../../flow/watch.ts'
import type { LoopEvent } from '../tool-loop/events.ts'

/** Writes one log line for each call when it has ended. It has no text of the request or the answer. */
export function observe(): ObserverLayer<LoopEvent> {
  return (next) => (request, call) => watch(next(request, call), new Observer(request.model, call))
}

/** Observes one call. */
class Observer<Event extends LoopEvent> implements Watcher<Event> {
  readonly #model: string
  readonly #call: Call
  readonly #startedAt: number
  #firstAt: number | undefined
  #usage: Usage | undefined

  constructor(model: string, call: Call) {
    this.#model = model
    this.#call = call
    this.#startedAt = call.signal.runtime.elapsed()
  }

  onBatch(batch: Batch<Event>): void {
    if (this.#firstAt === undefined && showsSomething(batch)) this.#firstAt = this.#elapsed()
    for (const event of batch) if (event.type === 'usage') this.#usage = event.usage
  }

  onEnd(ending: Ending): void {
    const { log, receipt } = this.#call
    const failure = ending.kind === 'failed' ? ending.error : undefined
    const line = {
      // the name comes from the client and may have any length
      model: excerpt(this.#model, 200),
      upstream: receipt.upstream,
      account: receipt.account,
      tools: listed(receipt.tools),
      lost: listed(receipt.lost),
      outcome: failure?.ownCode ?? (ending.kind === 'done' ? 'ok' : 'client_closed'),
      firstEventMs: this.#firstAt === undefined ? undefined : Math.round(this.#firstAt - this.#startedAt),
      durationMs: Math.round(this.#elapsed() - this.#startedAt),
      inputTokens: this.#usage?.inputTokens,
      outputTokens: this.#usage?.outputTokens,
      attempts: receipt.attempts,
    }
    if (!failure || failure.reason === 'cancelled') log.info(line, 'chat')
    else if (failure.reason === 'internal') log.error({ ...line, err: failure }, 'chat')
    else log.warn({ ...line, err: failure }, 'chat')
  }

  #elapsed(): number {
    return this.#call.signal.runtime.elapsed()
  }
}

/** Absent from the line if there are none. */
function listed(names: ReadonlySet<string>): readonly string[] | undefined {
  return names.size > 0 ? [...names] : undefined
}
