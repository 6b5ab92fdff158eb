/** Whether the long tests run at full length: `TRIBUTARY_TEST_FULL=1`. */
export const isFull = process.env.TRIBUTARY_TEST_FULL === '1'

/** How often something is done: `usual` times, or `full` times at full length. */
export function times(usual: number, full: number): number {
  return isFull ? full : usual
}

/** How often a property is tried: `full` times at full length, otherwise a fifth of that. */
export function runs(full: number): number {
  return Math.ceil(times(full / 5, full))
}
