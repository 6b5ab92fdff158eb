import type { LiveAccount } from '../../accounts/live-account.ts'
import type { Pool } from '../../accounts/pool.ts'
import { asChatError, ChatError } from '../../chat/error.ts'
import type { Logger } from '../../flow/call.ts'
import { CancelSource } from '../../flow/cancel.ts'
import type { Runtime } from '../../flow/runtime.ts'
import type { Timer } from '../../flow/timers.ts'
import type { Upstream } from '../../providers/provider.ts'
import { isDown } from '../catalog-entry.ts'
import { requestList } from './request-list.ts'
import type { UpstreamHealth } from './upstream-health.ts'

/** Milliseconds until the first request after an ejection. Each further pause is twice as long, up to `maxPauseMs`. */
const firstPauseMs = 1_000
const maxPauseMs = 60_000
/** A pause is longer or shorter by up to this share, so that several gateways do not ask at the same moment. */
const jitter = 0.25

export interface ProberOptions {
  readonly upstream: Upstream
  readonly pool: Pool
  readonly health: UpstreamHealth
  /** Its lines name the upstream. */
  readonly log: Logger
  readonly runtime: Runtime
}

/**
 * Asks an ejected upstream for its list of models, in the background and with growing pauses, so that it is found to work
 * before a client's request has to try it. While nothing is ejected, it does nothing.
 */
export class Prober {
  readonly #options: ProberOptions
  readonly #closing: CancelSource
  #timer: Timer | undefined
  /** Requests since the ejection. */
  #requests = 0
  /** Whether one of them has failed. */
  #wasDown = false

  constructor(options: ProberOptions) {
    this.#options = options
    this.#closing = new CancelSource(options.runtime)
    if (options.upstream.listModels) options.health.onEjected = () => this.#begin()
  }

  close(): void {
    this.#timer?.stop()
    this.#closing.abort(new ChatError('cancelled', { message: 'The gateway stops.' }))
  }

  #begin(): void {
    if (this.#timer || this.#closing.aborted) return
    this.#requests = 0
    this.#wasDown = false
    this.#schedule()
  }

  #schedule(): void {
    const { runtime } = this.#options
    const pauseMs = Math.min(firstPauseMs * 2 ** this.#requests, maxPauseMs)
    const jitteredMs = pauseMs * (1 - jitter + 2 * jitter * runtime.random())
    this.#timer = runtime.timers.set(jitteredMs, () => void this.#probe(), { isBackground: true })
  }

  async #probe(): Promise<void> {
    const { health } = this.#options
    const account = health.needsSign ? this.#usableAccount() : undefined
    if (account) await this.#ask(account)
    this.#requests++
    if (health.needsSign && !this.#closing.aborted) this.#schedule()
    else this.#timer = undefined
  }

  async #ask(account: LiveAccount): Promise<void> {
    const { upstream, pool, log } = this.#options
    try {
      await requestList(upstream, account, this.#closing)
      this.#noteReached()
    } catch (thrown) {
      if (this.#closing.aborted) return
      const error = asChatError(thrown)
      log.debug({ err: error }, 'an ejected upstream does not list its models')
      pool.reportFailure(account, error)
      if (isDown(error)) this.#wasDown = true
      else if (error.upstreamStatus !== undefined) this.#noteReached()
    }
  }

  #noteReached(): void {
    this.#options.health.noteReached(this.#wasDown ? 'answered' : 'listed')
  }

  /** An account that does not rest. A web product that has asked one of its accounts to stop is left alone. */
  #usableAccount(): LiveAccount | undefined {
    const { upstream, pool } = this.#options
    const states = pool.states()
    const isUsable = ({ state: { kind } }: (typeof states)[number]) => kind === 'ok' || kind === 'refreshing'
    if (upstream.isWebProduct && !states.every(isUsable)) return undefined
    const label = states.find(isUsable)?.label
    return pool.accounts().find((account) => account.label === label)
  }
}
