import { setImmediate } from 'node:timers/promises'

/** Lets other work run. It resolves after all work that waits now has had its turn. */
export async function nextTurn(): Promise<void> {
  await setImmediate()
}
