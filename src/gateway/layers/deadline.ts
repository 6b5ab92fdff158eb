import { ChatError } from '../../chat/error.ts'
import type { Layer } from '../../flow/chat.ts'
import { watch } from '../../flow/watch.ts'
import { Watchdog } from '../../flow/watchdog.ts'

export interface Deadlines {
  /** Milliseconds until the first event of a stream. */
  readonly firstEventMs: number
  /** Milliseconds until a whole reply. */
  readonly wholeMs: number
  /** Milliseconds between two events. */
  readonly idleMs: number
}

/** Ends a call that is silent for too long. Only events extend the time. Bytes without content do not. */
export function deadline({ firstEventMs, wholeMs, idleMs }: Deadlines): Layer {
  return (next) => (request, call) => {
    const link = call.signal.child()
    let hasBegun = false
    // the time of a slow client does not count for the upstream
    let isReading = true
    const watchdog = new Watchdog(call.signal.runtime.timers, () => {
      if (isReading) link.abort(hasBegun ? fellSilent() : beganTooLate())
    })
    const beginMs = request.stream ? firstEventMs : wholeMs
    return watch(next(request, { ...call, signal: link }), {
      onRead() {
        isReading = true
        watchdog.feed(hasBegun ? idleMs : beginMs)
      },
      onBatch() {
        isReading = false
        hasBegun = true
      },
      onEnd() {
        watchdog.stop()
        link.release()
      },
    })
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
