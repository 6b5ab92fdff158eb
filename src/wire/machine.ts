import type { Runtime } from '../flow/runtime.ts'
import { type Alarms, TimerWheel } from '../flow/timer-wheel.ts'
import { openMemory } from './machine-memory.ts'
import { openNetwork } from './machine-network.ts'

const alarms: Alarms = {
  elapsed: () => performance.now(),
  wakeIn(ms, run) {
    const timer = setTimeout(run, ms)
    return {
      cancel: () => clearTimeout(timer),
      keepProcess: (keeps) => void (keeps ? timer.ref() : timer.unref()),
    }
  },
}

/** The machine that this process runs on. The composition root makes one, and hands it down. */
export function openMachine(): Runtime {
  const clock = { elapsed: alarms.elapsed, timers: new TimerWheel(alarms) }
  return {
    ...clock,
    now: Date.now,
    random: Math.random,
    randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
    newId: () => crypto.randomUUID(),
    memory: openMemory(),
    network: openNetwork(clock),
  }
}
