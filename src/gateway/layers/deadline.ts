import { ChatError } from '../../chat/error.ts'
import type { CancelSource } from '../../flow/cancel.ts'
import type { ObserverLayer } from '../../flow/chat.ts'
import { type Watcher, watch } from '../../flow/watch.ts'
import { Watchdog } from '../../flow/watchdog.ts'

export interface Deadlines {
  /** Milliseconds until the first event of a stream. */
  readonly firstEventMs: number
  /** Milliseconds until a whole reply. */
  readonly wholeMs: number
  /** Milliseconds between two events. */
  readonly idleMs: number
}

/**
 * Ends a call that is silent for too long. Only events extend the time. Bytes without content do not. A route may have its own
 * times, for a model that thinks for minutes.
 */
export function deadline(deadlines: Deadlines): ObserverLayer<{ readonly stream: boolean }> {
  return (next) => (request, call) => {
    const link = call.signal.child()
    const answer = next(request, { ...call, signal: link })
    const { firstMs = request.stream ? deadlines.firstEventMs : deadlines.wholeMs, idleMs = deadlines.idleMs } =
      call.routed ?? {}
    return watch(answer, new Deadline(link, { beginMs: firstMs, idleMs }))
  }
}

interface Limits {
  /** Milliseconds until the first batch. */
  readonly beginMs: number
  /** Milliseconds between two batches. */
  readonly idleMs: number
}

/** The deadline of one call. */
class Deadline implements Watcher<unknown> {
  readonly #link: CancelSource
  readonly #limits: Limits
  readonly #watchdog: Watchdog
  #hasBegun = false
  /** The time of a slow client does not count for the upstream. */
  #isReading = true

  constructor(link: CancelSource, limits: Limits) {
    this.#link = link
    this.#limits = limits
    this.#watchdog = new Watchdog(link.runtime.timers, () => this.#onSilence())
  }

  onWait(): void {
    this.#isReading = true
    this.#watchdog.feed(this.#hasBegun ? this.#limits.idleMs : this.#limits.beginMs)
  }

  onBatch(): void {
    this.#isReading = false
    this.#hasBegun = true
  }

  onEnd(): void {
    this.#watchdog.stop()
    this.#link.release()
  }

  #onSilence(): void {
    if (this.#isReading) this.#link.abort(this.#hasBegun ? fellSilent() : beganTooLate())
  }
}

function beganTooLate(): ChatError {
  return new ChatError('timeout', {
    message: 'The upstream did not begin its answer in time.',
    code: 'upstream_timeout',
  })
}

function fellSilent(): ChatError {
  return new ChatError('timeout', {
    message: 'The upstream fell silent during its answer.',
    code: 'upstream_idle_timeout',
  })
}
