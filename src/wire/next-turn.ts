import { setImmediate } from 'node:timers/promises'

/** Lets others in: goes on when all that waits has had its turn. */
export async function nextTurn(): Promise<void> {
  await setImmediate()
}
