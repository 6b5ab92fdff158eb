import { asChatError } from '../../chat/error.ts'
import { fingerprint } from '../../chat/fingerprint.ts'
import type { Message } from '../../chat/message.ts'
import type { Thread } from '../../chat/thread.ts'
import { splitTurn } from '../../chat/turn.ts'
import type { Logger } from '../../flow/call.ts'
import type { Chat } from '../../flow/chat.ts'
import { defer } from '../../flow/defer.ts'
import { Fold } from '../../flow/fold.ts'
import { type Ending, watch } from '../../flow/watch.ts'
import type { Store } from '../../state/store.ts'
import type { Placed } from './account.ts'

export interface ThreadOptions {
  readonly store: Store
  readonly upstream: string
  /** Milliseconds for which it is known where a conversation stands. */
  readonly ttlMs: number
}

/** Where a conversation stands: the account that has it, and what its upstream calls it there. */
interface Place {
  readonly label: string
  readonly value: string
}

/**
 * Finds the thread a conversation stands in, for an upstream that keeps conversations itself. What names one is what was
 * said up to its last answer, for this client and this model. A thread is taken out to be told more: another try of the
 * same turn, or another client, never comes upon it, unless it was told nothing (docs/decisions/0016-threads.md).
 */
export function thread({ store, upstream, ttlMs }: ThreadOptions): <Needs>(next: Chat<Needs & Placed>) => Chat<Needs> {
  return (next) => (request, call) =>
    defer(async ({ signal }) => {
      const scope = [call.caller.id, upstream, request.model]
      const { before } = splitTurn(request.messages)
      const key = before.length > 0 ? keyOf(scope, before) : undefined
      const turn = new ThreadTurn(key === undefined ? undefined : await taken(key, store, call.log))
      // what the model has said, as its client will tell it in the next turn
      const answer = new Fold({ maxCharacters })
      const ended = (kind: Ending['kind']) => {
        const isAnswered = kind === 'done' && turn.now !== undefined && !answer.isCut
        const name = isAnswered ? keyOf(scope, [...request.messages, answer.message()]) : key
        const place = isAnswered ? turn.now : turn.unspent
        if (name === undefined || !place) return
        store.put(name, JSON.stringify(place), { ttlMs }).catch((thrown: unknown) => {
          call.log.warn({ err: asChatError(thrown) }, 'a thread could not be kept')
        })
      }
      try {
        signal.throwIfAborted()
        return watch(next(request, { ...call, place: turn }), {
          passed(batch) {
            for (const event of batch) if (event.choice === 0) answer.add(event)
          },
          ended: ({ kind }) => ended(kind),
        })
      } catch (thrown) {
        ended('failed')
        throw thrown
      }
    }, call.signal)
}

/** What becomes of a thread while it is told more. */
class ThreadTurn {
  readonly label: string | undefined
  /** Where the conversation stands once it is answered. */
  now: Place | undefined
  readonly #found: Place | undefined
  #isSpent = false

  constructor(found: Place | undefined) {
    this.label = found?.label
    this.#found = found
  }

  /** The thread that was found, as long as it has heard nothing new. */
  get unspent(): Place | undefined {
    return this.#isSpent ? undefined : this.#found
  }

  threadOn(label: string): Thread {
    return {
      known: label === this.label ? this.unspent?.value : undefined,
      spend: () => {
        this.#isSpent = true
      },
      keep: (value) => {
        this.now = { label, value }
      },
    }
  }
}

/** For an upstream that is told the whole conversation every time. */
export function noThreads<Needs>(next: Chat<Needs & Placed>): Chat<Needs> {
  return (request, call) => next(request, { ...call, place: undefined })
}

function keyOf(scope: readonly string[], messages: readonly Message[]): string {
  return `thread/${fingerprint(scope, messages)}`
}

/** Nobody goes without an answer for a thread that cannot be had: the whole conversation is told instead. */
async function taken(key: string, store: Store, log: Logger): Promise<Place | undefined> {
  try {
    const text = await store.take(key)
    const value: unknown = text && JSON.parse(text)
    return isPlace(value) ? value : undefined
  } catch (thrown) {
    log.warn({ err: asChatError(thrown) }, 'a thread could not be looked up')
    return undefined
  }
}

function isPlace(value: unknown): value is Place {
  if (typeof value !== 'object' || value === null || !('label' in value) || !('value' in value)) return false
  return typeof value.label === 'string' && typeof value.value === 'string'
}

/** Characters of an answer that names a thread. The thread of a longer one is not found again. */
const maxCharacters = 4 * 1024 * 1024
