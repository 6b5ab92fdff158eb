import { MemoryNetwork } from '../wire/network.double.ts'
import type { MemoryUse, Runtime } from './runtime.ts'
import { seeded } from './seeded.double.ts'
import { type Alarm, type Alarms, TimerWheel } from './timer-wheel.ts'

/** A machine whose clock only a test moves, and whose random numbers come from a seed. */
export class ManualRuntime implements Runtime {
  readonly timers: TimerWheel
  readonly network: MemoryNetwork
  readonly #alarms = new ManualAlarms()
  readonly #nextRandom: () => number
  usedBytes = 0
  /** How often the memory was measured. */
  measurements = 0

  constructor(seed = 1) {
    this.timers = new TimerWheel(this.#alarms)
    this.network = new MemoryNetwork({ elapsed: () => this.elapsed(), timers: this.timers })
    this.#nextRandom = seeded(seed)
  }

  now(): number {
    return startedAt + this.elapsed()
  }

  elapsed(): number {
    return this.#alarms.elapsed()
  }

  random(): number {
    return this.#nextRandom()
  }

  randomBytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => Math.floor(this.#nextRandom() * 256))
  }

  newId(): string {
    const hex = Buffer.from(this.randomBytes(16)).toString('hex')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
  }

  memory(): MemoryUse {
    this.measurements++
    return { usedBytes: this.usedBytes, limitBytes: 1024 ** 3 }
  }

  /** How often the wheel has set a timer of the machine. */
  get alarmsSet(): number {
    return this.#alarms.set
  }

  /** Whether a real process would wait for a timer. */
  get isKept(): boolean {
    return this.#alarms.isKept
  }

  /** Lets pending promises settle while the clock stands still. */
  settle(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve))
  }

  /** Moves the clock forward. Each due timer runs at its own moment, and then pending promises settle. */
  async advance(ms: number): Promise<void> {
    await this.settle()
    const until = this.#alarms.elapsed() + ms
    while (this.#alarms.runNext(until)) await this.settle()
    this.#alarms.moveTo(until)
    await this.settle()
  }

  /** Moves the clock at once, as if the machine had slept. Due timers then run late. */
  async sleepThrough(ms: number): Promise<void> {
    this.#alarms.moveTo(this.#alarms.elapsed() + ms)
    await this.advance(0)
  }
}

/** One second before 2026-01-01T00:00:00Z. */
const startedAt = 1_767_225_599_000

/** A clock with one alarm. */
class ManualAlarms implements Alarms {
  #elapsed = 1_000
  #next: { readonly at: number; readonly run: () => void; isKept: boolean } | undefined
  set = 0

  elapsed(): number {
    return this.#elapsed
  }

  get isKept(): boolean {
    return this.#next?.isKept ?? false
  }

  wakeIn(ms: number, run: () => void): Alarm {
    const alarm = { at: this.#elapsed + ms, run, isKept: true }
    this.#next = alarm
    this.set++
    return {
      cancel: () => {
        if (this.#next === alarm) this.#next = undefined
      },
      keepProcess: (keeps) => {
        alarm.isKept = keeps
      },
    }
  }

  moveTo(elapsed: number): void {
    this.#elapsed = Math.max(this.#elapsed, elapsed)
  }

  /** Runs the alarm if it is due by `until`. @returns whether it ran */
  runNext(until: number): boolean {
    const alarm = this.#next
    if (!alarm || alarm.at > until) return false
    this.#next = undefined
    this.moveTo(alarm.at)
    alarm.run()
    return true
  }
}
