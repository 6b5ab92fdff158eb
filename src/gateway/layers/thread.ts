import { asChatError } from '../../chat/error.ts'
import { fingerprint } from '../../chat/fingerprint.ts'
import type { Message } from '../../chat/message.ts'
import type { Thread } from '../../chat/thread.ts'
import { splitTurn } from '../../chat/turn.ts'
import type { Logger } from '../../flow/call.ts'
import type { Chat } from '../../flow/chat.ts'
import { defer } from '../../flow/defer.ts'
import { endAfter } from '../../flow/end-after.ts'
import { Fold } from '../../flow/fold.ts'
import { type Ending, watch } from '../../flow/watch.ts'
import type { Store } from '../../state/store.ts'
import type { WithThreadState } from './account.ts'

export interface ThreadOptions {
  readonly store: Store
  readonly upstream: string
  /** Milliseconds for which the thread of a conversation is remembered. */
  readonly ttlMs: number
}

/** The account that has a conversation, and the upstream's own text for it. */
interface StoredThread {
  readonly label: string
  readonly value: string
}

/**
 * Finds the thread of a conversation, for an upstream that keeps conversations itself. Its key is a hash of the client,
 * the model, its tools and all messages up to the last answer. A thread is taken out of the store while it is used, so a second
 * attempt of the same turn cannot use it too. It is put back if the upstream received nothing. An answer ends only when its
 * thread is stored, so that the next turn finds it, also after a crash (docs/decisions/0016-threads.md).
 */
export function thread({
  store,
  upstream,
  ttlMs,
}: ThreadOptions): <Needs>(next: Chat<Needs & WithThreadState>) => Chat<Needs> {
  return (next) => (request, call) =>
    defer(async ({ signal }) => {
      const { tools } = request.parameters
      // a thread was told of the tools at its start
      const scope = [call.caller.id, upstream, request.model, ...(tools ? [JSON.stringify(tools)] : [])]
      const { before } = splitTurn(request.messages)
      const key = before.length > 0 ? keyOf(scope, before) : undefined
      const turn = new ThreadUse(key === undefined ? undefined : await takeThread(key, store, call.log))
      // the answer, as the client will send it back in the next turn
      const answer = new Fold({ maxCharacters })
      const keep = (kind: Ending['kind']): Promise<void> | undefined => {
        const isAnswered = kind === 'done' && turn.now !== undefined && !answer.isCut
        const name = isAnswered ? keyOf(scope, [...request.messages, answer.message()]) : key
        const stored = isAnswered ? turn.now : turn.unspent
        if (name === undefined || !stored) return undefined
        return store.put(name, JSON.stringify(stored), { ttlMs }).catch((thrown: unknown) => {
          call.log.warn({ err: asChatError(thrown) }, 'a thread could not be stored')
        })
      }
      let kept: Promise<void> | undefined
      try {
        signal.throwIfAborted()
        const watched = watch(next(request, { ...call, threadState: turn }), {
          onBatch(batch) {
            for (const event of batch) if (event.choice === 0) answer.add(event)
          },
          onEnd({ kind }) {
            kept = keep(kind)
          },
        })
        return endAfter(watched, () => kept)
      } catch (thrown) {
        void keep('failed')
        throw thrown
      }
    }, call.signal)
}

/** The thread of one turn: what was found, whether the upstream has received more, and what to store afterwards. */
class ThreadUse {
  readonly label: string | undefined
  /** The thread to store after the answer. */
  now: StoredThread | undefined
  readonly #found: StoredThread | undefined
  #isSpent = false

  constructor(found: StoredThread | undefined) {
    this.label = found?.label
    this.#found = found
  }

  /** The thread that was found, unless the upstream has received something new in it. */
  get unspent(): StoredThread | undefined {
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

function keyOf(scope: readonly string[], messages: readonly Message[]): string {
  return `thread/${fingerprint(scope, messages)}`
}

/** Takes a thread out of the store. If the store fails, the answer does not: the whole conversation is sent instead. */
async function takeThread(key: string, store: Store, log: Logger): Promise<StoredThread | undefined> {
  try {
    const text = await store.take(key)
    const value: unknown = text && JSON.parse(text)
    return isStoredThread(value) ? value : undefined
  } catch (thrown) {
    log.warn({ err: asChatError(thrown) }, 'a thread could not be looked up')
    return undefined
  }
}

function isStoredThread(value: unknown): value is StoredThread {
  if (typeof value !== 'object' || value === null || !('label' in value) || !('value' in value)) return false
  return typeof value.label === 'string' && typeof value.value === 'string'
}

/** Limit for the characters of an answer in a thread's key. After a longer answer the thread is not found again. */
const maxCharacters = 4 * 1024 * 1024
