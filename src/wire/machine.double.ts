import { CancelSource } from '../flow/cancel.ts'
import type { Network } from '../flow/network.ts'
import type { Runtime } from '../flow/runtime.ts'
import { openMachine } from './machine.ts'

/** The real machine, for tests with real sockets. */
export const machine = openMachine()

/** The real machine, with some parts that a test controls. */
export function machineWith(parts: Partial<Runtime>): Runtime {
  return { ...machine, ...parts }
}

export function newCancel(): CancelSource {
  return new CancelSource(machine)
}

/** Makes a signal on the real machine, with some parts that a test controls. */
export function cancelWith(parts: Partial<Runtime>): CancelSource {
  return new CancelSource(machineWith(parts))
}

/** Makes a signal on the real machine, but with the test's look-up of names. */
export function lookingUp(lookUp: Network['lookUp']): CancelSource {
  return cancelWith({ network: { ...machine.network, lookUp } })
}

export function aborted(reason: unknown): CancelSource {
  const source = newCancel()
  source.abort(reason)
  return source
}

/** Makes a signal that aborts after these milliseconds, so that a test that waits too long fails with a message. */
export function cancelIn(ms: number): CancelSource {
  const source = newCancel()
  machine.timers.set(ms, () => source.abort(new Error(`Nothing came of it within ${ms} ms.`)), { isBackground: true })
  return source
}
