import { TimerWheel } from '../../../src/flow/timer-wheel.ts'
import type { Timers } from '../../../src/flow/timers.ts'
import { MemoryNetwork } from '../../../src/wire/network.double.ts'
import type { Chance } from '../chance.ts'
import { History } from '../history.ts'
import { WorldClock } from './world-clock.ts'

/** Milliseconds since 1970 at which every night begins: 2026-01-01T00:00:00Z. */
const startedAt = 1_767_225_600_000

/** What all processes, upstreams and clients of a night have in common: the clock, the network and the history. */
export class World {
  readonly clock = new WorldClock()
  readonly timers: Timers = new TimerWheel(this.clock.newAlarms())
  readonly network = new MemoryNetwork({ elapsed: () => this.clock.elapsed(), timers: this.timers })
  readonly history = new History(() => this.elapsed())
  readonly chance: Chance
  readonly #begin = this.clock.elapsed()

  constructor(chance: Chance) {
    this.chance = chance
  }

  /** Milliseconds since the night began. */
  elapsed(): number {
    return this.clock.elapsed() - this.#begin
  }

  /** Milliseconds since 1970. */
  now(): number {
    return startedAt + this.elapsed()
  }

  /** Waits on the clock of the world, which no process can stop. */
  pass(ms: number): Promise<void> {
    return new Promise((resolve) => void this.timers.set(ms, () => resolve()))
  }

  /** Lets the time pass. Each alarm runs at its own moment, and pending promises settle after it. */
  async run(ms: number): Promise<void> {
    const until = this.clock.elapsed() + ms
    await settle()
    while (this.clock.runNext(until)) await settle()
    this.clock.moveTo(until)
    await settle()
  }
}

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
