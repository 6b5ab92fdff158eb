import { asChatError } from '../chat/error.ts'
import type { Logger } from '../flow/call.ts'
import { CancelSource } from '../flow/cancel.ts'
import { repeat } from '../flow/repeat.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Need, NeedKind } from '../needs/need.ts'
import type { Store } from '../state/store.ts'
import { Courier, type Letter } from './courier.ts'
import { type NotifiedNeed, type NotifiedNeeds, newsOf } from './notified-needs.ts'
import { planNext, type View } from './plan.ts'
import { SharedRecord } from './shared-record.ts'
import type { NotifySettings } from './target.ts'

export interface NotifierOptions {
  readonly needs: { list(): readonly Need[] }
  readonly store: Store
  /** The name of this machine, for people. */
  readonly host: string
  /** Whether this process tells while the state fails, so that not every worker of a machine does. */
  readonly speaksAlone: boolean
  readonly log: Logger
  readonly runtime: Runtime
}

/** Milliseconds between two looks. */
export const lookMs = 15_000
/** For how long this process must see a need until it is told: much passes by itself. */
const settleMs = 25_000

/** Facts of the settings, which the operator has seen at the start. */
const silentKinds: ReadonlySet<NeedKind> = new Set(['no_upstream', 'open_to_everyone', 'weak_key'])

interface Sighting {
  readonly told: NotifiedNeed
  readonly at: number
}

/** Tells an operator what needs somebody, once, and when it is over (docs/decisions/0105-notifications.md). */
export class Notifier {
  readonly #options: NotifierOptions
  readonly #me: string
  readonly #startedAt: number
  readonly #record: SharedRecord
  readonly #signal: CancelSource
  readonly #stop: () => void
  #level: NotifySettings['level'] = 'warning'
  #couriers: readonly Courier[] = []
  /** Since when this process sees each need. */
  #seenSince: ReadonlyMap<string, number> = new Map()
  /** Each entry, and since when this process knows it so. */
  #sightings: ReadonlyMap<string, Sighting> = new Map()
  #isLooking = false

  constructor(settings: NotifySettings, options: NotifierOptions) {
    const { runtime, store } = options
    this.#options = options
    this.#me = runtime.newId()
    this.#startedAt = runtime.elapsed()
    this.#record = new SharedRecord(store)
    this.#signal = new CancelSource(runtime)
    this.reconfigure(settings)
    this.#stop = repeat(runtime.timers, lookMs, () => void this.look())
  }

  /** Uses other places from now on. One that stays keeps what it was told. */
  reconfigure({ targets, level }: NotifySettings): void {
    const { host, log, runtime } = this.#options
    const known = new Map(this.#couriers.map((courier) => [addressOf(courier.target), courier]))
    const options = { host, log, runtime, signal: this.#signal }
    // a place that is named twice is told once
    const places = new Map(targets.map((target) => [addressOf(target), target]))
    this.#couriers = [...places].map(([address, target]) => known.get(address) ?? new Courier(target, options))
    this.#level = level
  }

  /** Whether it looks, or sends what it has found. */
  get isLooking(): boolean {
    return this.#isLooking
  }

  /** Looks once, and tells what is new. It never throws. */
  async look(): Promise<void> {
    if (this.#isLooking || this.#couriers.length === 0) return
    this.#isLooking = true
    try {
      const needs = this.#settled()
      await this.#update(needs)
      const letters = this.#letters()
      if (letters.length === 0) return
      await Promise.all(this.#couriers.map((courier) => courier.offer(letters)))
      await this.#update(needs)
    } catch (thrown) {
      this.#options.log.error({ why: asChatError(thrown).message }, 'notifications could not be written')
    } finally {
      this.#isLooking = false
    }
  }

  close(): void {
    this.#stop()
    this.#signal.abort(new Error('The program stops.'))
    this.#signal.release()
  }

  /** The needs that have lasted. */
  #settled(): ReadonlyMap<string, Need> {
    const now = this.#options.runtime.elapsed()
    const needs = this.#options.needs.list()
    this.#seenSince = new Map(needs.map(({ id }) => [id, this.#seenSince.get(id) ?? now]))
    const lasting = needs.filter(({ id }) => now - (this.#seenSince.get(id) ?? now) >= settleMs)
    return new Map(lasting.map((need) => [need.id, need]))
  }

  #isWorthTelling({ kind, severity }: Need): boolean {
    if (silentKinds.has(kind)) return false
    return severity === 'urgent' || (severity === 'warning' && this.#level === 'warning')
  }

  async #update(needs: View['needs']): Promise<void> {
    const next = (record: NotifiedNeeds) => {
      this.#note(record)
      return planNext(record, this.#view(needs))
    }
    try {
      await this.#record.change(next)
    } catch {
      // what is told now is written when the state is back
      if (this.#options.speaksAlone) this.#record.changeHere(next)
    }
    this.#note(this.#record.last)
  }

  /** Notes since when each entry is as it is. The clocks of other machines are not compared. */
  #note(record: NotifiedNeeds): void {
    const now = this.#options.runtime.elapsed()
    this.#sightings = new Map(
      [...record].map(([id, told]) => {
        const before = this.#sightings.get(id)
        return [id, before && isSame(before.told, told) ? before : { told, at: now }]
      }),
    )
  }

  #view(needs: View['needs']): View {
    const { runtime } = this.#options
    const now = runtime.elapsed()
    return {
      needs,
      isWorthTelling: (need) => this.#isWorthTelling(need),
      me: this.#me,
      now: runtime.now(),
      unchangedMs: (id) => now - (this.#sightings.get(id)?.at ?? now),
      lookedForMs: now - this.#startedAt,
      isDelivered: (id, told) => this.#isDelivered(keyOf(id, told)),
      isToldSomewhere: (id, told) => this.#couriers.some((one) => one.has({ key: keyOf(id, told) })),
    }
  }

  #isDelivered(key: string): boolean {
    const couriers = this.#couriers
    return couriers.some((one) => one.has({ key })) && couriers.every((one) => one.has({ key }) || one.isHopeless)
  }

  /** What this process has to tell. */
  #letters(): readonly Letter[] {
    return [...this.#record.last]
      .filter(([, { step, by }]) => by === this.#me && (step === 'opening' || step === 'closing'))
      .map(([id, told]) => ({ key: keyOf(id, told), news: newsOf(id, told) }))
  }
}

/** Differs when the same need is news again. */
function keyOf(id: string, { step, times, severity }: NotifiedNeed): string {
  return `${id} ${step} ${times} ${severity}`
}

function isSame(one: NotifiedNeed, other: NotifiedNeed): boolean {
  return one.step === other.step && one.by === other.by && one.beat === other.beat && one.times === other.times
}

/** The whole address of a place, with its secrets. */
function addressOf(target: NotifySettings['targets'][number]): string {
  const { url, headers, body } = target.write({ news: [], at: 0, host: '' })
  return JSON.stringify([target.name, url, headers, body])
}
