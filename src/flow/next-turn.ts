import { setImmediate } from 'node:timers/promises'

/** Lets other work run: resolves after everything that is waiting now has had its turn. */
export async function nextTurn(): Promise<void> {
  await setImmediate()
}
