import { describeSeam, type Usage } from '../../chat/event.ts'
import type { Message } from '../../chat/message.ts'
import { excerpt } from '../../chat/secret.ts'
import type { EmbeddingEvent, RelayEvent, Task } from '../../chat/task.ts'
import { showsSomething } from '../../flow/begin.ts'
import type { Call, Receipt } from '../../flow/call.ts'
import type { ObserverLayer } from '../../flow/chat.ts'
import type { Batch } from '../../flow/flow.ts'
import { type Ending, type Watcher, watch } from '../../flow/watch.ts'
import type { CallListener, CallRecord } from '../call-record.ts'
import { TextRecorder } from '../requests/text-recorder.ts'
import { sumCosts } from '../sum-costs.ts'
import type { LoopEvent } from '../tool-loop/events.ts'

/**
 * Writes one log line for each call when it has ended. It has no text of the request or the answer.
 * @param listener also gets what is known of the call
 * @param recording whether the listener gets the texts of chats too
 */
export function observe(
  listener?: CallListener,
  { recordsTexts = false, hashes = false }: ObserveOptions = {},
): ObserverLayer<Observed, ObservedEvent> {
  return (next) => (request, call) => {
    const texts = recordsTexts && request.messages ? new TextRecorder(request.messages) : undefined
    if (texts) call.receipt.isRecorded = true
    if (hashes) call.receipt.isHashed = true
    return watch(next(request, call), new Observer(request, { call, listener, texts }))
  }
}

interface ObserveOptions {
  readonly recordsTexts?: boolean
  /** Whether what upstreams are asked and answer is hashed. */
  readonly hashes?: boolean
}

/** What is observed of a request. A chat has no task, and only a chat has messages. */
interface Observed {
  readonly model: string
  readonly task?: Task
  readonly stream?: boolean
  readonly messages?: readonly Message[]
}

type ObservedEvent = LoopEvent | EmbeddingEvent | RelayEvent

interface ObserverOptions {
  readonly call: Call
  readonly listener: CallListener | undefined
  readonly texts: TextRecorder | undefined
}

/** Observes one call. */
class Observer<Event extends ObservedEvent> implements Watcher<Event> {
  readonly #request: Observed
  readonly #call: Call
  readonly #listener: CallListener | undefined
  readonly #texts: TextRecorder | undefined
  readonly #startedAt: number
  #firstAt: number | undefined
  #usage: Usage | undefined
  #bytes = 0

  constructor(request: Observed, { call, listener, texts }: ObserverOptions) {
    this.#request = request
    this.#call = call
    this.#listener = listener
    this.#texts = texts
    this.#startedAt = call.signal.runtime.elapsed()
  }

  onBatch(batch: Batch<Event>): void {
    if (this.#firstAt === undefined && showsSomething(batch)) this.#firstAt = this.#elapsed()
    this.#texts?.addBatch(batch)
    for (const event of batch) {
      if (event.type === 'usage') this.#usage = event.usage
      else if (event.type === 'bytes') this.#bytes += event.bytes.byteLength
    }
  }

  onEnd(ending: Ending): void {
    const record = this.#record(ending)
    writeLine(record)
    this.#listener?.(record)
  }

  #record(ending: Ending): CallRecord {
    const { model, task = 'chat', stream } = this.#request
    const failure = ending.kind === 'failed' ? ending.error : undefined
    const durationMs = this.#elapsed() - this.#startedAt
    return {
      ...{ call: this.#call, model, task, ending, durationMs },
      outcome: failure?.ownCode ?? (ending.kind === 'done' ? 'ok' : 'client_closed'),
      startedAt: this.#call.signal.runtime.now() - durationMs,
      begunAt: this.#startedAt,
      firstEventMs: this.#firstAt === undefined ? undefined : this.#firstAt - this.#startedAt,
      usage: this.#usage,
      bytes: this.#bytes,
      isStreamed: stream,
      texts: this.#texts?.texts(),
    }
  }

  #elapsed(): number {
    return this.#call.signal.runtime.elapsed()
  }
}

function writeLine({ call, model, task, ending, usage, texts: _, ...record }: CallRecord): void {
  const { log, receipt } = call
  const failure = ending.kind === 'failed' ? ending.error : undefined
  const line = {
    surface: call.surface,
    model: excerpt(model, 200),
    upstream: receipt.upstream,
    account: receipt.account,
    tools: listed(receipt.tools),
    toolsSearched: receipt.toolsSearched,
    lost: listed(receipt.lost),
    cacheBrokenAt: receipt.cacheBrokenAt,
    continued: receipt.seams?.map(describeSeam),
    outcome: record.outcome,
    firstEventMs: record.firstEventMs === undefined ? undefined : Math.round(record.firstEventMs),
    durationMs: Math.round(record.durationMs),
    inputTokens: usage?.inputTokens,
    cachedTokens: usage?.cachedInputTokens,
    outputTokens: usage?.outputTokens,
    costUsd: costOf(receipt),
    replyBytes: record.bytes > 0 ? record.bytes : undefined,
    attempts: receipt.attempts,
    hedged: receipt.isHedged,
    hashes: receipt.isHashed ? hashesOf(receipt) : undefined,
  }
  if (!failure || failure.reason === 'cancelled') log.info(line, task)
  else if (failure.reason === 'internal') log.error({ ...line, err: failure }, task)
  else log.warn({ ...line, err: failure }, task)
}

/** In millionths of a cent, because a sum of fractions has many digits that mean nothing. Absent if it is not known. */
function costOf({ answers }: Receipt): number | undefined {
  const usd = sumCosts(answers, 'usd')
  return usd === undefined ? undefined : Math.round(usd * 1e8) / 1e8
}

/** Limit for the attempts whose hashes are in the line. */
const maxHashed = 8

function hashesOf({ timeline }: Receipt): readonly object[] {
  return timeline.slice(0, maxHashed).flatMap(({ upstream, hashes }) => {
    if (!hashes) return []
    const { asked, answered } = hashes
    const counts = { askedBytes: asked.bytes, answeredBytes: answered.bytes }
    return [{ upstream, askedSha256: asked.sha256, answeredSha256: answered.sha256, ...counts }]
  })
}

/** Absent from the line if there are none. */
function listed(names: ReadonlySet<string>): readonly string[] | undefined {
  return names.size > 0 ? [...names] : undefined
}
