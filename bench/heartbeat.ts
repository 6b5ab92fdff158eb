/**
 * Preloaded into a server under measurement: tells its parent how long nothing else had its turn. What counts is the CPU
 * time of the main thread between two ticks of a timer, so that a machine with other work does not change the figure.
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

/** proc(5): the first field of schedstat is the time on the CPU, in nanoseconds. */
function mainThreadMs(): number {
  const stat = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1')
  return Number(stat.slice(0, stat.indexOf(' '))) / 1_000_000
}
