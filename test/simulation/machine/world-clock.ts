import type { Alarm, Alarms } from '../../../src/flow/timer-wheel.ts'

interface SetAlarm {
  readonly at: number
  readonly run: () => void
}

/** The alarms of one process. A dead process has none, and can set none. */
export interface ProcessAlarms extends Alarms {
  stop(): void
}

/** One clock for all processes, clients and upstreams. It goes to the next alarm, whoever has set it. */
export class WorldClock {
  #elapsed = 1_000
  #alarms: SetAlarm[] = []

  elapsed(): number {
    return this.#elapsed
  }

  newAlarms(): ProcessAlarms {
    let isStopped = false
    const own = new Set<SetAlarm>()
    const forget = (alarm: SetAlarm) => {
      own.delete(alarm)
      this.#alarms = this.#alarms.filter((other) => other !== alarm)
    }
    return {
      elapsed: () => this.#elapsed,
      wakeIn: (ms, run): Alarm => {
        const alarm = { at: this.#elapsed + ms, run }
        if (!isStopped) {
          own.add(alarm)
          this.#alarms.push(alarm)
        }
        return { cancel: () => forget(alarm), keepProcess: () => undefined }
      },
      stop: () => {
        isStopped = true
        for (const alarm of own) forget(alarm)
      },
    }
  }

  moveTo(elapsed: number): void {
    this.#elapsed = Math.max(this.#elapsed, elapsed)
  }

  /** Runs the next alarm if it is due by then; of two at once the one that was set first. @returns whether one ran */
  runNext(until: number): boolean {
    let next: SetAlarm | undefined
    for (const alarm of this.#alarms) if (!next || alarm.at < next.at) next = alarm
    if (!next || next.at > until) return false
    this.#alarms = this.#alarms.filter((other) => other !== next)
    this.moveTo(next.at)
    next.run()
    return true
  }
}
