import type { Redis } from 'ioredis'
import type { ChatError } from '../../chat/error.ts'
import type { Runtime } from '../../flow/runtime.ts'
import { unavailable } from '../unavailable.ts'
import { connectionFailures, describeFailure, isOfSelect } from './describe-failure.ts'
import { createClient } from './redis-client.ts'
import type { RedisServer } from './redis-server.ts'

/** A call fails after these milliseconds if no reply to any call has come meanwhile. */
const quietMs = 250
/** A call fails after these milliseconds in any case: many calls at once wait for each other. */
const limitMs = 1_000
/** Milliseconds between two looks at a call that waits. */
const lookMs = 125

interface LinkListeners {
  /** Called whenever the connection is made. */
  onReady(): void
  /** Called when something is wrong, and nothing was before. */
  onFailure?(): void
}

/**
 * One connection, and what is wrong with it. Every call ends within its limit. While Redis does not answer, further calls fail at once,
 * until the call that waits has its reply or the connection is closed.
 */
export class RedisLink {
  readonly #client: Redis
  readonly #timers: Runtime['timers']
  readonly #onFailure: () => void
  #isStalled = false
  #replies = 0
  #failure: string | undefined

  constructor(server: RedisServer, { timers }: Pick<Runtime, 'timers'>, { onReady, onFailure }: LinkListeners) {
    this.#timers = timers
    this.#onFailure = onFailure ?? (() => undefined)
    this.#client = createClient(server)
    this.#client.on('error', (thrown: unknown) => {
      this.#note(thrown)
      // the client would go on in another database
      if (isOfSelect(thrown)) this.reconnect()
    })
    this.#client.on('close', () => this.#fail(this.#failure ?? closed))
    this.#client.on('ready', onReady)
    // a failure is an `error` event too, and the next attempt follows
    this.#client.connect().catch(() => undefined)
  }

  onMessage(listener: (channel: string, text: string) => void): void {
    this.#client.on('message', listener)
  }

  /** What is wrong, from the last failure on until a write has succeeded: `is a read-only replica`. */
  get failure(): string | undefined {
    return this.#isStalled ? connectionFailures.stalled : this.#failure
  }

  /** Notes that all is well, because a write has succeeded. */
  clearFailure(): void {
    this.#failure = undefined
  }

  /** @throws ChatError `unavailable` if Redis fails or does not answer in time. Whether it did the work is not known then */
  async run<T>(send: (client: Redis) => Promise<T>): Promise<T> {
    if (this.#isStalled || this.#client.status !== 'ready') throw this.#error()
    try {
      return await this.#inTime(send(this.#client))
    } catch (thrown) {
      if (isMissingScript(thrown)) throw thrown
      this.#note(thrown)
      throw this.#error()
    }
  }

  /** Closes the connection, and makes a new one: the name of the host may have got another address. */
  reconnect(): void {
    this.#client.disconnect(true)
  }

  async close(): Promise<void> {
    // the replies of all earlier calls come before this one's
    await this.run((client) => client.quit()).catch(() => undefined)
    this.#client.disconnect()
  }

  #note(thrown: unknown): void {
    if (thrown !== stalled) this.#fail(describeFailure(thrown) ?? this.#failure ?? closed)
  }

  #fail(failure: string): void {
    const isNew = this.#failure === undefined
    this.#failure = failure
    if (isNew) this.#onFailure()
  }

  #error(): ChatError {
    return unavailable(
      `The state of this gateway cannot be read or written now: its Redis ${this.failure ?? unconnected}. The operator should check it.`,
    )
  }

  #inTime<T>(reply: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const watch = new ReplyWatch(() => this.#replies)
      const timer = this.#timers.set(lookMs, () => {
        if (!watch.isOver()) return timer.feed(lookMs)
        this.#isStalled = true
        reject(stalled)
      })
      const settle = () => {
        timer.stop()
        this.#replies++
        this.#isStalled = false
      }
      reply.then(
        (value) => {
          settle()
          resolve(value)
        },
        (thrown: unknown) => {
          settle()
          reject(thrown)
        },
      )
    })
  }
}

/**
 * Looks from time to time how far a call is. Several looks are needed to give up, so that a reply that came while this process was busy
 * is read first.
 */
class ReplyWatch {
  readonly #replies: () => number
  #seen: number
  #quietLooks = 0
  #looks = 0

  /** @param replies how many replies have come to all calls */
  constructor(replies: () => number) {
    this.#replies = replies
    this.#seen = replies()
  }

  isOver(): boolean {
    const replies = this.#replies()
    this.#quietLooks = replies === this.#seen ? this.#quietLooks + 1 : 0
    this.#seen = replies
    return this.#quietLooks * lookMs >= quietMs || ++this.#looks * lookMs >= limitMs
  }
}

const unconnected = 'cannot be reached yet'
const { closed } = connectionFailures

/** The sign of a call that had no reply in time. */
const stalled = new Error('no reply')

/** Whether Redis does not know the script yet, because it was restarted. */
export function isMissingScript(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.message.startsWith('NOSCRIPT')
}
