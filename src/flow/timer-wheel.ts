import type { Timer, TimerOptions, Timers } from './timers.ts'
import { Link, slotCount, WheelLevel } from './wheel-level.ts'

/** What a wheel needs from its machine. */
export interface Alarms {
  /** Milliseconds, with fractions, of a clock that only goes forward. */
  elapsed(): number
  /** Calls `run` once, after `ms` milliseconds: a whole number, 0 or more. */
  wakeIn(ms: number, run: () => void): Alarm
}

/** A timer of the machine. */
export interface Alarm {
  cancel(): void
  /** Sets whether the process waits for this timer before it ends. */
  keepProcess(keeps: boolean): void
}

/** Milliseconds: 4.6 hours. A later timer is checked again after this time. */
const reachMs = slotCount ** 4

/**
 * One timer wheel for all waits: deadlines, keep-alives, back-offs and sleeps share one timer of the machine. The cost of
 * setting, moving and stopping a timer does not depend on the number of timers (docs/decisions/0035-timer-wheel.md).
 */
export class TimerWheel implements Timers {
  readonly #alarms: Alarms
  readonly #widest = new WheelLevel(slotCount ** 3)
  readonly #levels = [1, slotCount, slotCount ** 2].map((width) => new WheelLevel(width)).concat(this.#widest)
  readonly #fromWidest = this.#levels.toReversed()
  /** A whole millisecond of `elapsed`. All timers that were due by then have run. */
  #tick: number
  /** The millisecond at which the machine wakes the wheel. No slot with a timer begins before it. */
  #wakeTick = Number.POSITIVE_INFINITY
  #alarm: Alarm | undefined
  #isTurning = false
  readonly #failures: unknown[] = []
  #size = 0
  #keeping = 0

  constructor(alarms: Alarms) {
    this.#alarms = alarms
    this.#tick = Math.floor(alarms.elapsed())
  }

  get size(): number {
    return this.#size
  }

  get keeping(): number {
    return this.#keeping
  }

  set(ms: number, run: (lateMs: number) => void, { isBackground = false }: TimerOptions = {}): Timer {
    const timer = new WheelTimer(this, run, isBackground)
    timer.feed(ms)
    return timer
  }

  elapsed(): number {
    return this.#alarms.elapsed()
  }

  insert(timer: WheelTimer, now: number): void {
    const tick = Math.floor(now)
    if (!this.#isTurning && tick < this.#wakeTick && tick > this.#tick) this.#tick = tick
    this.#link(timer)
    this.#size++
    if (!timer.isBackground && this.#keeping++ === 0) this.#alarm?.keepProcess(true)
    if (!this.#isTurning && timer.slotStart < this.#wakeTick) this.#wakeAt(timer.slotStart)
  }

  /** Removes a timer. The machine's alarm stays set, because waking the wheel for nothing does no harm. */
  remove(timer: WheelTimer): void {
    timer.level?.remove(timer)
    timer.level = undefined
    this.#size--
    if (!timer.isBackground && --this.#keeping === 0) this.#alarm?.keepProcess(false)
  }

  #link(timer: WheelTimer): void {
    const due = Math.max(Math.ceil(timer.dueAt), this.#tick + 1)
    const tick = Math.min(due, this.#tick + reachMs - 1)
    const level = this.#levelFor(tick - this.#tick)
    timer.level = level
    timer.slotStart = level.add(timer, tick)
  }

  #levelFor(awayMs: number): WheelLevel {
    for (const level of this.#levels) if (awayMs < level.reachMs) return level
    return this.#widest
  }

  #wakeAt(tick: number): void {
    this.#alarm?.cancel()
    this.#wakeTick = tick
    const ms = Math.max(0, Math.ceil(tick - this.#alarms.elapsed()))
    this.#alarm = this.#alarms.wakeIn(ms, () => this.#turn())
    if (this.#keeping === 0) this.#alarm.keepProcess(false)
  }

  /** Runs the due timers. What they throw is thrown at the end, after all of them have run. */
  #turn(): void {
    const now = Math.floor(this.#alarms.elapsed())
    this.#alarm = undefined
    this.#isTurning = true
    for (let next = this.#nextStart(); next <= now; next = this.#nextStart()) {
      this.#tick = next
      // wide slots first, because their timers now belong in narrow slots
      for (const level of this.#fromWidest) this.#empty(level)
    }
    this.#isTurning = false
    this.#tick = Math.max(this.#tick, now)
    this.#wakeTick = Number.POSITIVE_INFINITY
    const next = this.#nextStart()
    if (next < Number.POSITIVE_INFINITY) this.#wakeAt(next)
    const failures = this.#failures.splice(0)
    if (failures.length > 0) throw failures.length === 1 ? failures[0] : new AggregateError(failures)
  }

  #run({ run, dueAt }: WheelTimer): void {
    try {
      run(this.#alarms.elapsed() - dueAt)
    } catch (thrown) {
      this.#failures.push(thrown)
    }
  }

  #nextStart(): number {
    return this.#levels.reduce((first, level) => Math.min(first, level.nextStart(this.#tick)), Number.POSITIVE_INFINITY)
  }

  /** Empties the slot that begins now. It runs the due timers and moves the others to another slot. */
  #empty(level: WheelLevel): void {
    for (let timer = level.firstAt(this.#tick); timer instanceof WheelTimer; timer = level.firstAt(this.#tick)) {
      if (timer.dueAt > this.#tick) {
        level.remove(timer)
        this.#link(timer)
      } else {
        this.remove(timer)
        this.#run(timer)
      }
    }
  }
}

class WheelTimer extends Link implements Timer {
  readonly #wheel: TimerWheel
  readonly run: (lateMs: number) => void
  readonly isBackground: boolean
  dueAt = 0
  /** The first millisecond of its slot. */
  slotStart = 0
  /** Undefined if the timer is not set. */
  level: WheelLevel | undefined

  constructor(wheel: TimerWheel, run: (lateMs: number) => void, isBackground: boolean) {
    super()
    this.#wheel = wheel
    this.run = run
    this.isBackground = isBackground
  }

  feed(ms: number): void {
    const now = this.#wheel.elapsed()
    // `ms` may be NaN
    this.dueAt = now + Math.max(0, ms || 0)
    if (this.level) {
      if (this.slotStart <= this.dueAt) return
      this.#wheel.remove(this)
    }
    this.#wheel.insert(this, now)
  }

  stop(): void {
    if (this.level) this.#wheel.remove(this)
  }
}
