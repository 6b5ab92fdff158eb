/**
 * This file is preloaded into a measured server. It tells the parent process the longest time for which one task
 * blocked the event loop. It measures the CPU time of the main thread between two ticks of a timer, so other work of
 * the machine does not change the figure.
 */
import { readFileSync } from 'node:fs'

const tickMs = 1

let longestMs = 0
let before = mainThreadMs()

setInterval(() => {
  const now = mainThreadMs()
  longestMs = Math.max(longestMs, now - before)
  before = mainThreadMs()
}, tickMs).unref()

process.on('message', () => {
  process.send?.(longestMs)
  longestMs = 0
})

/** Returns milliseconds of CPU time. The first field of schedstat has it in nanoseconds: proc(5). */
function mainThreadMs(): number {
  const stat = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1')
  return Number(stat.slice(0, stat.indexOf(' '))) / 1_000_000
}
