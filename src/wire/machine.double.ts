import { CancelSource } from '../flow/cancel.ts'
import type { Network } from '../flow/network.ts'
import type { Runtime } from '../flow/runtime.ts'
import { openMachine } from './machine.ts'

/** The machine that the tests run on, for those that ask real sockets. */
export const machine = openMachine()

/** The same machine, with parts of it that a test has in its hands. */
export function machineWith(parts: Partial<Runtime>): Runtime {
  return { ...machine, ...parts }
}

export function newCancel(): CancelSource {
  return new CancelSource(machine)
}

/** One on a machine that has parts of the test's. */
export function cancelWith(parts: Partial<Runtime>): CancelSource {
  return new CancelSource(machineWith(parts))
}

/** One on a machine on which names mean what a test says. */
export function lookingUp(lookUp: Network['lookUp']): CancelSource {
  return cancelWith({ network: { ...machine.network, lookUp } })
}

export function aborted(reason: unknown): CancelSource {
  const source = newCancel()
  source.abort(reason)
  return source
}

/** One that is aborted after so many milliseconds, so that a test which waits in vain says so. */
export function cancelIn(ms: number): CancelSource {
  const source = newCancel()
  machine.timers.set(ms, () => source.abort(new Error(`Nothing came of it within ${ms} ms.`)), { isBackground: true })
  return source
}
