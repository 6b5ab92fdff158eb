import type { Usage } from '../../chat/event.ts'
import { excerpt } from '../../chat/secret.ts'
import type { EmbeddingEvent, RelayEvent, Task } from '../../chat/task.ts'
import { showsSomething } from '../../flow/begin.ts'
import type { Call } from '../../flow/call.ts'
import type { ObserverLayer } from '../../flow/chat.ts'
import type { Batch } from '../../flow/flow.ts'
import { type Ending, type Watcher, watch } from '../../flow/watch.ts'
import type { LoopEvent } from '../tool-loop/events.ts'

/** Writes one log line for each call when it has ended. It has no text of the request or the answer. */
export function observe(): ObserverLayer<Observed, ObservedEvent> {
  return (next) => (request, call) => watch(next(request, call), new Observer(request, call))
}

/** What is observed of a request. A chat has no task. */
interface Observed {
  readonly model: string
  readonly task?: Task
}

type ObservedEvent = LoopEvent | EmbeddingEvent | RelayEvent

/** Observes one call. */
class Observer<Event extends ObservedEvent> implements Watcher<Event> {
  readonly #request: Observed
  readonly #call: Call
  readonly #startedAt: number
  #firstAt: number | undefined
  #usage: Usage | undefined
  /** The bytes of a relayed reply. */
  #bytes = 0

  constructor(request: Observed, call: Call) {
    this.#request = request
    this.#call = call
    this.#startedAt = call.signal.runtime.elapsed()
  }

  onBatch(batch: Batch<Event>): void {
    if (this.#firstAt === undefined && showsSomething(batch)) this.#firstAt = this.#elapsed()
    for (const event of batch) {
      if (event.type === 'usage') this.#usage = event.usage
      else if (event.type === 'bytes') this.#bytes += event.bytes.byteLength
    }
  }

  onEnd(ending: Ending): void {
    const { log, receipt } = this.#call
    const { model, task = 'chat' } = this.#request
    const failure = ending.kind === 'failed' ? ending.error : undefined
    const line = {
      // the name comes from the client and may have any length
      model: excerpt(model, 200),
      upstream: receipt.upstream,
      account: receipt.account,
      tools: listed(receipt.tools),
      toolsSearched: receipt.toolsSearched,
      lost: listed(receipt.lost),
      outcome: failure?.ownCode ?? (ending.kind === 'done' ? 'ok' : 'client_closed'),
      firstEventMs: this.#firstAt === undefined ? undefined : Math.round(this.#firstAt - this.#startedAt),
      durationMs: Math.round(this.#elapsed() - this.#startedAt),
      inputTokens: this.#usage?.inputTokens,
      outputTokens: this.#usage?.outputTokens,
      replyBytes: this.#bytes > 0 ? this.#bytes : undefined,
      attempts: receipt.attempts,
    }
    if (!failure || failure.reason === 'cancelled') log.info(line, task)
    else if (failure.reason === 'internal') log.error({ ...line, err: failure }, task)
    else log.warn({ ...line, err: failure }, task)
  }

  #elapsed(): number {
    return this.#call.signal.runtime.elapsed()
  }
}

/** Absent from the line if there are none. */
function listed(names: ReadonlySet<string>): readonly string[] | undefined {
  return names.size > 0 ? [...names] : undefined
}
