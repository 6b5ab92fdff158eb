/** Whether the long tests run at full length: `TRIBUTARY_TEST_FULL=1`. */
export const isFull = process.env.TRIBUTARY_TEST_FULL === '1'

/** Returns `usual`, or `full` if the tests run at full length. */
export function times(usual: number, full: number): number {
  return isFull ? full : usual
}

/** Returns the number of runs of a property: `full` at full length, otherwise a fifth of it. */
export function runs(full: number): number {
  return Math.ceil(times(full / 5, full))
}
