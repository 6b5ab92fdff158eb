import { setImmediate } from 'node:timers/promises'

/** Lets other work run. It resolves after all work that is waiting now has run. */
export async function nextTurn(): Promise<void> {
  await setImmediate()
}
