import { linkAbort } from '../../chat/abort.ts'
import type { Layer } from '../../chat/chat.ts'
import { ChatError } from '../../chat/error.ts'
import { Watchdog } from '../../chat/watchdog.ts'

export interface Deadlines {
  /** Milliseconds until the first event of a stream. */
  readonly firstEventMs: number
  /** Milliseconds until a reply that comes whole. */
  readonly wholeMs: number
  /** Milliseconds between two events. */
  readonly idleMs: number
}

/** Ends a call that has fallen silent: counted in events, so that bytes which say nothing buy no time. */
export function deadline({ firstEventMs, wholeMs, idleMs }: Deadlines): Layer {
  return (next) =>
    async function* (request, call) {
      const link = linkAbort(call.signal)
      let silence = tooLate('upstream_timeout', 'The upstream did not begin its answer in time.')
      // the time a slow client takes is not the upstream's
      let isClientsTurn = false
      const watchdog = new Watchdog(() => {
        if (!isClientsTurn) link.abort(silence)
      })
      watchdog.feed(request.stream ? firstEventMs : wholeMs)
      try {
        for await (const event of next(request, { ...call, signal: link.signal })) {
          silence = fellSilent
          isClientsTurn = true
          yield event
          isClientsTurn = false
          watchdog.feed(idleMs)
        }
      } finally {
        watchdog.stop()
        link.release()
      }
    }
}

function tooLate(code: string, message: string): ChatError {
  return new ChatError('timeout', { message, code })
}

const fellSilent = tooLate('upstream_idle_timeout', 'The upstream fell silent within its answer.')
