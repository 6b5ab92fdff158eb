import { asChatError } from '../chat/error.ts'
import type { Logger } from '../flow/call.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { News, Notification } from './news.ts'
import { sendNotification } from './send-notification.ts'
import type { NotifyTarget } from './target.ts'

/** Milliseconds before a failed notification is sent again: doubled each time. */
const firstPauseMs = 30_000
const maxPauseMs = 600_000
/** More notifications than so many within an hour come together, one in so many milliseconds. */
const manyNotifications = 6
const hourMs = 3_600_000
const calmMs = 600_000
/** After so many failures in a row, what other places were told counts as told. */
const hopelessAfter = 5

export interface CourierOptions {
  readonly host: string
  readonly log: Logger
  readonly signal: Cancel
  readonly runtime: Runtime
}

/** A piece of news, and the version of it: the same need may be news again. */
export interface Letter {
  readonly key: string
  readonly news: News
}

/** Brings news to one place, as often as it takes, and never too often. */
export class Courier {
  readonly target: NotifyTarget
  readonly #options: CourierOptions
  #delivered: ReadonlySet<string> = new Set()
  #sentAt: readonly number[] = []
  #failures = 0
  #nextAt = Number.NEGATIVE_INFINITY

  constructor(target: NotifyTarget, options: CourierOptions) {
    this.target = target
    this.#options = options
  }

  /** Whether the place has failed so often that the others do not wait for it. */
  get isHopeless(): boolean {
    return this.#failures >= hopelessAfter
  }

  has({ key }: Pick<Letter, 'key'>): boolean {
    return this.#delivered.has(key)
  }

  /** Sends what the place has not got, if it is time. @param letters everything that is to be told at the moment */
  async offer(letters: readonly Letter[]): Promise<void> {
    this.#delivered = new Set(letters.map(({ key }) => key).filter((key) => this.#delivered.has(key)))
    const missing = letters.filter((letter) => !this.has(letter))
    const now = this.#options.runtime.elapsed()
    if (missing.length === 0 || now < this.#nextAt || this.#isTooOften(now)) return
    const { host, runtime } = this.#options
    if (!(await this.#send({ news: missing.map(({ news }) => news), at: runtime.now(), host }))) return
    this.#sentAt = [...this.#sentAt.filter((at) => now - at < hourMs), now]
    this.#delivered = this.#delivered.union(new Set(missing.map(({ key }) => key)))
  }

  #isTooOften(now: number): boolean {
    const lately = this.#sentAt.filter((at) => now - at < hourMs)
    return lately.length >= manyNotifications && now - (lately.at(-1) ?? 0) < calmMs
  }

  async #send(notification: Notification): Promise<boolean> {
    const { log, signal, runtime } = this.#options
    const place = { place: this.target.name }
    try {
      await sendNotification(this.target, notification, signal)
      if (this.#failures > 0) log.info(place, 'notifications can be sent again')
      this.#failures = 0
      log.info({ ...place, needs: notification.news.length }, 'a notification was sent')
      return true
    } catch (thrown) {
      const { message, retryAfterMs = 0 } = asChatError(thrown)
      const pauseMs = Math.min(firstPauseMs * 2 ** this.#failures, maxPauseMs)
      // the place itself knows best, as Telegram and Discord do
      this.#nextAt = runtime.elapsed() + Math.max(pauseMs, retryAfterMs)
      this.#failures++
      // each further failure says the same
      if (this.#failures === 1 && !signal.aborted)
        log.error({ ...place, why: message }, 'a notification could not be sent, and is sent again later')
      return false
    }
  }
}
